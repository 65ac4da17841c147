import Foundation
import MurmurKit
import Synchronization
import TestSupport
import Testing

/// A swarm of real processes, run by the kit: the built command is what its peers are.
@Suite(.serialized) struct SwarmRunTests {
    /// The command that the build put beside the tests.
    static let murmur: URL? = {
        let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let beside = URL(fileURLWithPath: tests ?? "").deletingLastPathComponent().appendingPathComponent("murmur")
        return FileManager.default.isExecutableFile(atPath: beside.path) ? beside : nil
    }()

    static func choices() -> SwarmRun.Choices {
        var choices = SwarmRun.Choices()
        choices.executable = murmur
        choices.showsView = false
        choices.compute = ComputeChoices(threads: 1)
        return choices
    }

    @Test(.enabled(if: murmur != nil)) func aSwarmFinishesUnderFaults() async throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder, firstPort: 24_640), fresh: false)
        try folder.write(
            "murmuration-faults: 1\nname: f\nhealing: 4s\nnetwork: { delay: 2ms }\n"
                + "peers:\n  - { peers: [peer-1], fault: absent, end: 1s }\n", to: "f.yaml")
        let faults = try await SwarmFaults(path: folder.path("f.yaml"), seed: 3, folder: run)
        var choices = Self.choices()
        choices.measuresLosses = true
        choices.records = true
        let collector = PeerRunTests.Collector()
        var swarm = try SwarmRun(folder: run, choices: choices, faults: faults, sinks: [collector])
        let result = try await swarm.run()
        #expect(result.finished && !result.stopped && result.status == .success, "\(result.text(folder: "run"))")
        #expect(run.holdsAllAdapters)
        #expect(result.consensusDistance.map { $0 < 0.1 } == true)
        #expect(result.peers.values.allSatisfy { ($0.heldOutLoss ?? 0) > 0 })
        #expect((result.faults?.datagramsTaken ?? 0) > 0)
        #expect(FileManager.default.fileExists(atPath: run.relayTraffic.path))
        #expect(try String(contentsOf: run.summary, encoding: .utf8).contains("held_out_loss"))
        #expect(!collector.events.withLock { $0 }.isEmpty)
    }

    @Test func peersThatFailAreGivenUp() async throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder, firstPort: 24_650), fresh: false)
        var choices = Self.choices()
        choices.executable = URL(fileURLWithPath: "/bin/false")
        var swarm = try SwarmRun(folder: run, choices: choices)
        let result = try await swarm.run()
        #expect(!result.finished && result.status == .failure)
        #expect(result.peers.values.allSatisfy { $0.failure == "ended with exit code 1" })
    }
}
