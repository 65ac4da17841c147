import Testing

/// Protocol code has no clock, no task, no socket and no randomness of its own; unsafe code stands in three modules only.
@Suite struct ForbiddenCodeTests {
    /// Modules whose every file is sans-IO.
    static let sansIO = ["Aggregation", "Overlay", "Wire"]

    /// Files of Federation that are shells and may use a clock, tasks and the disk.
    static let shells: Set<String> = [
        "Peer.swift", "Peer+Run.swift", "CheckpointStore.swift", "PeerEnvironment.swift",
    ]

    static let forbidden = [
        "Date(", "Date.now", "ContinuousClock", "SuspendingClock", "DispatchTime", "UUID(", "Task {", "Task(",
        "Task.detached",
        "Task.sleep", "usleep", "SystemRandomNumberGenerator", "arc4random", "clock_gettime", "gettimeofday",
        ".now()", "URLSession", "socket(", "shuffled()", "randomElement()",
    ]

    @Test func protocolCodeIsSansIO() {
        var files = Self.sansIO.flatMap(SourceTree.module)
        files += SourceTree.module("Federation").filter { file in
            !Self.shells.contains(String(file.path.split(separator: "/").last ?? ""))
        }
        for file in files {
            for (number, line) in file.code.enumerated() {
                for word in Self.forbidden where line.contains(word) {
                    Issue.record("\(file.path):\(number + 1): \(word) in sans-IO code")
                }
                let draws = line.contains(".random(in:") && !line.contains("using:")
                #expect(!draws, "\(file.path):\(number + 1): randomness that is not an argument")
            }
        }
    }

    @Test func unsafeCodeIsConfined() {
        let homes: Set<Substring> = [
            "LinearAlgebra", "Cryptography", "CKernels", "COpenBLAS", "CSodium", "COpenSSL", "CLeafHash",
            "CRecordCipher",
        ]
        for file in SourceTree.files(in: ["Sources"], extensions: ["swift"]) {
            guard !homes.contains(file.path.split(separator: "/")[1]) else { continue }
            for (number, line) in file.code.enumerated() {
                let unsafe = line.contains("Unsafe") || line.contains("withUnsafe") || line.contains("unsafeBitCast")
                #expect(
                    !unsafe, "\(file.path):\(number + 1): unsafe code outside LinearAlgebra, CKernels and Cryptography")
            }
        }
    }

    /// The compiler inlines nothing into other modules that is not public (docs/decisions/0057-what-is-inlined-is-public.md).
    @Test func whatIsToBeInlinedIsPublic() {
        for file in SourceTree.files(in: ["Sources"], extensions: ["swift"]) {
            for (number, line) in file.code.enumerated() where line.contains("@inlinable") {
                let declaration = file.code[number...min(number + 1, file.code.count - 1)].joined(separator: " ")
                #expect(!declaration.contains("package "), "\(file.path):\(number + 1): inlinable, but not public")
            }
        }
    }

    /// From another module, a change of one element through an observed property copies the whole array.
    @Test func whatOthersChangeIsNotObserved() {
        for file in SourceTree.files(in: ["Sources"], extensions: ["swift"]) {
            for (number, line) in file.code.enumerated() where line.contains("didSet") || line.contains("willSet") {
                let declaration = file.code[max(0, number - 1)...number].joined(separator: " ")
                let isOthers = declaration.contains("package var") || declaration.contains("public var")
                #expect(!isOthers, "\(file.path):\(number + 1): observed, and other modules may set it")
            }
        }
    }

    @Test func uncheckedSendableIsProved() {
        for file in SourceTree.files(in: ["Sources"], extensions: ["swift"]) {
            for (number, line) in file.lines.enumerated() where line.contains("@unchecked Sendable") {
                let above = file.lines[max(0, number - 12)..<number].joined()
                #expect(
                    above.contains("///") || above.contains("//"),
                    "\(file.path):\(number + 1): @unchecked Sendable without a sentence that proves it")
            }
        }
    }

    /// Only the simulator's command may do without cryptography: no peer's process can.
    @Test func onlyTheSimulatorPretends() {
        for file in SourceTree.files(in: ["Sources"], extensions: ["swift"]) {
            guard !file.path.hasSuffix("murmur/Commands/SimulateCommand.swift") else { continue }
            for (number, line) in file.code.enumerated() {
                #expect(!line.contains("PretendedCryptography.begin"), "\(file.path):\(number + 1)")
            }
        }
    }

    @Test func noPathOfTheBuildersMachineIsLeft() {
        let folders = ["Sources", "Tests", "scripts", "docs", "topologies"]
        let files = SourceTree.files(in: folders, extensions: ["swift", "md", "yaml", "json", "py", "c", "h", ""])
        let needles = ["/" + "work/", "/" + "root/", "/" + "home/"]
        for file in files {
            for (number, line) in file.lines.enumerated() {
                for needle in needles where line.contains(needle) {
                    Issue.record("\(file.path):\(number + 1): a path of one machine: \(line.prefix(80))")
                }
            }
        }
    }
}
