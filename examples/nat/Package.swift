// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "nat",
  // The folder of a clone can have any name.
  dependencies: [.package(name: "swift-mos", path: "../..")],
  targets: [
    .executableTarget(
      name: "nat",
      dependencies: [
        .product(name: "EventDSL", package: "swift-mos"), .product(name: "PacketIO", package: "swift-mos"),
      ],
      path: ".", exclude: ["README.md"], sources: ["main.swift"])
  ],
  swiftLanguageModes: [.v6]
)
