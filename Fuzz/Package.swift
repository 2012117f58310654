// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "swift-mos", path: "..")],
  targets: [
    .target(name: "CFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CFuzzer",
        .product(name: "MOSCore", package: "swift-mos"),
        .product(name: "PacketIO", package: "swift-mos"),
        .product(name: "MTCP", package: "swift-mos"),
        .product(name: "DualStackTracker", package: "swift-mos"),
        .product(name: "EventDSL", package: "swift-mos"),
        .product(name: "Middleboxes", package: "swift-mos"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
