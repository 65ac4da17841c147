import Foundation
import Observability
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Swarms of real processes over real UDP sockets.
    @Suite(.serialized) struct SwarmTests {
        @Test(.timeLimit(.minutes(5))) func aSwarmFinishesAgreesAndLeavesItsFiles() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 21_000)
            let outcome = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(outcome.status == 0, "\(outcome.error)")
            let summary = try swarm.summary()
            #expect(summary["finished"] as? Bool == true)
            let distance = try #require(summary["consensus_distance"] as? Double)
            #expect(distance <= 1e-3)
            for name in swarm.names {
                for file in [
                    "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "events.jsonl",
                    "outgoing.jsonl", "state/checkpoint.bin",
                ] {
                    #expect(FileManager.default.fileExists(atPath: "\(swarm.out)/\(name)/\(file)"), "\(name)/\(file)")
                }
                let losses = swarm.events(name).filter { $0.event == "trained" }.compactMap { $0.number("loss") }
                #expect(losses.count == 6)
                let first = try #require(losses.first)
                let last = try #require(losses.last)
                #expect(last < first)
            }
            let report = try String(contentsOfFile: swarm.out + "/report.html", encoding: .utf8)
            #expect(report.contains("<polyline"))

            // The same command again finds the run finished and changes nothing.
            let again = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(again.status == 0, "\(again.error)")
            #expect(swarm.events("peer-0").filter { $0.event == "trained" }.count == 6)
            let peers = try #require(try swarm.summary()["peers"] as? [String: [String: Any]])
            #expect(peers["peer-0"]?["rounds"] as? Int == 6, "the report is made of all parts")
            #expect(peers["peer-0"]?["exit"] as? Int == 0)
            #expect((try String(contentsOfFile: swarm.out + "/report.html", encoding: .utf8)).contains("<polyline"))

            let comparison = try await MurmurProcess.run(
                ["compare", swarm.topology, "--out", swarm.out, "--json", "--max-new-tokens", "0"], in: folder.url.path)
            #expect(comparison.status == 0, "\(comparison.error)")
            let compared = try swarm.summary()
            let base = try #require((compared["base"] as? [String: Any])?["loss"] as? Double)
            let gossip = try #require(
                ((compared["gossip"] as? [String: Any])?["mean"] as? [String: Any])?["loss"] as? Double)
            let fedavg = try #require((compared["fedavg"] as? [String: Any])?["loss"] as? Double)
            #expect(gossip < base && fedavg < base)
        }

        @Test(.timeLimit(.minutes(5))) func aKilledPeerIsStartedAgainAndEndsWithTheSameAdapter() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 21_100, rounds: 40)
            let process = try MurmurProcess(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(
                await SmallSwarm.wait {
                    swarm.events("peer-1").contains { $0.event == "checkpointed" && $0.round ?? 0 >= 5 }
                }
            )
            let victim = try #require(
                MurmurProcess.peers(of: swarm.out).first { $0.command.contains("--as peer-1 ") }?.identifier)
            kill(victim, SIGKILL)
            let outcome = try await process.wait()
            #expect(outcome.status == 0, "\(outcome.error)")
            let distance = try #require(try swarm.summary()["consensus_distance"] as? Double)
            #expect(distance <= 1e-3)
            let starts = swarm.events("peer-1").filter { $0.event == "started" }
            #expect(starts.count == 2)
            #expect(starts.last?.fields["resumed"]?.bool == true)
            #expect(starts.last?.round ?? 0 >= 5)
        }

        @Test(.timeLimit(.minutes(5))) func withoutARestartTheOthersFinish() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 21_200, rounds: 30)
            let process = try MurmurProcess(
                ["swarm", swarm.topology, "--out", swarm.out, "--json", "--restarts", "0"], in: folder.url.path)
            #expect(
                await SmallSwarm.wait { swarm.events("peer-2").contains { $0.event == "mixed" && $0.round ?? 0 >= 4 } })
            let victim = try #require(
                MurmurProcess.peers(of: swarm.out).first { $0.command.contains("--as peer-2 ") }?.identifier)
            kill(victim, SIGKILL)
            let outcome = try await process.wait()
            #expect(outcome.status == 1, "one peer failed, and the exit code says so")
            #expect((try swarm.summary()["left_out"] as? [String: String])?.keys.contains("peer-2") == true)
            #expect(outcome.error.contains("peer-2 was ended by signal 9"), "\(outcome.error)")
            #expect(swarm.events("peer-0").allSatisfy { $0.event != "training_failed" })
            for name in swarm.names where name != "peer-2" {
                #expect(swarm.events(name).contains { $0.event == "finished" }, "\(name)")
                #expect(FileManager.default.fileExists(atPath: "\(swarm.out)/\(name)/adapter/adapter_config.json"))
            }
            #expect(outcome.output.contains("signal 9"))
        }

        @Test(.timeLimit(.minutes(5))) func aFifthOfTheDatagramsMayBeLost() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 21_300)
            let outcome = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json", "--drop-rate", "0.2"], in: folder.url.path)
            #expect(outcome.status == 0, "\(outcome.error)")
            let distance = try #require(try swarm.summary()["consensus_distance"] as? Double)
            #expect(distance <= 1e-3)
        }

        @Test(.timeLimit(.minutes(5)), arguments: [SIGTERM, SIGINT])
        func stoppedItLeavesNoProcessAndGoesOnLater(signal: Int32) async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: signal == SIGTERM ? 21_400 : 21_500, rounds: 30)
            let process = try MurmurProcess(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(
                await SmallSwarm.wait { swarm.events("peer-0").contains { $0.event == "mixed" && $0.round ?? 0 >= 3 } })
            process.send(signal)
            let outcome = try await process.wait()
            #expect(outcome.status == 5 && !outcome.bySignal, "\(outcome.error)")
            #expect(MurmurProcess.peers(of: swarm.out).isEmpty)
            for name in swarm.names {
                #expect(swarm.events(name).contains { $0.event == "left" }, "\(name) said goodbye")
            }

            // The ports are free and the checkpoints there: the same command goes on to the end.
            let again = try await MurmurProcess.run(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(again.status == 0, "\(again.error)")
            let starts = swarm.events("peer-0").filter { $0.event == "started" }
            #expect(starts.count == 2 && starts.last?.fields["resumed"]?.bool == true)
            #expect(try swarm.summary()["finished"] as? Bool == true)
        }

        @Test(.timeLimit(.minutes(5))) func noOrphanStaysWhenTheSupervisorIsKilled() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 21_600, rounds: 200)
            let process = try MurmurProcess(
                ["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(await SmallSwarm.wait { swarm.events("peer-3").contains { $0.event == "mixed" } })
            #expect(MurmurProcess.peers(of: swarm.out).count == 4)
            process.send(SIGKILL)
            _ = try await process.wait()
            #expect(await SmallSwarm.wait(30) { MurmurProcess.peers(of: swarm.out).isEmpty })
        }
    }
}
