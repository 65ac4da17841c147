import Foundation
import MurmurKit
import Observability
import Storage
import SwarmFile
import TestSupport
import Testing

@Suite struct SwarmResultTests {
    static func topology() throws -> SwarmTopology {
        let folder = try TemporaryFolder()
        return try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
    }

    static func progress(_ phases: [String: String]) -> SwarmProgress {
        var progress = SwarmProgress(names: ["peer-0", "peer-1"])
        for (peer, phase) in phases {
            progress.record(
                LoggedEvent(
                    time: 1, peer: peer, event: phase, fields: JSONObject([("bytes_sent", .integer(1_000))])))
        }
        return progress
    }

    @Test func aRunIsFinishedWhenEveryoneIs() throws {
        let topology = try Self.topology()
        let done = SwarmResult(
            topology: topology, progress: Self.progress(["peer-0": "finished", "peer-1": "finished"]), failed: [:],
            stopped: false, seconds: 2)
        #expect(done.finished && done.peers["peer-0"]?.bytesSent == 1_000)
        #expect(done.text(folder: "run").contains("run/PEER/adapter"))
        let half = SwarmResult(
            topology: topology, progress: Self.progress(["peer-0": "finished"]), failed: ["peer-1": "ended"],
            stopped: true, seconds: 2)
        #expect(!half.finished)
        #expect(half.text(folder: "run").contains("peer-1 ended"))
        #expect(half.text(folder: "run").contains("Stopped before the end"))
    }

    @Test func itIsWrittenForPrograms() throws {
        var result = SwarmResult(
            topology: try Self.topology(), progress: Self.progress([:]), failed: [:], stopped: false, seconds: 2,
            faults: FaultSummary(
                name: "bad", seed: 3, crashes: 1, pauses: 2, datagramsTaken: 10, datagramsDelivered: 8,
                datagramsDropped: 2, datagramsDuplicated: 1, datagramsOverflowed: 0, notApplied: ["slow"]))
        result.consensusDistance = 0.5
        result.enter(heldOutLosses: [1.25, nil])
        let text = try JSONText.of(result)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["consensus_distance"] as? Double == 0.5)
        let peers = try #require(object["peers"] as? [String: [String: Any]])
        #expect(peers["peer-0"]?["held_out_loss"] as? Double == 1.25)
        #expect(peers["peer-1"]?["held_out_loss"] == nil)
        #expect((object["faults"] as? [String: Any])?["datagrams_dropped"] as? Int == 2)
        #expect(result.text(folder: "r").contains("faults (bad, seed 3): 1 crashes, 2 pauses, 2 of 10 datagrams"))
        #expect(result.text(folder: "r").contains("not applied to real processes: slow"))
    }
}
