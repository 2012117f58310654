import CZlib

/// Compresses as servers do.
enum Deflater {
  /// The formats of zlib: 31 gzip, 15 zlib, -15 raw deflate.
  static func deflate(_ bytes: [UInt8], windowBits: Int32 = 31) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    precondition(
      deflateInit2_(&stream, 9, Z_DEFLATED, windowBits, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1000)
    let room = output.count
    input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(room)
        precondition(CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END)
      }
    }
    return Array(output[..<(room - Int(stream.avail_out))])
  }
}
