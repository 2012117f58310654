// Unsafe: zlib's stream. Invariant: it lies at one address from `init` to `deinit`, because zlib keeps pointers to it, and
// is initialized as long; the pointers in it to input and output are used during a call only.
import CZlib

/// Decodes a stream of gzip, zlib or raw deflate, piece by piece.
final class Inflater {
  enum Format: Int32 {
    case gzip = 31
    case zlib = 15
    case raw = -15
  }

  enum Result {
    /// All of the input was taken, or the output is full.
    case ok
    /// The stream is over; what is left of the input is not its.
    case end
    case broken
  }

  private let functions: mos_zlib_functions
  private let stream: UnsafeMutablePointer<z_stream>

  /// Nil when zlib is not installed or there is no memory.
  init?(_ format: Format) {
    guard let zlib else { return nil }
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    functions = zlib
    let size = Int32(MemoryLayout<z_stream>.size)
    if zlib.inflate_init(stream, format.rawValue, ZLIB_VERSION, size) != Z_OK {
      stream.deallocate()
      return nil
    }
  }

  /// Begins another stream.
  func reset(_ format: Format) { _ = functions.inflate_reset(stream, format.rawValue) }

  /// Decodes from `input` to `output`, and leaves of each what was not used.
  func inflate(_ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer) -> Result {
    guard let source = input.baseAddress, let target = output.baseAddress else { return .ok }
    let taken = min(input.count, Int(UInt32.max))
    let room = min(output.count, Int(UInt32.max))
    stream.pointee.next_in = UnsafeMutablePointer(mutating: source.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(taken)
    stream.pointee.next_out = target.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(room)
    let status = functions.inflate(stream, Z_NO_FLUSH)
    input = UnsafeRawBufferPointer(rebasing: input[(taken - Int(stream.pointee.avail_in))...])
    output = UnsafeMutableRawBufferPointer(rebasing: output[(room - Int(stream.pointee.avail_out))...])
    return switch status {
    // No progress is possible without more input or room.
    case Z_OK, Z_BUF_ERROR: .ok
    case Z_STREAM_END: .end
    default: .broken
    }
  }

  deinit {
    _ = functions.inflate_end(stream)
    stream.deallocate()
  }
}

/// zlib's functions, loaded when first asked for; nil where it is not installed.
private let zlib: mos_zlib_functions? = {
  var functions = mos_zlib_functions()
  return mos_zlib_load(&functions) == 0 ? functions : nil
}()
