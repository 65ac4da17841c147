import Foundation
import Observability
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Two peers with files of their own: what "done" means, and that everybody has the same file.
    @Suite struct SuccessTests {
        /// Two peers, each with its own topology file in which something may differ.
        struct Pair {
            let folder: String
            let firstPort: Int
            private let entries: [String]

            init(in folder: String, firstPort: Int) async throws {
                self.folder = folder
                self.firstPort = firstPort
                var entries: [String] = []
                for (place, name) in ["a", "b"].enumerated() {
                    let made = try await MurmurProcess.run(
                        ["identity", "new", "\(folder)/\(name).identity", "--json"], in: folder)
                    let keys = try JSONDecoder().decode([String: String].self, from: Data(made.output.utf8))
                    entries.append(
                        "  - { name: \(name), id: \"\(keys["id"] ?? "")\", key: \"\(keys["key"] ?? "")\", "
                            + "address: \"127.0.0.1:\(firstPort + place)\" }")
                }
                self.entries = entries
            }

            /// Writes a peer's file.
            func write(_ name: String, lora: String = "rank: 4, alpha: 8", rounds: Int = 2, top: String = "") throws {
                try """
                murmuration: 1
                swarm: { name: pair, seed: 1 }
                model: { base: builtin:fledgling, lora: { \(lora), targets: [q_proj] } }
                tuning: { template: terse, cutoff: 64, batch: 4, local-steps: 1, rounds: \(rounds) }
                data: { source: builtin:chores, count: 120, held-out: 1 }
                graph: { kind: complete }
                \(top)
                peers:
                \(entries.joined(separator: "\n"))
                """.write(toFile: "\(folder)/\(name).yaml", atomically: true, encoding: .utf8)
            }

            func start(_ name: String, _ more: [String] = []) throws -> MurmurProcess {
                try MurmurProcess(
                    [
                        "peer", "\(folder)/\(name).yaml", "--as", name, "--identity", "\(folder)/\(name).identity",
                        "--out", "\(folder)/run-\(name)", "--threads", "1",
                    ] + more, in: folder, name: name)
            }

            /// Runs both to their ends.
            func run(_ more: [String] = []) async throws -> (a: MurmurProcess.Outcome, b: MurmurProcess.Outcome) {
                let (a, b) = (try start("a", more), try start("b", more))
                return (try await a.wait(), try await b.wait())
            }

            func summary(_ name: String) throws -> JSONValue {
                let path = "\(folder)/run-\(name)/\(name)/summary.json"
                return try JSONValue.parse(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
            }
        }

        @Test(.timeLimit(.minutes(3))) func whoMeetsNobodyIsNotDone() async throws {
            let folder = try TemporaryFolder()
            let pair = try await Pair(in: folder.url.path, firstPort: 25_400)
            try pair.write("a", top: "wait-for: all")
            let alone = try await pair.start("a").wait()
            #expect(alone.status == 4, "\(alone.error)")
            #expect(!alone.output.contains("Done.") && alone.output.contains("never met"))
            #expect(alone.output.contains("waits for b at 127.0.0.1:25401"))
            #expect(alone.output.contains("more at most; never heard"))
            #expect(try pair.summary("a")["exit"]?.int == 4)
            // The same again is told from the log of both parts, and is allowed where it was asked for.
            let asked = try await pair.start("a", ["--quorum", "1"]).wait()
            #expect(asked.status == 0 && asked.output.contains("as it was asked for"), "\(asked.output)")
        }

        @Test(
            "Another rank or alpha, or other rounds: refused by section and key on both sides", .timeLimit(.minutes(3)))
        func whatDiffersIsNamed() async throws {
            let folder = try TemporaryFolder()
            let pair = try await Pair(in: folder.url.path, firstPort: 25_410)
            let cases = [
                ("rank: 8, alpha: 8", 2, "model.lora.rank: here 4, there 8"),
                ("rank: 4, alpha: 64", 2, "model.lora.alpha: here 8, there 64"),
                ("rank: 4, alpha: 8, rank-stabilised: true", 2, "model.lora.rank-stabilised: here false, there true"),
                ("rank: 4, alpha: 8", 3, "tuning.rounds: here 2, there 3"),
            ]
            for (lora, rounds, difference) in cases {
                try pair.write("a")
                try pair.write("b", lora: lora, rounds: rounds)
                let (a, b) = try await pair.run(["--restart"])
                #expect(a.status == 7 && b.status == 7, "\(a.error) \(b.error)")
                #expect(a.output.contains(difference) && !a.output.contains("Done."), "\(a.output)")
                #expect(b.output.contains(difference.split(separator: ":")[0]))
                let part = try pair.summary("a")["participation"]?["neighbours"]?["b"]
                #expect(part?["took_part"]?.bool == false && part?["mixed"]?.int == 0)
                let check = try await MurmurProcess.run(
                    ["topology", "check", "\(folder.url.path)/a.yaml", "--against", "\(folder.url.path)/b.yaml"],
                    in: folder.url.path)
                #expect(
                    check.status == 7 && check.output.contains(difference.split(separator: ":")[0]), "\(check.output)")
            }
        }

        @Test(.timeLimit(.minutes(3))) func aFinishedRunIsNotRelabelled() async throws {
            let folder = try TemporaryFolder()
            let pair = try await Pair(in: folder.url.path, firstPort: 25_420)
            for name in ["a", "b"] { try pair.write(name) }
            let (first, other) = try await pair.run(["--evaluate", "--keep-rounds"])
            #expect(first.status == 0 && other.status == 0 && first.output.contains("Done."), "\(first.output)")
            #expect(first.output.contains("took part") && first.output.contains("On 10 held-out records its loss is "))
            let heldOut = try pair.summary("a")["held_out"]
            #expect(heldOut?["records"]?.int == 10 && (heldOut?["loss"]?.double ?? 0) > 0)
            // Each round's adapter lies apart, and every card says what was measured of its own.
            let files = "\(folder.url.path)/run-a/a"
            func rounds() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: files + "/rounds").sorted()
            }
            #expect(try rounds() == ["0001"])
            func card(_ name: String) throws -> String {
                try String(contentsOfFile: "\(files)/\(name)/README.md", encoding: .utf8)
            }
            #expect(try card("rounds/0001").contains("| After rounds | 1 of 2 |"))
            let metric = "| held-out loss, nats a token |"
            #expect(try card("adapter").contains(metric) && !card("rounds/0001").contains(metric))
            // What it trains on: the records of both peers, but for one of each category.
            #expect(first.output.hasPrefix("trains on "), "\(first.output)")
            #expect(first.output.contains("held out: 10"), "\(first.output)")
            let adapter = "\(folder.url.path)/run-a/a/adapter/adapter_model.safetensors"
            let before = try Data(contentsOf: URL(fileURLWithPath: adapter))

            for name in ["a", "b"] { try pair.write(name, lora: "rank: 4, alpha: 64") }
            let relabelled = try await pair.start("a").wait()
            #expect(relabelled.status == 1 && relabelled.error.contains("model.lora.alpha: now 64, in the state 8"))
            #expect(relabelled.error.contains("--restart"))

            for name in ["a", "b"] { try pair.write(name, rounds: 4) }
            let more = try await pair.start("a").wait()
            #expect(more.status == 1 && more.error.contains("tuning.rounds: now 4, in the state 2"), "\(more.error)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: adapter)) == before)
            let (a, b) = try await pair.run(["--continue-with", "--keep-rounds"])
            #expect(a.status == 0 && b.status == 0, "\(a.output)")
            #expect(a.output.contains("round 4/4: loss") && !a.output.contains("round 2/4: loss"), "\(a.output)")
            #expect(a.output.contains("goes on from a state of other settings"))
            #expect(try rounds() == ["0001", "0002", "0003"])
            #expect(try pair.summary("a")["participation"]?["continued"]?.array?.count == 1)
        }

        @Test(.timeLimit(.minutes(3))) func aStoppedPeerSaysWhatIsKept() async throws {
            let folder = try TemporaryFolder()
            let pair = try await Pair(in: folder.url.path, firstPort: 25_430)
            for name in ["a", "b"] { try pair.write(name, rounds: 10_000) }
            let (a, b) = (try pair.start("a"), try pair.start("b"))
            let latest = "\(folder.url.path)/run-a/a/latest/adapter_config.json"
            #expect(await SmallSwarm.wait { FileManager.default.fileExists(atPath: latest) })
            let log = URL(fileURLWithPath: "\(folder.url.path)/run-a/a/events.jsonl")
            func paces() -> [LoggedEvent] { ((try? LoggedEvent.read(log)) ?? []).filter { $0.event == "pace" } }
            #expect(await SmallSwarm.wait { !paces().isEmpty })
            let pace = try #require(paces().first)
            #expect((pace.number("seconds_each") ?? 0) > 0 && pace.integer("rounds_left") == 9_997, "\(pace)")
            for process in [a, b] { process.send(SIGTERM) }
            let outcome = try await a.wait()
            _ = try await b.wait()
            #expect(outcome.status == 5 && outcome.output.contains("goes on from the checkpoint"), "\(outcome.output)")
            #expect(outcome.output.contains("/latest"))
            let export = try await MurmurProcess.run(
                ["export", "\(folder.url.path)/run-a/a", "--out", "\(folder.url.path)/so-far"], in: folder.url.path)
            #expect(export.status == 0 && export.output.contains("so-far"), "\(export.error)")
            #expect(FileManager.default.fileExists(atPath: "\(folder.url.path)/so-far/adapter_model.safetensors"))
        }

        @Test("What the run came to is not on the disk", .timeLimit(.minutes(3)))
        func whatIsNotWrittenIsNotDone() async throws {
            let folder = try TemporaryFolder()
            let pair = try await Pair(in: folder.url.path, firstPort: 25_450)
            for name in ["a", "b"] { try pair.write(name) }
            #expect(try await pair.run().a.status == 0)
            // Something stands where the adapter is to go, and where checkpoints are written first.
            let blocked = "\(folder.url.path)/run-a/a/adapter"
            try FileManager.default.removeItem(atPath: blocked)
            try Data().write(to: URL(fileURLWithPath: blocked))
            try FileManager.default.createDirectory(
                atPath: "\(folder.url.path)/run-b/b/state/.checkpoint.partial/x", withIntermediateDirectories: true)
            let (a, b) = try await pair.run(["--restart"])
            #expect(a.status == 6 && a.output.contains("The adapter could not be written"), "\(a.output)")
            #expect(b.status == 6 && b.output.contains("The last checkpoint could not be written"), "\(b.output)")
            #expect(!a.output.contains("Done.") && !b.output.contains("Done."))
            #expect(try pair.summary("a")["adapter"]?.text == nil && pair.summary("a")["exit"]?.int == 6)
            // With room there, the state still has it.
            try FileManager.default.removeItem(atPath: blocked)
            let export = try await MurmurProcess.run(
                ["export", "\(folder.url.path)/run-a/a/state", "--out", blocked], in: folder.url.path)
            #expect(export.status == 0 && export.output.contains("of the finished run"), "\(export.error)")
        }

        @Test(.timeLimit(.minutes(3))) func damagedCheckpointsAreSaid() async throws {
            let folder = try TemporaryFolder()
            let pair = try await Pair(in: folder.url.path, firstPort: 25_440)
            for name in ["a", "b"] { try pair.write(name) }
            _ = try await pair.run()
            for name in ["checkpoint.bin", "checkpoint.previous.bin"] {
                let path = "\(folder.url.path)/run-a/a/state/\(name)"
                var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
                bytes[bytes.count / 2] ^= 1
                try Data(bytes).write(to: URL(fileURLWithPath: path))
            }
            let (a, b) = try await pair.run()
            #expect(a.error.contains("no checkpoint in") && a.output.contains("a damaged file of the state"))
            #expect(try pair.summary("a")["participation"]?["damaged"]?.array?.count == 2)
            #expect(a.status == 0 && b.status == 0, "it takes over what the other has: \(a.output)")
        }
    }
}
