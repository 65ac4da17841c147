import Foundation
import Observability
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Real processes behind the fault relay.
    @Suite(.serialized) struct ChaosTests {
        private func crashy(_ folder: borrowing TemporaryFolder, disk: String) throws {
            try folder.write(
                """
                # Loss and delay on every link, a crash and a pause.
                murmuration-faults: 1
                name: crashy
                healing: 30s
                network: { delay: 5ms, loss: 5% }
                peers:
                  - { peers: peer-1, start: 5s, fault: crash, restart: 1s, disk: \(disk) }
                  - { peers: peer-2, start: 6s, end: 7s, fault: pause }
                  - { peers: peer-3, fault: clock-step, by: 24h }
                """, to: "faults.yaml")
        }

        @Test(.timeLimit(.minutes(5)), arguments: ["kept", "torn", "amnesia"])
        func aSwarmWithLossAndACrashEndsWithinTheBound(disk: String) async throws {
            let folder = try TemporaryFolder()
            let port = ["kept": 23_000, "torn": 23_100][disk] ?? 23_200
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: port, rounds: 60, localSteps: 4)
            try crashy(folder, disk: disk)
            let outcome = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json", "--faults", folder.path("faults.yaml")],
                in: folder.url.path)
            #expect(outcome.status == 0, "\(outcome.error)")
            #expect(outcome.error.contains("clock-step"), "what is not applied is said")
            let summary = try swarm.summary()
            #expect(summary["finished"] as? Bool == true)
            #expect(try #require(summary["consensus_distance"] as? Double) <= 1e-3)

            let faults = try #require(summary["faults"] as? [String: Any])
            #expect(faults["crashes"] as? Int == 1 && faults["pauses"] as? Int == 1)
            #expect(faults["not_applied"] as? [String] == ["clock-step"])
            let taken = try #require(faults["datagrams_taken"] as? Int)
            let dropped = try #require(faults["datagrams_dropped"] as? Int)
            #expect(taken > 500 && abs(Double(dropped) / Double(taken) - 0.05) < 0.03, "\(dropped) of \(taken)")

            let starts = swarm.events("peer-1").filter { $0.event == "started" }
            #expect(starts.count == 2)
            #expect((starts.last?.fields["resumed"]?.bool == true) == (disk != "amnesia"))
            #expect(FileManager.default.fileExists(atPath: swarm.out + "/relay.jsonl"))
            #expect(MurmurProcess.peers(of: swarm.out).isEmpty)
        }

        @Test(.timeLimit(.minutes(5))) func stoppedInTheMidstOfFaultsItLeavesNoProcess() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 23_300, rounds: 400)
            try folder.write(
                """
                murmuration-faults: 1
                name: stuck
                healing: 1h
                peers:
                  - { peers: peer-0, fault: absent }
                  - { peers: peer-1, start: 3s, fault: crash }
                  - { peers: peer-2, start: 3s, fault: pause }
                """, to: "faults.yaml")
            let process = try MurmurProcess(
                ["swarm", swarm.topology, "--out", swarm.out, "--json", "--faults", folder.path("faults.yaml")],
                in: folder.url.path)
            #expect(await SmallSwarm.wait(60) { MurmurProcess.peers(of: swarm.out).count == 3 })
            #expect(await SmallSwarm.wait(60) { MurmurProcess.peers(of: swarm.out).count == 2 }, "peer-1 crashes")
            process.send(SIGINT)
            let outcome = try await process.wait()
            #expect([5, 130].contains(outcome.status) && !outcome.bySignal, "\(outcome.error)")
            #expect(MurmurProcess.peers(of: swarm.out).isEmpty)
            #expect(swarm.events("peer-2").contains { $0.event == "left" }, "a peer that stood still hears it too")
        }

        @Test(.timeLimit(.minutes(5))) func wrongFaultsAreRefusedBeforeAnythingStarts() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 23_400)
            let tail = ["--out", swarm.out, "--faults", folder.path("faults.yaml")]
            try folder.write("murmuration-faults: 1\nname: a\nnetwork: { loss: 2 }\n", to: "faults.yaml")
            let wrong = try await MurmurProcess.run(["swarm", swarm.topology] + tail, in: folder.url.path)
            #expect(wrong.status == 1 && wrong.error.contains("faults.yaml:3: network.loss"), "\(wrong.error)")
            try folder.write(
                "murmuration-faults: 1\nname: a\nhealing: 9s\npeers: [{ peers: zoe, fault: pause }]\n",
                to: "faults.yaml")
            let unknown = try await MurmurProcess.run(["swarm", swarm.topology] + tail, in: folder.url.path)
            #expect(unknown.status == 1 && unknown.error.contains("zoe"), "\(unknown.error)")
        }

        @Test(.timeLimit(.minutes(5))) func theRelayAloneCarriesPeers() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 23_500)
            // One run makes the identities and the resolved topology.
            let made = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(made.status == 0, "\(made.error)")
            try folder.write(
                "murmuration-faults: 1\nname: a\nnetwork: { delay: 10ms, loss: 10%, duplicate: 10% }\n",
                to: "faults.yaml")
            let relay = try MurmurProcess(
                [
                    "chaos", swarm.out + "/topology.yaml", "--faults", folder.path("faults.yaml"), "--out",
                    folder.path("relay"),
                ], in: folder.url.path, name: "relay")
            let last = folder.path("relay/peer-3.yaml")
            #expect(await SmallSwarm.wait(30) { FileManager.default.fileExists(atPath: last) })
            let peers = try swarm.names.map { name in
                try MurmurProcess(
                    [
                        "peer", folder.path("relay/\(name).yaml"), "--as", name, "--identity",
                        "\(swarm.out)/\(name)/identity", "--out", folder.path("again"),
                    ], in: folder.url.path, name: name)
            }
            for peer in peers {
                let outcome = try await peer.wait()
                #expect(outcome.status == 0 && outcome.output.contains("Done."), "\(outcome.error)")
            }
            relay.send(SIGTERM)
            let outcome = try await relay.wait()
            #expect(outcome.status == 0 && !outcome.bySignal, "\(outcome.error)")
            let lines = try outcome.output.split(separator: "\n").map {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
            }
            let links = Set(lines.map { "\($0["from"] ?? "")>\($0["to"] ?? "")" })
            // A ring of four: eight directed links.
            #expect(links.count == 8)
            #expect(lines.contains { $0["dropped"] as? Int ?? 0 > 0 })
            #expect(lines.contains { $0["duplicated"] as? Int ?? 0 > 0 })
            #expect(lines.allSatisfy { $0["strangers"] as? Int == 0 && $0["overflowed"] as? Int == 0 })
        }
    }
}
