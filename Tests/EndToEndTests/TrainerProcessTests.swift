import Foundation
import Observability
import TestSupport
import Testing

extension EndToEnd {
    /// Trainers in processes of their own, as a user gives them.
    @Suite(.enabled(if: TrainerScript.isPossible)) struct TrainerProcessTests {
        /// Writes the tests' trainer; the line that runs it in `mode`.
        private static func command(_ mode: String, in folder: borrowing TemporaryFolder) throws -> String {
            try folder.write(TrainerScript.text, to: "trainer.py")
            return "python3 '\(folder.path("trainer.py"))' \(mode) '' '\(folder.path("pid"))'"
        }

        @Test(.timeLimit(.minutes(2))) func aKilledPeerLeavesNoTrainer() async throws {
            let folder = try TemporaryFolder()
            let line = try Self.command("good", in: folder)
            let process = try MurmurProcess(
                [
                    "tune", "--data", "builtin:chores", "--steps", "1000000", "--out", folder.path("a"), "--trainer",
                    line,
                ], in: folder.url.path)
            let isThere = await SmallSwarm.wait { FileManager.default.fileExists(atPath: folder.path("a/state.bin")) }
            #expect(isThere)
            let trainer = try #require(Int32(String(contentsOfFile: folder.path("pid"), encoding: .utf8)))
            #expect(kill(trainer, 0) == 0)
            process.send(SIGKILL)
            #expect(try await process.wait().bySignal)
            let isGone = await SmallSwarm.wait(20) { kill(trainer, 0) != 0 }
            #expect(isGone)
            // The next run goes on from the state, and takes over the scratch folder.
            let next = try MurmurProcess(
                [
                    "tune", "--data", "builtin:chores", "--steps", "1000000", "--out", folder.path("a"), "--trainer",
                    line,
                ], in: folder.url.path, name: "next")
            let goesOn = await SmallSwarm.wait {
                (try? String(contentsOfFile: folder.path("next.err"), encoding: .utf8))?.contains("Going on after")
                    == true
            }
            #expect(goesOn)
            next.send(SIGTERM)
            let outcome = try await next.wait()
            #expect(outcome.status == 5, "\(outcome.error)")
            #expect(!FileManager.default.fileExists(atPath: folder.path("a/trainer")))
        }

        @Test func aCommandThatIsNotThereIsOneLine() async throws {
            let folder = try TemporaryFolder()
            let outcome = try await MurmurProcess.run(
                [
                    "tune", "--data", "builtin:chores", "--steps", "10", "--out", folder.path("a"), "--trainer",
                    "no-such-trainer --fast",
                ], in: folder.url.path)
            #expect(outcome.status == 1)
            let last = outcome.error.split(separator: "\n").last ?? ""
            #expect(last.contains("there is no such program") && last.contains("trainer.log"), "\(outcome.error)")
        }

        /// One peer of four is trained by a command, which dies once; the swarm agrees all the same.
        @Test(.timeLimit(.minutes(3))) func aSwarmMixesTrainers() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 26_900)
            _ = try Self.command("good", in: folder)
            let peers = swarm.names.enumerated().map { number, name in
                let trainer =
                    number == 2
                    ? ", trainer: { command: [python3, trainer.py, dies, \(folder.path("marker")), \(folder.path("pid"))] }"
                    : ""
                return "  - { name: \(name), address: \"127.0.0.1:\(26_900 + number)\"\(trainer) }"
            }
            let text = try String(contentsOfFile: swarm.topology, encoding: .utf8).split(separator: "\n").dropLast()
            try (text.joined(separator: "\n") + "\npeers:\n" + peers.joined(separator: "\n"))
                .write(toFile: swarm.topology, atomically: true, encoding: .utf8)
            let outcome = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(outcome.status == 0, "\(outcome.error)")
            let log = try String(contentsOfFile: swarm.out + "/peer-2/peer.log", encoding: .utf8)
            #expect(log.contains("starting it again from its last snapshot"), "\(log)")
            #expect(swarm.events("peer-2").filter { $0.event == "trained" }.count == 6)
            #expect(!swarm.events("peer-2").contains { $0.event == "training_failed" })
            let trainer = try #require(Int32(String(contentsOfFile: folder.path("pid"), encoding: .utf8)))
            #expect(kill(trainer, 0) != 0)
        }
    }
}
