import MurmurKit
import Observability
import Storage
import SwarmFile
import TestSupport
import Testing

/// What the peers' tables and exit codes make of a swarm's run.
@Suite struct SwarmParticipationTests {
    /// A swarm of three in which everybody has mixed everybody's contributions to the end, but that of `missing`.
    static func swarm(missing: String? = nil) throws -> SwarmParticipation {
        let folder = try TemporaryFolder()
        let topology = try SwarmComposition.load(try SmallTopology.write(in: folder, peers: 3)).topology
        var swarm = try SwarmParticipation(topology)
        for peer in swarm.names where peer != missing {
            func tell(_ event: String, _ fields: [(String, JSONValue)] = []) {
                swarm.record(LoggedEvent(time: 1, peer: peer, event: event, fields: JSONObject(fields)))
            }
            let others = swarm.names.filter { $0 != peer }
            tell("started", [("round", .integer(0)), ("resumed", .bool(false))])
            for other in others { tell("connected", [("neighbour", .text(other))]) }
            for round in 0..<3 {
                let present = others.filter { round == 0 || $0 != missing }
                let absent = others.filter { !present.contains($0) }
                tell("trained", [("round", .integer(round))])
                tell(
                    "mixed",
                    [
                        ("round", .integer(round)), ("present", .array(present.map { .text($0) })),
                        ("absent", .array(absent.map { .text($0) })),
                    ])
            }
            tell("finished", [("round", .integer(3))])
            swarm.endings[peer] = missing == nil ? .success : .partial
        }
        return swarm
    }

    static let all = Quorum(.all, of: 3)

    @Test func everybodyIsThere() throws {
        let swarm = try Self.swarm()
        #expect(swarm.leftOut.isEmpty && swarm.status(Self.all, stopped: false) == .success)
        #expect(swarm.table.rows.allSatisfy { $0.contains("2/2") && $0.last == "with all" })
    }

    @Test func whoFailsIsNamedAndCounts() throws {
        var swarm = try Self.swarm(missing: "peer-2")
        swarm.failures["peer-2"] = "ended with exit code 1"
        #expect(swarm.leftOut.map(\.name) == ["peer-2"] && swarm.leftOut[0].reason == "ended with exit code 1")
        #expect(swarm.status(Self.all, stopped: false) == .failure)
        // Two were asked for, and two are there, each of which was asked for the same.
        swarm.endings = ["peer-0": .success, "peer-1": .success]
        #expect(swarm.status(Quorum(.peers(2), of: 3), stopped: false) == .success)
        #expect(swarm.status(Quorum(.peers(3), of: 3), stopped: false) == .failure)
    }

    @Test func whoIsMissingAtTheEndIsNamedByItsNeighbours() throws {
        var swarm = try Self.swarm(missing: "peer-1")
        swarm.endings["peer-1"] = .success
        let out = swarm.leftOut
        #expect(out.map(\.name) == ["peer-1"])
        #expect(out[0].reason == "peer-0: missing from round 2 on; peer-2: missing from round 2 on")
        #expect(swarm.status(Self.all, stopped: false) == .partial)
    }

    @Test func aStopIsNoFailure() throws {
        var swarm = try Self.swarm()
        #expect(swarm.status(Self.all, stopped: true) == .success, "they were done before")
        swarm.endings = ["peer-0": .stopped, "peer-1": .interrupted]
        #expect(swarm.status(Self.all, stopped: true) == .stopped)
        swarm.endings = ["peer-0": .interrupted, "peer-1": .interrupted]
        #expect(swarm.status(Self.all, stopped: true) == .interrupted)
        swarm.failures["peer-2"] = "ended with exit code 1"
        #expect(swarm.status(Self.all, stopped: true) == .failure)
    }
}
