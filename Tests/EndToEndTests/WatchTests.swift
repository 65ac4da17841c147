import Foundation
import Observability
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// `--status` and `murmur watch` with real processes.
    @Suite struct WatchTests {
        /// The answer of a page of this machine; nil where nobody listens.
        private func ask(_ port: Int, _ path: String) async -> HTTPVisitor.Answer? {
            let answer = try? await HTTPVisitor(port: port).ask("GET", path)
            return answer?.status == 0 ? nil : answer
        }

        /// The port that a process has told on standard error.
        private func port(_ folder: String, _ name: String) async throws -> Int {
            let path = "\(folder)/\(name).err"
            func found() -> Int? {
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                return text.firstMatch(of: /status: http:\S+:(\d+)\/\n/).flatMap { Int($0.output.1) }
            }
            _ = await SmallSwarm.wait { found() != nil }
            return try #require(found())
        }

        private func metric(_ text: String, _ name: String) -> Double {
            text.split(separator: "\n").filter { $0.hasPrefix(name) && !$0.hasPrefix("#") }
                .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
        }

        @Test(.timeLimit(.minutes(5))) func aSwarmIsSeenWhileItRunsAndAfterwards() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 25_520, rounds: 2_000, localSteps: 1)
            let process = try MurmurProcess(
                ["swarm", swarm.topology, "--out", swarm.out, "--threads", "1", "--status", "127.0.0.1:0"],
                in: folder.url.path, name: "swarm")
            let port = try await port(folder.url.path, "swarm")
            #expect(
                await SmallSwarm.wait { swarm.names.allSatisfy { swarm.events($0).contains { $0.event == "mixed" } } })

            let page = try #require(await ask(port, "/"))
            #expect(page.status == 200 && swarm.names.allSatisfy { page.body.contains(">\($0)</th>") })
            let status = try #require(await ask(port, "/status.json"))
            let json = try JSONValue.parse(Array(status.body.utf8))
            #expect(json["state"]?.text == "running" && json["swarm"]?.text == "small" && json["rounds"]?.int == 2_000)
            let peers = try #require(json["peers"]?.array)
            #expect(peers.map { $0["peer"]?.text } == swarm.names)
            #expect(peers.allSatisfy { ($0["neighbours"]?.array?.count ?? 0) == 2 && ($0["loss"]?.double ?? 0) > 0 })
            let before = try #require(await ask(port, "/metrics")).body
            #expect(metric(before, "murmur_rounds_total") >= 4 && metric(before, "murmur_peers") == 4)
            #expect(metric(before, "murmur_peer_phase") == 4)
            try await Task.sleep(for: .seconds(1))
            let after = try #require(await ask(port, "/metrics")).body
            #expect(metric(after, "murmur_rounds_total") > metric(before, "murmur_rounds_total"))

            // Another process sees the same from the files, page included.
            let watch = try MurmurProcess(
                ["watch", swarm.out, "--json", "--status", "127.0.0.1:0"], in: folder.url.path, name: "watch")
            let watched = try #require(await ask(try await self.port(folder.url.path, "watch"), "/metrics"))
            #expect(watched.status == 200)
            let once = try await MurmurProcess.run(["watch", swarm.out, "--once"], in: folder.url.path)
            #expect(once.status == 0 && once.output.hasPrefix("small  round "), "\(once.error)")
            #expect(
                swarm.names.allSatisfy { name in once.output.split(separator: "\n").contains { $0.hasPrefix(name) } })

            process.send(SIGTERM)
            let outcome = try await process.wait()
            #expect(outcome.status == 5, "\(outcome.error)")
            #expect(await ask(port, "/health") == nil)
            // The watching ends with the run.
            let seen = try await watch.wait()
            #expect(seen.status == 0, "\(seen.error)")
            let states = seen.output.split(separator: "\n").compactMap { try? JSONValue.parse(Array($0.utf8)) }
            #expect(states.count > 1 && states.first?["state"]?.text == "running")
            #expect(states.last?["state"]?.text == "ended" && states.last?["done"]?.bool == true)
            let end = try await MurmurProcess.run(["watch", swarm.out], in: folder.url.path)
            #expect(end.status == 0 && end.output.contains("the run is over"), "\(end.output) \(end.error)")
            let one = try await MurmurProcess.run(
                ["watch", swarm.out + "/peer-1", "--once", "--json"], in: folder.url.path)
            let last = try JSONValue.parse(Array(one.output.trimmingCharacters(in: .whitespacesAndNewlines).utf8))
            #expect(last["peers"]?.array?.compactMap { $0["peer"]?.text } == ["peer-1"])
            #expect(last["state"]?.text == "ended")
        }

        /// Programs that Debian's package prometheus has; the check takes the package by itself where it is called by hand.
        private static let hasPrometheus = ["prometheus", "promtool"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
        }

        @Test(
            .enabled(if: hasPrometheus, "no /usr/bin/prometheus; scripts/check-metrics fetches it"),
            .timeLimit(.minutes(5)))
        func prometheusReadsTheMetrics() throws {
            let process = Process()
            process.executableURL = SharedData.projectRoot.appendingPathComponent("scripts/check-metrics")
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["MURMUR": MurmurProcess.executable.path]) { $1 }
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0 && text.contains("works against murmur --status"), "\(text)")
        }

        @Test(.timeLimit(.minutes(3))) func whatCannotBeShownIsSaidBeforeAnythingBegins() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 25_530)
            func start(
                _ status: String, _ arguments: [String] = [], environment: [String: String] = [:]
            ) async throws -> MurmurProcess.Outcome {
                try await MurmurProcess(
                    ["swarm", swarm.topology, "--out", swarm.out, "--status", status] + arguments, in: swarm.folder,
                    environment: environment
                ).wait()
            }
            let open = try await start("0.0.0.0:0")
            #expect(open.status == 1 && open.error.contains("MURMUR_STATUS_TOKEN"), "\(open.error)")
            let none = try await start("192.0.2.7:9464", environment: ["MURMUR_STATUS_TOKEN": "secret"])
            #expect(none.status == 1 && none.error.contains("this machine has no such address"), "\(none.error)")
            let wrong = try await start("9464")
            #expect(wrong.status == 2 && wrong.error.contains("127.0.0.1:9464"), "\(wrong.error)")
            // A taken address: a run that is there stays as it is.
            try FileManager.default.createDirectory(atPath: swarm.out, withIntermediateDirectories: true)
            try "# Made by `murmur swarm`\n".write(
                toFile: swarm.out + "/topology.yaml", atomically: true, encoding: .utf8)
            let first = try MurmurProcess(
                ["watch", folder.path("nowhere"), "--status", "127.0.0.1:0"], in: swarm.folder, name: "first")
            let port = try await port(folder.url.path, "first")
            let outcome = try await start("127.0.0.1:\(port)", ["--fresh"])
            #expect(outcome.status == 1 && outcome.error.contains("another program listens there"), "\(outcome.error)")
            #expect(FileManager.default.fileExists(atPath: swarm.out + "/topology.yaml"))
            #expect(!FileManager.default.fileExists(atPath: swarm.out + "/peer-0"))
            // Who watches what is not there waits, and says so; asked once, it is an error.
            #expect(first.isRunning)
            first.send(SIGINT)
            let waited = try await first.wait()
            #expect(waited.status == 0 && waited.output.contains("waits: there is no run in"), "\(waited.output)")
            let once = try await MurmurProcess.run(["watch", folder.path("nowhere"), "--once"], in: folder.url.path)
            #expect(once.status == 1 && once.error.contains("there is no run in"), "\(once.error)")
        }

        /// A run's files that somebody has made: they are shown, and neither end the process nor reach the terminal.
        @Test(.timeLimit(.minutes(2))) func hostileFilesAreShownAndDoNothing() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 25_540)
            try FileManager.default.createDirectory(
                atPath: swarm.out + "/peer-0", withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: swarm.topology, toPath: swarm.out + "/topology.yaml")
            var log = Data("{\"time\":1,\"peer\":\"peer-0\",\"event\":\"started\",\"round\":0}\n".utf8)
            log += Data(repeating: UInt8(ascii: "a"), count: 5 << 20) + Data("\n\u{0}\u{1}garbage\n".utf8)
            for number in ["9223372036854775807", "-9223372036854775808", "1e308", "-1", "\"nan\"", "null", "{}"] {
                for event in ["started", "mixed", "trained", "traffic", "settling", "stepped", "suppressed"] {
                    log += Data(
                        """
                        {"time":\(number == "1e308" ? number : "2"),"peer":"peer-0","event":"\(event)","round":\(number),\
                        "bytes_sent":\(number),"bytes_received":\(number),"loss":\(number),"seconds":\(number),\
                        "step":\(number),"steps":\(number),"disagreement":\(number),"count":\(number),\
                        "absent":["\\u001b[2J","<script>"],"neighbour":"\\u001b[31m"}

                        """.utf8)
                }
            }
            log += Data(
                "{\"time\":3,\"peer\":\"peer-0\",\"event\":\"log_failed\",\"reason\":\"\\u001b]0;x\\u0007\"}\n{\"time"
                    .utf8)
            try log.write(to: URL(fileURLWithPath: swarm.out + "/peer-0/events.jsonl"))
            for form in [[], ["--json"]] {
                let outcome = try await MurmurProcess.run(["watch", swarm.out, "--once"] + form, in: folder.url.path)
                #expect(outcome.status == 0 && !outcome.bySignal, "\(outcome.error)")
                #expect(outcome.output.contains("peer-0") && !outcome.output.contains("\u{1B}"))
                #expect(outcome.output.utf8.count < 10_000)
            }
        }
    }
}
