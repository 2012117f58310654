/// The rules that one worker uses, until they are replaced.
final class RulesInUse: @unchecked Sendable {
  @exclusivity(unchecked) private(set) var detector: Detector
  @exclusivity(unchecked) private(set) var configuration: IDSConfiguration
  /// Never changes, so that any thread may ask.
  private let isInline: Bool

  init(_ configuration: IDSConfiguration) throws {
    self.configuration = configuration
    isInline = configuration.isInline
    detector = try Detector(configuration)
  }

  func prepare(_ new: IDSConfiguration) throws -> IDSReplacement {
    var new = new
    new.isInline = isInline
    return IDSReplacement(configuration: new, detector: try Detector(new))
  }

  func replace(by new: IDSReplacement) {
    new.detector.takeOver(detector)
    detector = new.detector
    configuration = new.configuration
  }
}

/// Rules that are ready to be put to use by one worker's IDS, once (`IDS.prepare`).
///
/// It may be handed from the thread that prepared it to the worker's.
public struct IDSReplacement: @unchecked Sendable {
  let configuration: IDSConfiguration
  let detector: Detector
}
