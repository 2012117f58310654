// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "swift-mos",
  products: [
    .executable(name: "mos", targets: ["mos"]),
    .library(name: "MOSCore", targets: ["MOSCore"]),
    .library(name: "PacketIO", targets: ["PacketIO"]),
    .library(name: "MTCP", targets: ["MTCP"]),
    .library(name: "DualStackTracker", targets: ["DualStackTracker"]),
    .library(name: "EventDSL", targets: ["EventDSL"]),
    .library(name: "Records", targets: ["Records"]),
    .library(name: "Middleboxes", targets: ["Middleboxes"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .target(name: "CPcap"),
    .target(name: "CYAML"),
    .target(name: "CHyperscan"),
    .target(name: "CPCRE2"),
    .target(name: "CZlib"),
    .target(
      name: "CDPDK", exclude: ["system"],
      cSettings: [.headerSearchPath("system/common"), .headerSearchPath("system/machine")]),
    .target(name: "CMachine"),
    .target(name: "MOSCore", dependencies: ["CMachine"]),
    .target(name: "PacketIO", dependencies: ["CDPDK", "MOSCore", "CPcap"]),
    .target(name: "MTCP", dependencies: ["MOSCore"]),
    .target(name: "DualStackTracker", dependencies: ["CMachine", "MOSCore", "MTCP"]),
    .target(name: "EventDSL", dependencies: ["MOSCore", "PacketIO", "MTCP", "DualStackTracker"]),
    .target(
      name: "Records",
      dependencies: [
        "MOSCore", "MTCP", "DualStackTracker", "EventDSL", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .target(
      name: "Middleboxes",
      dependencies: [
        "CHyperscan", "CPCRE2", "CYAML", "CZlib", "MOSCore", "DualStackTracker", "EventDSL", "Records",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .executableTarget(
      name: "mos",
      dependencies: [
        "MOSCore", "PacketIO", "MTCP", "DualStackTracker", "EventDSL", "Middleboxes", "Records",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .executableTarget(
      name: "event-benchmark", dependencies: ["EventDSL", "Middleboxes", "MOSCore", "PacketIO"],
      path: "Benchmarks/EventBenchmark"),
    .executableTarget(
      name: "ReplayCuts", dependencies: ["MOSCore", "PacketIO", "DualStackTracker"], path: "Tests/ReplayCuts"),
    .executableTarget(name: "FaultBridge", dependencies: ["MOSCore", "PacketIO"], path: "Tests/FaultBridge"),
    .target(name: "TestSupport", dependencies: ["MOSCore"], path: "Tests/TestSupport"),
    .target(name: "EventSupport", dependencies: ["EventDSL", "TestSupport"], path: "Tests/EventSupport"),
    .testTarget(name: "MOSCoreTests", dependencies: ["MOSCore", "TestSupport"]),
    .testTarget(
      name: "PacketIOTests", dependencies: ["PacketIO", "MOSCore", "CDPDK", "CPcap", "TestSupport"],
      linkerSettings: [.linkedLibrary("pcap")]),
    .testTarget(name: "MTCPTests", dependencies: ["MTCP"]),
    .testTarget(name: "TrackerTests", dependencies: ["DualStackTracker", "TestSupport"]),
    .testTarget(
      name: "EventTests",
      dependencies: ["EventDSL", "EventSupport", "DualStackTracker", "MTCP", "MOSCore", "PacketIO", "TestSupport"]),
    .testTarget(
      name: "RecordsTests",
      dependencies: [
        "Records", "EventDSL", "MOSCore", "MTCP", "DualStackTracker",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(
      name: "MiddleboxesTests",
      dependencies: [
        "Middleboxes", "CZlib", "DualStackTracker", "EventDSL", "EventSupport", "MOSCore", "PacketIO", "Records",
        "TestSupport",
      ],
      linkerSettings: [.linkedLibrary("z")]),
    .testTarget(
      name: "CommandTests",
      dependencies: ["mos", "EventDSL", "MOSCore", "MTCP", "PacketIO", "Records", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
