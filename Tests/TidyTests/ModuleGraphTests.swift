import Testing

/// Dependencies run one way (docs/architecture.md): no module imports another that it may not know.
@Suite struct ModuleGraphTests {
    /// What each module may import of the project's own modules.
    static let allowed: [String: Set<String>] = [
        "LinearAlgebra": ["COpenBLAS", "CKernels"],
        "Cryptography": ["CSodium", "COpenSSL", "CLeafHash", "CRecordCipher"],
        "Adapters": ["LinearAlgebra"],
        "LanguageModel": ["Adapters", "LinearAlgebra"],
        "InstructionTuning": ["LanguageModel", "Adapters", "LinearAlgebra"],
        "Aggregation": ["Adapters", "LinearAlgebra"],
        "Overlay": ["LinearAlgebra", "Yams"],
        "Wire": ["Overlay", "Cryptography", "LinearAlgebra"],
        "Transport": ["Wire", "Overlay", "LinearAlgebra", "CSocketFilter", "NIOCore", "NIOPosix"],
        "WireBench": ["Wire", "Transport", "Overlay", "Cryptography", "LinearAlgebra"],
        "EngineBench": ["Adapters", "InstructionTuning", "LanguageModel", "LinearAlgebra"],
        "Federation": ["Adapters", "Aggregation", "Overlay", "Wire", "Cryptography", "LinearAlgebra"],
        "Simulation": [
            "Federation", "Wire", "Overlay", "Adapters", "Aggregation", "Cryptography", "LinearAlgebra",
        ],
        "Observability": ["Federation", "Overlay", "Wire", "Adapters"],
    ]

    /// System modules that any module may import.
    static let system: Set<String> = [
        "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Musl", "Darwin", "Synchronization",
    ]

    @Test(arguments: allowed.keys.sorted()) func importsFollowTheGraph(module: String) throws {
        let permitted = try #require(Self.allowed[module]).union(Self.system)
        for file in SourceTree.module(module) {
            for (number, line) in file.lines.enumerated() {
                guard let imported = Self.importedModule(of: line) else { continue }
                #expect(
                    permitted.contains(imported), "\(file.path):\(number + 1): \(module) must not import \(imported)")
            }
        }
    }

    @Test func onlyItsOwnersImportAForeignLibrary() {
        let owners: [String: Set<String>] = [
            "CSodium": ["Cryptography"], "COpenSSL": ["Cryptography"], "CLeafHash": ["Cryptography"],
            "CRecordCipher": ["Cryptography"],
            "CSocketFilter": ["Transport"],
            "COpenBLAS": ["LinearAlgebra"], "CKernels": ["LinearAlgebra"],
            "Yams": ["Overlay"], "NIOCore": ["Transport"], "NIOPosix": ["Transport"], "ArgumentParser": ["murmur"],
        ]
        for file in SourceTree.files(in: ["Sources"], extensions: ["swift"]) {
            let module = file.path.split(separator: "/")[1]
            for line in file.lines {
                guard let imported = Self.importedModule(of: line), let owner = owners[imported] else { continue }
                #expect(
                    owner.contains(String(module)),
                    "\(file.path) imports \(imported), which belongs to \(owner.sorted())")
            }
        }
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
}
