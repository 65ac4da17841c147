// swift-tools-version: 6.2

import PackageDescription

// ---------------------------------------------------------------------------------------------------------------------
// Products: one executable, `murmur`. The modules are internal to the package and talk through `package` access.
// ---------------------------------------------------------------------------------------------------------------------

let products: [Product] = []

// ---------------------------------------------------------------------------------------------------------------------
// Dependencies
// ---------------------------------------------------------------------------------------------------------------------

let dependencies: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")

// ---------------------------------------------------------------------------------------------------------------------
// Settings: language mode 6, the upcoming features that are to become the language, warnings are errors.
// ---------------------------------------------------------------------------------------------------------------------

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

// ---------------------------------------------------------------------------------------------------------------------
// Targets: dependencies run one way (docs/architecture.md); TidyTests keep it so.
// ---------------------------------------------------------------------------------------------------------------------

func module(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let systemLibraries: [Target] = [
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
]

let modules: [Target] = [
    .target(name: "CKernels"),
    .target(name: "CLeafHash"),
    .target(name: "CRecordCipher"),
    .target(name: "CSocketFilter"),
    module("LinearAlgebra", ["COpenBLAS", "CKernels"]),
    module("Cryptography", ["CSodium", "COpenSSL", "CLeafHash", "CRecordCipher"]),
    module("Adapters", ["LinearAlgebra"]),
    module("LanguageModel", ["Adapters", "LinearAlgebra"]),
    module(
        "InstructionTuning", ["LanguageModel", "Adapters", "LinearAlgebra"],
        resources: [.copy("BuiltIn/Fledgling"), .copy("BuiltIn/chores.json")]),
    module("Aggregation", ["Adapters", "LinearAlgebra"]),
    module("Overlay", ["LinearAlgebra", yams]),
    module("Wire", ["Overlay", "Cryptography"]),
    module("Transport", ["Wire", "Overlay", "CSocketFilter", nioCore, nioPosix]),
    module("Federation", ["Adapters", "Aggregation", "Overlay", "Wire", "Cryptography", "LinearAlgebra"]),
    module(
        "Simulation",
        ["Federation", "Wire", "Overlay", "Adapters", "Aggregation", "Cryptography", "LinearAlgebra"]),
    module("Observability", ["Federation", "Overlay"]),
]

let executables: [Target] = [
    .executableTarget(
        name: "murmur",
        dependencies: [
            "Adapters", "Aggregation", "Cryptography", "Federation", "InstructionTuning", "LanguageModel",
            "LinearAlgebra", "Observability", "Overlay", "Simulation", "Transport", "Wire", argumentParser,
        ],
        swiftSettings: settings),
    .executableTarget(
        name: "EngineBench",
        dependencies: ["Adapters", "InstructionTuning", "LanguageModel", "LinearAlgebra"],
        swiftSettings: settings),
    .executableTarget(
        name: "WireBench",
        dependencies: ["Cryptography", "LinearAlgebra", "Overlay", "Transport", "Wire"],
        swiftSettings: settings),
]

let testTargets: [Target] = [
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    tests("LinearAlgebraTests", ["LinearAlgebra", "TestSupport"]),
    tests("CryptographyTests", ["Cryptography", "LinearAlgebra", "TestSupport"]),
    tests("AdaptersTests", ["Adapters", "LinearAlgebra", "TestSupport"]),
    tests("LanguageModelTests", ["LanguageModel", "Adapters", "LinearAlgebra", "TestSupport"]),
    tests(
        "InstructionTuningTests", ["InstructionTuning", "LanguageModel", "Adapters", "LinearAlgebra", "TestSupport"]),
    tests("AggregationTests", ["Aggregation", "Adapters", "LinearAlgebra", "TestSupport"]),
    tests("OverlayTests", ["Overlay", "LinearAlgebra", "TestSupport"]),
    tests("WireTests", ["Wire", "Overlay", "Cryptography", "LinearAlgebra", "TestSupport"]),
    tests("TransportTests", ["Transport", "Wire", "Overlay", "Cryptography", "LinearAlgebra", "TestSupport"]),
    tests(
        "FederationTests",
        [
            "Federation", "Simulation", "Transport", "Wire", "Overlay", "Aggregation", "Adapters", "Cryptography",
            "LinearAlgebra", "TestSupport",
        ]),
    tests(
        "SimulationTests",
        [
            "Simulation", "Federation", "Wire", "Overlay", "Aggregation", "Adapters", "Cryptography", "LinearAlgebra",
            "TestSupport",
        ]),
    tests("ObservabilityTests", ["Observability", "TestSupport"]),
    tests(
        "EndToEndTests",
        [
            "InstructionTuning", "LanguageModel", "Adapters", "Cryptography", "LinearAlgebra", "Observability",
            "TestSupport",
        ]),
    tests("TidyTests", ["TestSupport"]),
]

// ---------------------------------------------------------------------------------------------------------------------
// Fuzzing: only with MURMUR_FUZZ in the environment, as libFuzzer brings a `main` of its own. `scripts/fuzz` builds it.
// ---------------------------------------------------------------------------------------------------------------------

let fuzzTargets: [Target] =
    Context.environment["MURMUR_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "murmur-fuzz",
            dependencies: [
                "Adapters", "Aggregation", "Cryptography", "Federation", "InstructionTuning", "LanguageModel",
                "LinearAlgebra", "Overlay", "Simulation", "Wire",
            ],
            path: "Fuzz/Driver", swiftSettings: settings)
    ]

let package = Package(
    name: "murmuration",
    products: products,
    dependencies: dependencies,
    targets: systemLibraries + modules + executables + testTargets + fuzzTargets
)
