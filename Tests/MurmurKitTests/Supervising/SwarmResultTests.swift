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
        var progress = SwarmProgress(names: ["peer-0", "peer-1"], rounds: 2)
        for (peer, phase) in phases {
            progress.record(
                LoggedEvent(
                    time: 1, peer: peer, event: phase, fields: JSONObject([("bytes_sent", .integer(1_000))])))
        }
        return progress
    }

    static func result(
        _ phases: [String: String], failed: [String: String] = [:], stopped: Bool = false, faults: FaultSummary? = nil
    ) throws -> SwarmResult {
        let topology = try topology()
        var participation = try SwarmParticipation(topology)
        participation.failures = failed
        for (peer, phase) in phases.sorted(by: { $0.key < $1.key }) {
            let others = ["peer-0", "peer-1"].filter { $0 != peer && failed[$0] == nil }
            participation.record(
                LoggedEvent(
                    time: 1, peer: peer, event: "mixed",
                    fields: JSONObject([
                        ("round", .integer(1)), ("present", .array(others.map { .text($0) })), ("absent", .array([])),
                    ])))
            participation.record(LoggedEvent(time: 1, peer: peer, event: phase))
            participation.endings[peer] = .success
        }
        return SwarmResult(
            topology: topology, progress: progress(phases), participation: participation, quorum: Quorum(topology),
            stopped: stopped, seconds: 2, faults: faults)
    }

    @Test func aRunIsFinishedWhenEveryoneIs() throws {
        let done = try Self.result(["peer-0": "finished", "peer-1": "finished"])
        #expect(done.status == .success && done.leftOut.isEmpty)
        #expect(done.finished && done.peers["peer-0"]?.bytesSent == 1_000)
        #expect(done.text(folder: "run").contains("run/PEER/adapter"))
        let half = try Self.result(["peer-0": "finished"], failed: ["peer-1": "ended"], stopped: true)
        #expect(!half.finished && half.status == .failure && half.leftOut == ["peer-1": "ended"])
        #expect(half.text(folder: "run").contains("peer-1 ended"))
        #expect(half.text(folder: "run").contains("Stopped before the end"))
    }

    @Test func itIsWrittenForPrograms() throws {
        var result = try Self.result(
            [:],
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
