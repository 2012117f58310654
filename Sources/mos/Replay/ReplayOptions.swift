import DualStackTracker
import MOSCore
import Records

/// What `mos replay` was asked for, checked.
struct ReplayOptions: Sendable {
  /// How fast the trace is played.
  enum Speed: Sendable, Equatable {
    /// As fast as it goes.
    case maximum
    /// In the time of its packets, that many times as fast.
    case times(Double)
  }

  /// How the statistics are printed.
  enum StatisticsFormat: Sendable {
    case text
    case json
  }

  /// The captures; `-` is standard input.
  var files: [String] = []
  /// A pcap-filter expression: which flows to track.
  var filter: String?
  /// Where connection records go, and how; `-` is standard output.
  var connectionLog: String?
  var connectionFormat = ConnectionLogFormat.json
  /// Where EVE records go.
  var eve: String?
  /// Where events go.
  var events: String?
  /// The file for the packets that leave.
  var packetFile: String?
  /// The folder for the streams' bytes.
  var extract: String?
  /// Connection records have the streams' lengths and SHA-256.
  var streamHash = false
  /// Connection records and reports of middleboxes have Community IDs.
  var communityID = false
  /// Records of flows have what TLS handshakes tell.
  var tls = false
  /// The middleboxes that packets pass, in their row.
  var middleboxes: [MiddleboxChoice] = []
  /// The number of a packet to say everything about.
  var explain: UInt64?
  /// What packets are decoded like.
  var decoder = DecoderConfiguration()
  /// What flows are tracked like.
  var tracker = TrackerConfiguration()
  /// How many workers track, 1 to 64.
  var workers = 1
  /// How often the trace is run over, from memory when more than once.
  var loops = 1
  /// The trace is taken into memory first.
  var preload = false
  var speed = Speed.maximum
  /// No progress bar and no summary.
  var quiet = false
  var statistics = StatisticsFormat.text
  /// `--stats` was given: the summary is printed although `quiet`.
  var statisticsRequested = false

  /// Where text for people goes: standard output, unless records go there.
  var textDescriptor: Int32 { [connectionLog, eve, events, packetFile].contains("-") ? 2 : 1 }
}
