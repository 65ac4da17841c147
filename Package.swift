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
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
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
    .target(name: "CGzip", linkerSettings: [.linkedLibrary("z")]),
    .target(name: "CKernels"),
    .target(name: "CLeafHash"),
    .target(name: "CRecordCipher"),
    .target(name: "CSocketFilter"),
    module("Basics", []),
    module("Storage", ["Basics", "CGzip"]),
    module("LinearAlgebra", ["COpenBLAS", "CKernels"]),
    module("Cryptography", ["Basics", "CSodium", "COpenSSL", "CLeafHash", "CRecordCipher"]),
    module("Adapters", ["Storage", "Basics"]),
    module("LanguageModel", ["Adapters", "LinearAlgebra", "Storage", "Basics"]),
    module(
        "InstructionTuning", ["SwarmFile", "LanguageModel", "Adapters", "LinearAlgebra", "Storage", "Basics"],
        resources: [.copy("BuiltIn/Fledgling"), .copy("BuiltIn/chores.json")]),
    module("Overlay", ["Basics"]),
    module("Aggregation", ["Adapters", "Overlay", "LinearAlgebra", "Basics"]),
    module("SwarmFile", ["Aggregation", "Adapters", "Overlay", "Storage", "Basics", yams]),
    module("Wire", ["Cryptography", "Basics", deque]),
    module("Transport", ["Wire", "Basics", "CSocketFilter", nioCore, nioPosix]),
    module("Faults", ["SwarmFile", "Basics"]),
    module("Recording", ["Adapters", "Storage", "Basics"]),
    module(
        "Federation",
        ["Adapters", "Aggregation", "Overlay", "SwarmFile", "Wire", "Cryptography", "Storage", "Basics"]),
    module(
        "Simulation",
        [
            "Federation", "Faults", "Recording", "Wire", "Overlay", "SwarmFile", "Adapters", "Aggregation",
            "Cryptography", "Storage", "Basics",
        ]),
    module("Observability", ["Federation", "Storage", "Basics"]),
    module(
        "MurmurKit",
        [
            "Adapters", "Aggregation", "Basics", "Cryptography", "Faults", "Federation", "InstructionTuning",
            "LanguageModel", "LinearAlgebra", "Observability", "Overlay", "Recording", "Simulation", "Storage",
            "SwarmFile", "Transport", "Wire", asyncHTTPClient, nioCore, nioHTTP1, subprocess,
        ]),
    module(
        "Serving",
        [
            "MurmurKit", "Observability", "InstructionTuning", "LanguageModel", "LinearAlgebra", "Storage", hummingbird,
            hummingbirdCore, nioCore, logging, coreMetrics,
        ]),
]

let executables: [Target] = [
    .executableTarget(
        name: "murmur",
        dependencies: [
            "Adapters", "Basics", "Cryptography", "InstructionTuning", "LanguageModel", "MurmurKit", "Observability",
            "Recording", "Serving", "Storage", "SwarmFile", "Wire", argumentParser,
        ],
        swiftSettings: settings),
    .executableTarget(
        name: "EngineBench",
        dependencies: ["Adapters", "Basics", "InstructionTuning", "LanguageModel", "LinearAlgebra"],
        swiftSettings: settings),
    .executableTarget(
        name: "WireBench",
        dependencies: ["Basics", "Cryptography", "LinearAlgebra", "Transport", "Wire"],
        swiftSettings: settings),
]

let testTargets: [Target] = [
    .target(
        name: "TestSupport", dependencies: ["Basics", "Storage", "Wire"], path: "Tests/TestSupport",
        swiftSettings: settings),
    tests("BasicsTests", ["Basics"]),
    tests("StorageTests", ["Storage", "Basics", "TestSupport"]),
    tests("LinearAlgebraTests", ["LinearAlgebra", "Basics"]),
    tests("CryptographyTests", ["Cryptography", "Basics"]),
    tests("AdaptersTests", ["Adapters", "Storage", "Basics", "TestSupport"]),
    tests("LanguageModelTests", ["LanguageModel", "Adapters", "LinearAlgebra", "Storage", "Basics", "TestSupport"]),
    tests(
        "InstructionTuningTests",
        [
            "InstructionTuning", "SwarmFile", "LanguageModel", "Adapters", "LinearAlgebra", "Storage", "Basics",
            "TestSupport",
        ]),
    tests("AggregationTests", ["Aggregation", "Overlay", "Adapters", "LinearAlgebra", "Basics", "TestSupport"]),
    tests("OverlayTests", ["Overlay", "Basics"]),
    tests("SwarmFileTests", ["SwarmFile", "Aggregation", "Adapters", "Overlay", "Storage", "Basics", "TestSupport"]),
    tests("WireTests", ["Wire", "Cryptography", "Basics", "TestSupport"]),
    tests("TransportTests", ["Transport", "Wire", "Cryptography", "Basics"]),
    tests(
        "FederationTests",
        [
            "Federation", "Simulation", "Recording", "Transport", "Wire", "SwarmFile", "Aggregation", "Overlay",
            "Adapters", "Cryptography", "Storage", "Basics", "TestSupport",
        ]),
    tests("FaultsTests", ["Faults", "Basics", "TestSupport"]),
    tests("RecordingTests", ["Recording", "Adapters", "Basics"]),
    tests(
        "SimulationTests",
        [
            "Simulation", "Faults", "Recording", "Federation", "Overlay", "SwarmFile", "Adapters", "Storage", "Basics",
        ]),
    tests("ObservabilityTests", ["Observability", "Federation", "Storage", "Basics", "TestSupport"]),
    tests(
        "MurmurKitTests",
        [
            "MurmurKit", "Adapters", "Basics", "Cryptography", "Faults", "Federation", "InstructionTuning",
            "LanguageModel", "LinearAlgebra",
            "Observability", "Recording", "Simulation", "Storage", "SwarmFile", "TestSupport", "Transport", "Wire",
        ]),
    tests(
        "ServingTests",
        [
            "Serving", "MurmurKit", "Observability", "SwarmFile", "InstructionTuning", "LinearAlgebra", "Storage",
            "TestSupport", hummingbird, logging, coreMetrics,
        ]),
    tests(
        "EndToEndTests",
        [
            "InstructionTuning", "LanguageModel", "Adapters", "Aggregation", "Basics", "Cryptography", "Faults",
            "Federation", "MurmurKit", "Observability", "Simulation", "Storage", "SwarmFile", "TestSupport", "Wire",
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
                "Adapters", "Aggregation", "Basics", "Cryptography", "Faults", "Federation", "InstructionTuning",
                "LanguageModel", "MurmurKit", "Overlay", "Recording", "Storage", "SwarmFile", "Wire",
            ],
            path: "Tests/Fuzzing/Driver", swiftSettings: settings)
    ]

// ---------------------------------------------------------------------------------------------------------------------
// The site: only with MURMUR_SITE in the environment, so that no other build fetches its plugin. `scripts/make-site`.
// ---------------------------------------------------------------------------------------------------------------------

let siteDependencies: [Package.Dependency] =
    Context.environment["MURMUR_SITE"] == nil
    ? []
    : [.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")]

let package = Package(
    name: "murmuration",
    products: products,
    dependencies: dependencies + siteDependencies,
    targets: systemLibraries + modules + executables + testTargets + fuzzTargets
)
