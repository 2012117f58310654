import Foundation

/// Captures that are used when they are there: the folder that MOS_SHARED names, else `../shared` beside the package.
package enum SharedMaterial {
  package static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  package static let folder: URL? = {
    let named = ProcessInfo.processInfo.environment["MOS_SHARED"].map { URL(fileURLWithPath: $0) }
    let folder = named ?? packageRoot.deletingLastPathComponent().appendingPathComponent("shared")
    return FileManager.default.fileExists(atPath: folder.appendingPathComponent("pcaps").path) ? folder : nil
  }()

  /// All captures of the shared material and of the package itself, sorted.
  package static func captures() -> [String] {
    let folders = [folder?.appendingPathComponent("pcaps"), packageRoot.appendingPathComponent("traces")]
    return folders.compactMap { $0 }.flatMap { folder -> [String] in
      let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
      return files.filter { $0.hasSuffix(".pcap") || $0.hasSuffix(".pcapng") }.map { folder.path + "/" + $0 }.sorted()
    }
  }
}
