import Cryptography
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The second implementation (scripts/interop, Python, written from docs/protocol.md) against real peers. Runs where
    /// `MURMUR_INTEROP_PYTHON` names an interpreter with its packages, which `scripts/test` installs where it can.
    @Suite struct InteropTests {
        static let python = ProcessInfo.processInfo.environment["MURMUR_INTEROP_PYTHON"]
        static let isPresent = python != nil
        static let scripts = SharedData.projectRoot.appendingPathComponent("scripts/interop").path

        /// What `take-part` prints.
        private struct Report: Decodable {
            let rounds: [Int]
            let objects: Int
            let payloadBytes: Int
            let served: Int
            let final: Bool
            let encodings: [Int]
            let closed: Bool
            let initiations: Int
            let responses: Int
            let cookiesGiven: Int
            let cookiesTaken: Int
            let sessions: Int
            let aesSessions: Int
            let probesAnswered: Int
            let recordsTaken: Int
        }

        /// Runs a script of `scripts/interop` and returns its status and output.
        private func script(_ arguments: [String], in folder: URL) async throws -> (status: Int32, output: Data) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.python))
            process.arguments = ["\(Self.scripts)/\(arguments[0])"] + arguments.dropFirst()
            process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
            let file = folder.appendingPathComponent("\(UUID().uuidString).out")
            try Data().write(to: file)
            process.standardOutput = try FileHandle(forWritingTo: file)
            try process.run()
            while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
            return (process.terminationStatus, try Data(contentsOf: file))
        }

        @Test(.enabled(if: isPresent, "MURMUR_INTEROP_PYTHON names no Python"), .timeLimit(.minutes(2)))
        func theVectorsOfThePageAreComputedAgain() async throws {
            let folder = try TemporaryFolder()
            let (status, output) = try await script(["check-vectors"], in: folder.url)
            #expect(status == 0, "the page and the second implementation differ: see standard error")
            #expect(String(decoding: output, as: UTF8.self).contains("all equal"))
        }

        /// As initiator, as responder that asks for a cookie, as initiator that is asked for one, and with each suite alone.
        @Test(
            .enabled(if: isPresent, "MURMUR_INTEROP_PYTHON names no Python"), .timeLimit(.minutes(3)),
            arguments: [
                [], ["--wait", "--demand-cookie"], ["--flood", "80"], ["--suite", "0"],
                CipherSuite.ofThisMachine.contains(.aes256GCM) ? ["--suite", "1"] : [],
            ])
        func aPeerWrittenFromThePageTakesPartInAWholeRun(mode: [String]) async throws {
            let folder = try TemporaryFolder()
            let made = try await MurmurProcess.run(
                ["identity", "new", folder.path("ours.identity"), "--json"], in: folder.url.path)
            let ours = try JSONDecoder().decode([String: String].self, from: Data(made.output.utf8))
            let (_, printed) = try await script(["take-part", "--print-identity"], in: folder.url)
            let other = try JSONDecoder().decode([String: String].self, from: printed)
            let (id, key) = (try #require(ours["id"]), try #require(ours["key"]))
            let port = 22_900 + 10 * mode.count
            try folder.write(
                """
                murmuration: 1
                swarm: { name: interop, seed: 9, secret: secret }
                model: { base: builtin:fledgling, lora: { rank: 8, alpha: 8, targets: [q_proj, v_proj, up_proj, down_proj] } }
                tuning: { template: terse, cutoff: 64, batch: 8, learning-rate: 5e-3, local-steps: 2, rounds: 4 }
                data: { source: builtin:chores, count: 400, held-out: 2 }
                graph: { kind: complete }
                peers:
                  - { name: ours, id: "\(id)", key: "\(key)", address: "127.0.0.1:\(port)" }
                  - { name: other, id: "\(other["id"] ?? "")", key: "\(other["key"] ?? "")", address: "127.0.0.1:\(port + 1)" }
                """, to: "swarm.yaml")
            try folder.write("a secret of the two", to: "secret")
            let peer = try MurmurProcess(
                [
                    "peer", folder.path("swarm.yaml"), "--as", "ours", "--identity", folder.path("ours.identity"),
                    "--out", folder.path("run"), "--listen", "127.0.0.1:\(port)",
                ], in: folder.url.path)
            let (status, output) = try await script(
                [
                    "take-part", "--neighbour", "\(id),\(key),127.0.0.1:\(port)", "--listen", "127.0.0.1:\(port + 1)",
                    "--swarm", "interop,9", "--secret", folder.path("secret"),
                ] + mode, in: folder.url)
            let outcome = try await peer.wait()
            #expect(outcome.status == 0 && outcome.output.contains("Done."), "\(outcome.error)")
            #expect(status == 0)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let report = try decoder.decode(Report.self, from: output)
            #expect(report.final && report.closed && report.sessions > 0 && report.recordsTaken > 0)
            #expect(report.rounds.starts(with: [0, 1, 2, 3]) && report.objects == report.served)
            #expect(report.encodings.starts(with: [2, 5]), "brain floats in training, differences in settling")
            #expect(report.payloadBytes > 4 * 65_536, "objects of several leaves")
            switch mode.first {
            case "--wait": #expect(report.initiations == 0 && report.cookiesGiven > 0 && report.responses > 0)
            case "--flood": #expect(report.cookiesTaken > 0)
            case "--suite": #expect(report.aesSessions == (mode[1] == "1" ? report.sessions : 0))
            default: #expect(report.probesAnswered > 0 || report.initiations > 0)
            }
            // What the other signed was fetched, verified and mixed in every round.
            let events = try String(contentsOfFile: folder.path("run/ours/events.jsonl"), encoding: .utf8)
            #expect(events.split(separator: "\n").count { $0.contains("\"contribution_received\"") } >= 4)
            #expect(!events.contains("\"contribution_refused\""))
        }
    }
}
