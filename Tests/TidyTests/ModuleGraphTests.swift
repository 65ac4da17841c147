import Foundation
import TestSupport
import Testing

/// Dependencies run one way (docs/architecture.md). For every module three things are the same: the edges that are
/// allowed here, those that `Package.swift` declares, and those that the sources use.
@Suite struct ModuleGraphTests {
    /// What each module imports, of the project's own modules and of packages.
    static let allowed: [String: Set<String>] = [
        "Basics": [],
        "Storage": ["Basics", "CGzip"],
        "LinearAlgebra": ["COpenBLAS", "CKernels"],
        "Cryptography": ["Basics", "CSodium", "COpenSSL", "CLeafHash", "CRecordCipher"],
        "Adapters": ["Storage", "Basics"],
        "LanguageModel": ["Adapters", "LinearAlgebra", "Storage", "Basics"],
        "InstructionTuning": ["SwarmFile", "LanguageModel", "Adapters", "LinearAlgebra", "Storage", "Basics"],
        "Aggregation": ["Adapters", "Overlay", "LinearAlgebra", "Basics"],
        "Overlay": ["Basics"],
        "SwarmFile": ["Aggregation", "Adapters", "Overlay", "Storage", "Basics", "Yams"],
        "Wire": ["Cryptography", "Basics", "DequeModule"],
        "Transport": ["Wire", "Basics", "CSocketFilter", "NIOCore", "NIOPosix"],
        "Faults": ["SwarmFile", "Basics"],
        "Recording": ["Adapters", "Storage", "Basics"],
        "Federation": [
            "Adapters", "Aggregation", "Overlay", "SwarmFile", "Wire", "Cryptography", "Storage", "Basics",
        ],
        "Simulation": [
            "Federation", "Faults", "Recording", "Wire", "Overlay", "SwarmFile", "Adapters", "Aggregation",
            "Cryptography", "Storage", "Basics",
        ],
        "Observability": ["Federation", "Storage", "Basics"],
        "MurmurKit": [
            "Adapters", "Aggregation", "Basics", "Cryptography", "Faults", "Federation", "InstructionTuning",
            "LanguageModel", "LinearAlgebra", "Observability", "Overlay", "Recording", "Simulation", "Storage",
            "Subprocess", "SwarmFile", "Transport", "Wire", "AsyncHTTPClient", "NIOCore", "NIOHTTP1",
        ],
        "Serving": [
            "MurmurKit", "Observability", "InstructionTuning", "LanguageModel", "LinearAlgebra", "Storage",
            "Hummingbird",
            "HummingbirdCore", "NIOCore", "Logging", "CoreMetrics",
        ],
        "murmur": [
            "Adapters", "Basics", "Cryptography", "InstructionTuning", "LanguageModel", "MurmurKit", "Observability",
            "Recording", "Serving", "Storage", "SwarmFile", "Wire", "ArgumentParser",
        ],
        "EngineBench": ["Adapters", "Basics", "InstructionTuning", "LanguageModel", "LinearAlgebra"],
        "WireBench": ["Basics", "Cryptography", "LinearAlgebra", "Transport", "Wire"],
    ]

    /// Modules of the system, which any module may import.
    static let system: Set<String> = [
        "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Musl", "Darwin",
        "Synchronization",
    ]

    @Test func everyModuleIsListed() {
        let modules = SourceTree.files(in: ["Sources"], extensions: ["swift"]).map { $0.path.split(separator: "/")[1] }
        #expect(Set(modules.map(String.init)) == Set(Self.allowed.keys))
    }

    @Test(arguments: allowed.keys.sorted()) func sourcesUseWhatIsAllowed(module: String) throws {
        let allowed = try #require(Self.allowed[module])
        var used: Set<String> = []
        for file in SourceTree.module(module) {
            for (number, line) in file.lines.enumerated() {
                guard let imported = Self.importedModule(of: line), !Self.system.contains(imported) else { continue }
                used.insert(imported)
                #expect(
                    allowed.contains(imported), "\(file.path):\(number + 1): \(module) must not import \(imported)")
            }
        }
        #expect(allowed.subtracting(used).sorted() == [], "\(module) is allowed to import what it does not")
    }

    @Test(arguments: allowed.keys.sorted()) func theManifestDeclaresWhatIsAllowed(module: String) throws {
        let manifest = SharedData.projectRoot.appendingPathComponent("Package.swift")
        let text = try String(contentsOf: manifest, encoding: .utf8)
        let declared = try #require(
            try Self.declaredDependencies(of: module, in: text), "Package.swift has no target \(module)")
        #expect(declared == Self.allowed[module], "what Package.swift declares for \(module)")
    }

    @Test(arguments: allowed.keys.sorted()) func dependenciesRunOneWay(module: String) {
        var reached: Set<String> = []
        var open = Self.allowed[module] ?? []
        while let next = open.popFirst() {
            guard reached.insert(next).inserted else { continue }
            open.formUnion(Self.allowed[next] ?? [])
        }
        #expect(!reached.contains(module), "\(module) imports itself by way of others")
    }

    @Test func onlyItsOwnersImportAForeignLibrary() {
        let owners: [String: Set<String>] = [
            "CSodium": ["Cryptography"], "COpenSSL": ["Cryptography"], "CLeafHash": ["Cryptography"],
            "CRecordCipher": ["Cryptography"],
            "CSocketFilter": ["Transport"],
            "COpenBLAS": ["LinearAlgebra"], "CKernels": ["LinearAlgebra"],
            "Yams": ["SwarmFile"], "NIOCore": ["Transport", "Serving", "MurmurKit"], "NIOPosix": ["Transport"],
            "DequeModule": ["Wire"], "AsyncHTTPClient": ["MurmurKit"], "NIOHTTP1": ["MurmurKit"],
            "Subprocess": ["MurmurKit"], "Hummingbird": ["Serving"], "HummingbirdCore": ["Serving"],
            "Logging": ["Serving"], "CoreMetrics": ["Serving"],
            "ArgumentParser": ["murmur"],
        ]
        for (module, imports) in Self.allowed {
            for imported in imports {
                guard let owner = owners[imported] else { continue }
                #expect(owner.contains(module), "\(module) imports \(imported), which belongs to \(owner.sorted())")
            }
        }
    }

    /// A real peer's process needs nothing of the simulator: in MurmurKit one room alone imports it.
    @Test func onlyItsRoomImportsTheSimulator() {
        for file in SourceTree.module("MurmurKit") where !file.path.hasPrefix("Sources/MurmurKit/Simulating/") {
            let imports = file.lines.compactMap(Self.importedModule)
            #expect(!imports.contains("Simulation"), "\(file.path) imports Simulation")
        }
        #expect(Self.allowed["murmur"]?.contains("Simulation") == false)
    }

    /// The module that a line imports: `package import Overlay` gives `Overlay`.
    static func importedModule(of line: String) -> String? {
        let words = line.split(separator: " ")
        guard let position = words.firstIndex(of: "import"), position <= 2, words.count > position + 1,
            words[..<position].allSatisfy({ $0 == "package" || $0 == "public" || $0 == "internal" || $0.hasPrefix("@") }
            )
        else { return nil }
        return String(words[position + 1].split(separator: ".")[0])
    }

    /// What the manifest declares for a target: the names in the brackets behind `"NAME"`. Its constants for the
    /// products of packages stand for their modules.
    static func declaredDependencies(of target: String, in manifest: String) throws -> Set<String>? {
        let declaration = try Regex(
            #"(?:module\(|name:)\s*""# + target + #"",\s*(?:dependencies:\s*)?\[([^\]]*)\]"#,
            as: (Substring, Substring).self)
        guard let match = try declaration.firstMatch(in: manifest) else { return nil }
        let products = [
            "yams": "Yams", "nioCore": "NIOCore", "nioPosix": "NIOPosix", "argumentParser": "ArgumentParser",
            "deque": "DequeModule", "subprocess": "Subprocess", "hummingbird": "Hummingbird",
            "hummingbirdCore": "HummingbirdCore", "logging": "Logging", "coreMetrics": "CoreMetrics",
            "asyncHTTPClient": "AsyncHTTPClient", "nioHTTP1": "NIOHTTP1",
        ]
        let words = match.output.1.split { !$0.isLetter && !$0.isNumber }
        return Set(words.map { products[String($0)] ?? String($0) })
    }
}
