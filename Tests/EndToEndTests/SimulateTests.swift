import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur simulate` with the language model, beside real processes; and what it leaves.
    @Suite(.serialized) struct SimulateTests {
        private func object(_ text: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        }

        private func losses(_ report: [String: Any]) throws -> [Double] {
            try #require(report["peers"] as? [[String: Any]]).map { try #require($0["loss"] as? Double) }
        }

        /// Without faults there is one history of the adapters, but for rounding: real processes, the simulator on both tiers,
        /// and what either has recorded and the simulator plays back.
        @Test(.timeLimit(.minutes(5))) func theSimulatorDoesWhatRealPeersDo() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 24_000)
            // Copies in fewer bits make more of the last bit, in which the order of sums shows.
            try String(contentsOfFile: swarm.topology, encoding: .utf8)
                .replacing("exchange: {", with: "exchange: { compression: none,")
                .write(toFile: swarm.topology, atomically: true, encoding: .utf8)
            let real = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--record", "--evaluate", "--json"], in: folder.url.path)
            #expect(real.status == 0, "\(real.error)")
            let parts = try #require(try object(real.output)["peers"] as? [String: [String: Any]])
            let found = try swarm.names.map { try #require(parts[$0]?["held_out_loss"] as? Double) }
            let card = try String(contentsOfFile: "\(swarm.out)/\(swarm.names[1])/adapter/README.md", encoding: .utf8)
            #expect(card.contains("| held-out loss, nats a token | "))

            let recorded = folder.path("recorded")
            let live = try await MurmurProcess.run(
                [
                    "simulate", swarm.topology, "--trainer", "lora", "--record", recorded, "--seed", "5",
                    "--both-tiers",
                    "--json",
                ], in: folder.url.path)
            #expect(live.status == 0, "\(live.error)")
            let simulated = try object(live.output)
            for (predicted, loss) in zip(try losses(simulated), found) { #expect(abs(predicted - loss) < 1e-6 * loss) }

            // Identities are drawn from the seed, and sums are in the order of identities: of one seed every bit comes back, of
            // another, as of the real peers', what is rounded.
            for (source, seed) in [(recorded, "5"), (recorded, "6"), (swarm.out, "6")] {
                let played = try await MurmurProcess.run(
                    ["simulate", swarm.topology, "--trainer", source, "--seed", seed, "--json"], in: folder.url.path)
                #expect(played.status == 0, "\(played.error)")
                let report = try object(played.output)
                #expect(report["rounds"] as? Int == simulated["rounds"] as? Int)
                let digest = report["adapterDigest"] as? String
                if seed == "5" { #expect(digest == simulated["adapterDigest"] as? String) }
            }
            let facts = try await MurmurProcess.run(
                ["inspect", "\(swarm.out)/peer-0/training.recording", "--json"], in: folder.url.path)
            #expect(try object(facts.output)["entries"] as? Int == 6)
        }

        @Test(.timeLimit(.minutes(2))) func aTraceIsListedByPeerKindAndTime() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 24_100)
            let trace = folder.path("run.trace")
            let run = try await MurmurProcess.run(
                ["simulate", swarm.topology, "--seed", "5", "--trace", trace], in: folder.url.path)
            #expect(run.status == 0, "\(run.error)")
            let all = try await MurmurProcess.run(["inspect", trace], in: folder.url.path)
            #expect(all.output == (try String(contentsOfFile: trace, encoding: .utf8)))
            let some = try await MurmurProcess.run(
                [
                    "inspect", trace, "--peer", "peer-1", "--event", "mixed", "--event", "trained", "--to", "4",
                    "--json",
                ],
                in: folder.url.path)
            let objects = try some.output.split(separator: "\n").map { try object(String($0)) }
            #expect(!objects.isEmpty)
            for line in objects {
                #expect(line["peer"] as? String == "peer-1" && (line["time"] as? Double ?? 9) <= 4)
                #expect(["mixed", "trained"].contains(line["event"] as? String ?? ""))
                #expect(line["round"] is Int)
            }
            try "1.000000 peer-1 mixed time=3 a=1 a=2\n".write(
                toFile: folder.path("twice.trace"), atomically: true, encoding: .utf8)
            let twice = try await MurmurProcess.run(
                ["inspect", folder.path("twice.trace"), "--json"], in: folder.url.path)
            let first = try object(twice.output)
            #expect(first["a"] as? Int == 1 && first["time"] as? Double == 1)
            let none = try await MurmurProcess.run(
                ["inspect", swarm.topology, "--peer", "peer-1"], in: folder.url.path)
            #expect(none.status == 1 && none.error.contains("is no trace"))
            try (String(contentsOfFile: trace, encoding: .utf8) + "what is this\n").write(
                toFile: trace, atomically: true, encoding: .utf8)
            let bad = try await MurmurProcess.run(["inspect", trace], in: folder.url.path)
            #expect(bad.status == 1 && bad.error.contains("not a line of a trace"))
        }

        @Test func whatCannotBePlayedBackIsSaid() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 24_200)
            let missing = try await MurmurProcess.run(
                ["simulate", swarm.topology, "--trainer", "nowhere"], in: folder.url.path)
            #expect(missing.status == 1 && missing.error.contains("nowhere/peer-0/training.recording"))
            try FileManager.default.createDirectory(
                atPath: folder.path("bad/peer-0"), withIntermediateDirectories: true)
            try folder.write("murmurtr and then nothing", to: "bad/peer-0/training.recording")
            let bad = try await MurmurProcess.run(
                ["simulate", swarm.topology, "--trainer", folder.path("bad")], in: folder.url.path)
            #expect(bad.status == 1 && bad.error.contains("another release"))
            let usage = try await MurmurProcess.run(
                ["simulate", swarm.topology, "--record", "x"], in: folder.url.path)
            #expect(usage.status != 0 && usage.error.contains("--trainer lora"))
        }
    }
}
