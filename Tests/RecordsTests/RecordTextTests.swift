import Foundation
import Testing

@testable import MOSCore
@testable import Records

@Suite("Text of records")
struct RecordTextTests {
  @Test("integers are written as Swift writes them")
  func integers() {
    var generator = SeededGenerator(state: 1)
    var values: [UInt64] = [0, 1, 9, 10, 99, 100, 999, 1000, .max, .max - 1, 1 << 63]
    var power: UInt64 = 1
    for _ in 0..<19 {
      power *= 10
      values += [power - 1, power, power + 1]
    }
    for shift in 0..<64 { values.append(generator.next() >> UInt64(shift)) }
    for value in values {
      #expect(written { $0.append(decimal: value) } == String(value))
      let signed = Int64(bitPattern: value)
      #expect(written { $0.append(decimal: signed) } == String(signed))
    }
    #expect(written { $0.append(decimal: Int64.min) } == "-9223372036854775808")
  }

  @Test("nanoseconds are seconds with as many decimals as asked for")
  func seconds() {
    #expect(written { $0.append(seconds: 1_300_475_167_096_535_999) } == "1300475167.096535")
    #expect(written { $0.append(seconds: 1_300_475_167_096_535_999, decimals: 9) } == "1300475167.096535999")
    #expect(written { $0.append(seconds: 0) } == "0.000000")
    #expect(written { $0.append(seconds: -1_500_000_000) } == "-1.500000")
    #expect(written { $0.append(seconds: .min, decimals: 9) } == "-9223372036.854775808")
    #expect(written { $0.append(seconds: .max, decimals: 9) } == "9223372036.854775807")
    #expect(written { $0.append(timestamp: Timestamp(nanoseconds: 1_500_000)) } == "0.001500")
    #expect(written { $0.append(timestamp: Timestamp(nanoseconds: 1_500_001)) } == "0.001500001")
  }

  @Test("dates are those of the C library")
  func dates() {
    var generator = SeededGenerator(state: 2)
    var values: [Int64] = [
      0, -1, 951_782_400_000_000_000, 951_868_799_999_999_999, 4_102_444_800_000_000_000, .min, .max,
      -62_135_596_800, 1_709_164_800_000_000_000,
    ]
    for _ in 0..<2000 { values.append(Int64(bitPattern: generator.next())) }
    for value in values {
      var seconds = value / 1_000_000_000
      if value % 1_000_000_000 < 0 { seconds -= 1 }
      let micro = (value &- seconds &* 1_000_000_000) / 1000
      var time = time_t(seconds)
      var parts = tm()
      gmtime_r(&time, &parts)
      let expected = String(
        format: "%04d-%02d-%02dT%02d:%02d:%02d.%06d+0000", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
        parts.tm_hour, parts.tm_min, parts.tm_sec, Int32(micro))
      #expect(written { $0.append(iso8601: Timestamp(nanoseconds: value)) } == expected)
      let zeek = expected.dropLast(12).map { $0 == "T" || $0 == ":" ? "-" : $0 }
      #expect(written { $0.append(zeekTime: Timestamp(nanoseconds: value)) } == String(zeek))
    }
  }

  @Test("a text grows, is emptied and is used again")
  func growth() {
    var text = RecordText(capacity: 1)
    let long = String(repeating: "0123456789", count: 1000)
    for _ in 0..<3 {
      text.append(string: long)
      text.append(UInt8(ascii: "!"))
      #expect(String(decoding: text.bytes, as: UTF8.self) == long + "!")
      text.truncate(to: 3)
      #expect(String(decoding: text.bytes, as: UTF8.self) == "012")
      text.removeAll()
      #expect(text.count == 0)
    }
  }

  @Test(
    "an address is written as its description", arguments: ["192.0.2.255", "0.0.0.0", "2001:db8::1", "::", "fe80::"])
  func addresses(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(written { $0.append(address: address) } == text)
  }
}

@Suite("JSON")
struct JSONTextTests {
  @Test("objects, arrays and members come back from Foundation's parser")
  func structure() throws {
    let line = written {
      $0.beginObject()
      $0.member("a", UInt64.max)
      $0.member("{[", "text ending in {")
      $0.key("list")
      $0.beginArray()
      $0.element(1)
      $0.element(2)
      $0.beginObject()
      $0.endObject()
      $0.beginObject()
      $0.member("b", true)
      $0.endObject()
      $0.beginArray()
      $0.endArray()
      $0.endArray()
      $0.member("c", false)
      $0.endRecord()
    }
    #expect(
      line == #"{"a":18446744073709551615,"{[":"text ending in {","list":[1,2,{},{"b":true},[]],"c":false}"# + "\n")
    #expect(try parsed(line)["list"] as? NSArray == [1, 2, [:] as NSDictionary, ["b": true], [] as NSArray])
  }

  @Test("records follow each other without commas")
  func lines() {
    let lines = written { text in
      for _ in 0..<2 {
        text.beginObject()
        text.endRecord()
      }
    }
    #expect(lines == "{}\n{}\n")
  }

  private func expectRoundTrip(_ bytes: [UInt8]) throws {
    let line = written { text in
      text.beginObject()
      text.key("s")
      bytes.withUnsafeBytes { text.appendQuoted(bytes: $0) }
      text.endRecord()
    }
    #expect(try parsed(line)["s"] as? String == String(decoding: bytes, as: UTF8.self), "\(bytes)")
    let scalars = line.dropLast().unicodeScalars
    #expect(!scalars.contains { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) }, "control character: \(bytes)")
  }

  @Test("hostile strings come back as Swift decodes them, and no control character stands in the text")
  func strings() throws {
    try expectRoundTrip([])
    for byte in UInt8.min...UInt8.max {
      try expectRoundTrip([byte])
      try expectRoundTrip([0x41, byte, 0x42])
      try expectRoundTrip([0xe2, byte, 0xac])
      try expectRoundTrip([0xc2, byte])
      try expectRoundTrip([0xf0, byte, 0x80, 0x80])
      try expectRoundTrip([0xf4, byte, 0xbf, 0x22])
      try expectRoundTrip([0xed, byte, 0x5c])
    }
    for text in [
      "\"", "\\", "\"\\\"", "\u{1b}[2J", "é€😀\u{10ffff}", "\u{85}\u{9b}31m", "a\0b", "</script>", "\u{2028}",
    ] {
      try expectRoundTrip(Array(text.utf8))
    }
  }

  @Test("random bytes, most of them leading or continuation bytes, come back as Swift decodes them")
  func randomStrings() throws {
    var generator = SeededGenerator(state: 3)
    let likely: [UInt8] = [0x22, 0x5c, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff]
    for _ in 0..<3000 {
      let count = Int.random(in: 0..<24, using: &generator)
      try expectRoundTrip(
        (0..<count).map { _ in
          Bool.random(using: &generator)
            ? likely.randomElement(using: &generator)! : .random(in: 0...255, using: &generator)
        })
    }
  }
}
