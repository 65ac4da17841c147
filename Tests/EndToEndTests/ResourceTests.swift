import Foundation
import Observability
import TestSupport
import Testing

extension EndToEnd {
    /// Too little memory, too few open files, a folder that cannot be written: one line with the need and the remedy.
    @Suite struct ResourceTests {
        /// Runs `murmur` under a limit of the shell, `ulimit WORDS`.
        private func run(
            limit: String, _ arguments: [String], in folder: String
        ) throws -> (status: Int32, error: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments =
                ["-c", "ulimit \(limit); exec timeout 100 \"$@\"", "sh", MurmurProcess.executable.path] + arguments
            let output = URL(fileURLWithPath: folder).appendingPathComponent("limited.err")
            try Data().write(to: output)
            process.standardError = try FileHandle(forWritingTo: output)
            process.standardOutput = FileHandle.nullDevice
            process.standardInput = FileHandle.nullDevice
            process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit, "\(arguments) under \(limit)")
            return (process.terminationStatus, try String(contentsOf: output, encoding: .utf8))
        }

        @Test(arguments: [20, 64]) func tooFewOpenFilesAreNamed(files: Int) throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 22_750, peers: 8)
            let outcome = try run(
                limit: "-n \(files)", ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("8 peers need about 96 open files"), "\(outcome.error)")
            #expect(outcome.error.contains("ulimit -n 96"), "\(outcome.error)")
            #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
        }

        @Test(arguments: ["170000", "200000", "300000", "409600"]) func tooLittleMemoryIsNamed(kilobytes: String) throws
        {
            let folder = try TemporaryFolder()
            let outcome = try run(
                limit: "-v \(kilobytes)",
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", folder.path("a")], in: folder.url.path)
            // The last is the least that a process works with: a small model may fit.
            guard outcome.status != 0 || kilobytes != "409600" else { return }
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("ulimit -v") && outcome.error.contains("M"), "\(outcome.error)")
        }

        private static let prlimit = "/usr/bin/prlimit"

        /// A disk that is full for a while: the log and the ledger have every round afterwards.
        @Test(
            .enabled(if: FileManager.default.isExecutableFile(atPath: prlimit), "prlimit of util-linux"),
            .timeLimit(.minutes(3)))
        func theLedgerHasNoHolesAfterAFullDisk() async throws {
            let folder = try TemporaryFolder()
            let pair = try await SuccessTests.Pair(in: folder.url.path, firstPort: 25_500)
            for name in ["a", "b"] { try pair.write(name, lora: "rank: 1, alpha: 2", rounds: 10_000) }
            let limit = 100_000
            let a = Process()
            a.executableURL = URL(fileURLWithPath: "/bin/sh")
            a.arguments = [
                "-c", "trap '' XFSZ; exec \(Self.prlimit) --fsize=\(limit):unlimited \"$@\"", "sh",
                MurmurProcess.executable.path, "peer", folder.path("a.yaml"), "--as", "a", "--identity",
                folder.path("a.identity"), "--out", folder.path("run-a"), "--threads", "1",
            ]
            a.standardInput = FileHandle.nullDevice
            a.standardOutput = FileHandle.nullDevice
            try a.run()
            let b = try pair.start("b", ["--json"])
            let log = folder.url.appendingPathComponent("run-a/a/events.jsonl")
            func size() -> Int {
                ((try? FileManager.default.attributesOfItem(atPath: log.path))?[.size] as? Int) ?? 0
            }
            #expect(await SmallSwarm.wait { size() > limit - 1_000 })
            try await Task.sleep(for: .seconds(2))
            #expect(size() <= limit && a.isRunning, "a full disk stops no peer")
            let more = Process()
            more.executableURL = URL(fileURLWithPath: Self.prlimit)
            more.arguments = ["--pid", "\(a.processIdentifier)", "--fsize=unlimited:unlimited"]
            try more.run()
            more.waitUntilExit()
            func events() -> [LoggedEvent] { (try? LoggedEvent.read(log)) ?? [] }
            #expect(await SmallSwarm.wait { events().contains { $0.event == "log_resumed" } })
            a.terminate()
            b.send(SIGTERM)
            #expect(await SmallSwarm.wait { !a.isRunning })
            _ = try await b.wait()
            let all = events()
            #expect(all.contains { $0.event == "log_failed" && $0.text("reason") != nil })
            let mixed = all.filter { $0.event == "mixed" }.compactMap(\.round)
            #expect(mixed == Array(0..<mixed.count), "no round is missing")
            let ledger = try LoggedEvent.read(folder.url.appendingPathComponent("run-a/a/outgoing.jsonl"))
            // Whoever stops while a neighbour is silent says what is unconfirmed: that belongs to the ledger too.
            let leaving: Set = ["contribution_sent", "contribution_unconfirmed"]
            #expect(ledger == all.filter { leaving.contains($0.event) })
            let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == all.count, "no line is torn")
        }

        @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
        func aFolderThatCannotBeWrittenIsNamed() async throws {
            let folder = try TemporaryFolder()
            try FileManager.default.createDirectory(
                atPath: folder.path("closed"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o500]
            )
            for arguments in [
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", folder.path("closed/a")],
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", folder.path("closed")],
            ] {
                let outcome = try await MurmurProcess.run(arguments, in: folder.url.path)
                #expect(outcome.status == 1 && outcome.error.contains("no permission"), "\(outcome.error)")
            }
        }
    }
}
