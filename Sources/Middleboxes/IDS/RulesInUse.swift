/// The rules that one worker uses, until they are replaced.
final class RulesInUse {
  private(set) var detector: Detector
  private(set) var configuration: IDSConfiguration

  init(_ configuration: IDSConfiguration) throws {
    self.configuration = configuration
    detector = try Detector(configuration)
  }

  func replace(by new: IDSConfiguration) throws {
    var new = new
    new.isInline = configuration.isInline
    let next = try Detector(new)
    next.takeOver(detector)
    detector = next
    configuration = new
  }
}
