import Foundation
import MurmurKit
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// A swarm of real processes, run by the kit. The relay of its faults is part of the tests' process: beside tests that
    /// compute, it would forward nothing for minutes.
    @Suite struct SwarmRunTests {
        private final class Collector: EventSink {
            let isEmpty = Mutex(true)
            func receive(_ event: ToldEvent) { isEmpty.withLock { $0 = false } }
        }

        @Test(.timeLimit(.minutes(3))) func aSwarmFinishesUnderFaults() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 24_640, peers: 2, rounds: 2)
            let run = try RunFolder.prepare(swarm.out, topologyPath: swarm.topology, fresh: false)
            try folder.write(
                "murmuration-faults: 1\nname: f\nhealing: 4s\nnetwork: { delay: 2ms }\n"
                    + "peers:\n  - { peers: [peer-1], fault: absent, end: 1s }\n", to: "f.yaml")
            let faults = try await SwarmFaults(path: folder.path("f.yaml"), seed: 3, folder: run)
            var choices = SwarmRun.Choices()
            choices.executable = MurmurProcess.executable
            choices.showsView = false
            choices.compute = ComputeChoices(threads: 1)
            choices.measuresLosses = true
            choices.records = true
            let collector = Collector()
            var process = try SwarmRun(folder: run, choices: choices, faults: faults, sinks: [collector])
            let result = try await process.run()
            #expect(
                result.finished && !result.stopped && result.status == .success, "\(result.text(folder: "run"))")
            #expect(run.holdsAllAdapters)
            #expect(result.consensusDistance.map { $0 < 0.1 } == true)
            #expect(result.peers.values.allSatisfy { ($0.heldOutLoss ?? 0) > 0 })
            #expect((result.faults?.datagramsTaken ?? 0) > 0)
            #expect(FileManager.default.fileExists(atPath: run.relayTraffic.path))
            #expect(try String(contentsOf: run.summary, encoding: .utf8).contains("held_out_loss"))
            #expect(!collector.isEmpty.withLock { $0 })
        }
    }
}
