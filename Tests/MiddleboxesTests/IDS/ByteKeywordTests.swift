import Testing

@testable import Middleboxes

@Suite("Numbers in the payload")
struct ByteKeywordTests {
  private typealias Source = ByteSource

  @Test("byte_test")
  func byteTest() {
    #expect(
      matches("byte_test:2,>,1000,4;") == [
        .byteTest(
          ByteTest(source: Source(count: .literal(2), offset: .literal(4)), operation: .greater, value: .literal(1000)))
      ])
    #expect(
      matches("content:\"a\"; byte_test: 4 , !& , 0x80000000 , -16 , relative , little , bitmask 0xff00;").last
        == .byteTest(
          ByteTest(
            source: Source(
              count: .literal(4), offset: .literal(-16), isRelative: true, byteOrder: .little, bitmask: 0xff00),
            operation: .and, isNegated: true, value: .literal(0x8000_0000))))
    #expect(
      matches("byte_test:5,<=,256,0,string,dec;") == [
        .byteTest(
          ByteTest(
            source: Source(count: .literal(5), offset: .literal(0), base: .decimal), operation: .lessOrEqual,
            value: .literal(256)))
      ])
    #expect(matches("byte_test:1,=,5,0,string,dec,little;") == matches("byte_test:1,=,5,0,string;"))
    #expect(matches("byte_test:1,!,5,0;") == matches("byte_test:1,!=,5,0;"))
    #expect(matches("byte_test:20,=,18446744073709551615,0,string,dec;").count == 1)
    #expect(matches("byte_extract:1,0,a; byte_test:1,=,a,a;").count == 2)
  }

  @Test("byte_jump")
  func byteJump() {
    #expect(
      matches("content:\"a\"; byte_jump:4,-12,relative,little,multiplier 2,align,from_beginning,post_offset -10;").last
        == .byteJump(
          ByteJump(
            source: Source(count: .literal(4), offset: .literal(-12), isRelative: true, byteOrder: .little),
            origin: .beginning, multiplier: 2, isAligned: true, postOffset: .literal(-10))))
    #expect(
      matches("byte_jump:0,0,from_end,post_offset -8;") == [
        .byteJump(
          ByteJump(
            source: Source(count: .literal(0), offset: .literal(0)), origin: .end, postOffset: .literal(-8)))
      ])
    #expect(matches("byte_jump:2,0,relative, string, hex;").count == 1)
  }

  @Test("byte_extract and byte_math")
  func variables() throws {
    let read = try #require(
      rule(
        "byte_extract:2,72,TotalDataCount,little,multiplier 3,align 2; "
          + "byte_math:bytes 1, offset 1, oper <<, rvalue TotalDataCount, result sum, relative, endian big; "
          + "byte_test:1,=,sum,13;"))
    #expect(read.buffers.first?.variables == ["TotalDataCount", "sum"])
    #expect(
      read.buffers.first?.matches == [
        .byteExtract(
          ByteExtract(
            source: Source(count: .literal(2), offset: .literal(72), byteOrder: .little), variable: 0, multiplier: 3,
            alignment: 2)),
        .byteMath(
          ByteMath(
            source: Source(count: .literal(1), offset: .literal(1), isRelative: true), operation: .shiftLeft,
            value: .variable(0), variable: 1)),
        .byteTest(
          ByteTest(
            source: Source(count: .literal(1), offset: .literal(13)), operation: .equal, value: .variable(1))),
      ])
  }

  @Test("isdataat")
  func isDataAt() {
    #expect(matches("isdataat:512;") == [.isDataAt(IsDataAt(place: .literal(512)))])
    #expect(
      matches("content:\"a\"; isdataat: !1 , relative, rawbytes;").last
        == .isDataAt(IsDataAt(place: .literal(1), isNegated: true, isRelative: true, isRaw: true)))
  }

  private static let faults = [
    FaultyOptions(
      "byte_test:2,>,5;",
      "byte_test: \"2,>,5\" is incomplete, expected bytes, operator, value, offset, as 2,>,1000,0,relative"),
    FaultyOptions("byte_test:9,>,5,0;", "byte_test: bytes: \"9\" is not a number from 1 to 8"),
    FaultyOptions("byte_test:0,>,5,0;", "byte_test: bytes: \"0\" is not a number from 1 to 8"),
    FaultyOptions("byte_test:24,>,5,0,string,oct;", "byte_test: bytes: \"24\" is not a number from 1 to 23"),
    FaultyOptions("byte_test:2,~,5,0;", "byte_test: \"~\" is none of <, >, =, <=, >=, &, ^"),
    FaultyOptions("byte_test:2,>,5x,0;", "byte_test: \"5x\" is no number"),
    FaultyOptions("byte_test:2,>,18446744073709551616,0;", "byte_test: \"18446744073709551616\" is no number"),
    FaultyOptions("byte_test:2,>,5,65536;", "byte_test: offset: \"65536\" is not a number from -65535 to 65535"),
    FaultyOptions(
      "byte_test:2,>,5,0,relativ;",
      "byte_test: there is no option \"relativ\", did you mean \"relative\"? Expected: relative, big, little, string, "
        + "hex, dec, oct, bitmask"),
    FaultyOptions("byte_test:2,>,5,0,hex;", "byte_test: a base of digits without string"),
    FaultyOptions("byte_test:2,>,5,0,string,hex,dec;", "byte_test: the base is said twice"),
    FaultyOptions("byte_test:2,>,5,0,big,little;", "byte_test: the byte order is said twice"),
    FaultyOptions("byte_test:2,>,5,0,relative,relative;", "byte_test: \"relative\" is there twice"),
    FaultyOptions(
      "byte_test:2,>,5,0,bitmask 0;", "byte_test: bitmask: \"0\" is not a number from 1 to 4294967295"),
    FaultyOptions("byte_test:2,>,5,0,dce;", "not used: byte_test with the byte order of DCE/RPC"),
    FaultyOptions(
      "byte_test:2,=,len,0;",
      "byte_test: there is no variable \"len\" so far, expected byte_extract or byte_math before it"),
    FaultyOptions("byte_jump:2;", "byte_jump: \"2\" is incomplete, expected bytes, offset, as 2,0,relative"),
    FaultyOptions(
      "byte_jump:2,0,from_end,from_beginning;", "byte_jump: from_beginning and from_end cannot both be"),
    FaultyOptions("byte_jump:2,0,multiplier 0;", "byte_jump: multiplier: \"0\" is not a number from 1 to 65535"),
    FaultyOptions(
      "byte_jump:2,0,post_offset 70000;",
      "byte_jump: post_offset: \"70000\" is not a number from -65535 to 65535"),
    FaultyOptions("byte_jump:9,0;", "byte_jump: bytes: \"9\" is not a number from 0 to 8"),
    FaultyOptions("byte_extract:2,0,9a;", "byte_extract: \"9a\" is no name for a variable, expected a letter first"),
    FaultyOptions("byte_extract:1,0,a; byte_extract:1,a,b;", "not used: byte_extract with a variable"),
    FaultyOptions("byte_extract:2,0,a,align 3;", "byte_extract: align: \"3\" is none, expected 2 or 4"),
    FaultyOptions(
      "byte_math:bytes 2,offset 0,oper +,rvalue 4;",
      "byte_math: \"bytes 2,offset 0,oper +,rvalue 4\" is incomplete, expected as bytes 2, offset 0, oper +, rvalue 4, "
        + "result length"),
    FaultyOptions(
      "byte_math:bytes 2,offset 0,oper %,rvalue 4,result a;", "byte_math: oper: \"%\" is none of +, -, *, /, <<, >>"),
    FaultyOptions(
      "byte_math:bytes 5,offset 0,oper <<,rvalue 1,result a;", "byte_math: 5 bytes to be shifted, expected 4 at most"),
    FaultyOptions(
      "byte_math:bytes 2,offset 0,oper /,rvalue 0,result a;", "byte_math: a division by 0 never matches"),
    FaultyOptions("byte_math:bytes 2,bytes 2,offset 0,oper +,rvalue 4,result a;", "byte_math: bytes is there twice"),
    FaultyOptions(
      "isdataat:5,relatve;",
      "isdataat: \"5,relatve\" is none, expected for example 10, !1,relative or 5,relative,rawbytes"),
    FaultyOptions("isdataat:-5;", "isdataat: \"-5\" is not a number from 0 to 65535"),
  ]

  @Test("that cannot be are refused", arguments: faults)
  func refuses(example: FaultyOptions) { #expect(ruleFault(example.options) == example.fault) }

  @Test("have no more than 256 variables in a buffer")
  func manyVariables() {
    let many = (0...256).map { "byte_extract:1,0,v\($0);" }.joined(separator: " ")
    #expect(ruleFault(many) == "byte_extract: a buffer may have 256 variables")
  }
}
