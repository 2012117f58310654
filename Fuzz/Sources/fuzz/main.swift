// fuzz TARGET [libFuzzer's options] [CORPUS...]       runs a target
// fuzz seed TARGET FOLDER CAPTURE...                  fills a corpus from captures
import CFuzzer
import Glibc

/// A fuzz target: what libFuzzer calls, and how a capture becomes inputs for it.
struct Target: Sendable {
  var name: String
  var run: @Sendable @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
  var seeds: @Sendable (_ capture: String) -> [[UInt8]]
}

let targets = [
  captureTarget, dnsTarget, editTarget, ftpTarget, headersTarget, httpTarget, idsRulesTarget, inlineTarget, keptTarget,
  optionsTarget,
  rulesTarget, tlsTarget, trackerTarget, translationTarget,
]

func usage() -> Never {
  complain("usage: fuzz \(targets.map(\.name).joined(separator: "|")) [option...] [corpus...]")
  complain("       fuzz seed TARGET FOLDER CAPTURE...")
  exit(2)
}

var arguments = CommandLine.arguments
if arguments.count > 4, arguments[1] == "seed", let target = targets.first(where: { $0.name == arguments[2] }) {
  writeSeeds(of: target, folder: arguments[3], captures: arguments.dropFirst(4))
  exit(0)
}
// libFuzzer starts itself again, without the name, to make a crash's input smaller and to run in several processes.
let inherited = getenv("FUZZ_TARGET").map { String(cString: $0) }
let isNamed = arguments.count > 1 && targets.contains { $0.name == arguments[1] }
guard let name = isNamed ? arguments.remove(at: 1) : inherited, let target = targets.first(where: { $0.name == name })
else { usage() }
setenv("FUZZ_TARGET", name, 1)
var count = Int32(arguments.count)
var pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = .allocate(capacity: arguments.count + 1)
for (index, argument) in arguments.enumerated() { pointers![index] = strdup(argument) }
pointers![arguments.count] = nil
exit(LLVMFuzzerRunDriver(&count, &pointers, target.run))
