import Aggregation
import Basics
import Federation
import Overlay
import SwarmFile
import Testing
import Wire

/// Who takes part can change between rounds.
@Suite struct MembershipTests {
    static let others = [0, 1, 2]

    /// Four peers of a complete graph, of which the last is unknown to the others at first, or known to them.
    static func swarm(isLastKnown: Bool) throws -> VirtualSwarm {
        var swarm = try VirtualSwarm(graph: "complete", count: 4, seed: 8, rounds: 6, unequal: false)
        let last = swarm.id(3)
        if !isLastKnown {
            swarm.adjust = { configuration in
                configuration.roster.expel(last)
                configuration.remotes.removeAll { $0.id == last }
                let known = configuration.roster.members
                for member in known { configuration.roster.admit(.init(id: member.id, place: member.place, degree: 2)) }
            }
        }
        for index in Self.others { try swarm.start(index) }
        swarm.adjust = { _ in }
        return swarm
    }

    @Test func aPeerThatIsAdmittedTakesPart() throws {
        var swarm = try Self.swarm(isLastKnown: false)
        swarm.after(.milliseconds(2_500)) { swarm in
            for index in Self.others {
                for other in swarm.members.indices where other != index {
                    let entry = swarm.topology.peers[other]
                    swarm.members[index].core!.admit(
                        .init(id: swarm.id(other), place: other, degree: 3),
                        as: RemotePeer(id: swarm.id(other), exchangeKey: entry.exchangeKey!, address: entry.address),
                        at: swarm.time, using: &swarm.generator)
                }
                swarm.drain(index)
            }
            try! swarm.start(3)
        }
        let stopped = swarm.run()
        #expect(stopped)
        #expect(swarm.finals(0..<4).count == 4)
        #expect(ConsensusDistance.relative(swarm.finals(0..<4)) <= 1e-3)
        for index in Self.others {
            let heard = swarm.kinds(index).contains {
                if case .mixed(_, _, let present, _, _) = $0 { present.contains(swarm.id(3)) } else { false }
            }
            #expect(heard)
        }
    }

    @Test func aPeerThatIsExpelledIsLeftOut() throws {
        var swarm = try Self.swarm(isLastKnown: true)
        try swarm.start(3)
        swarm.after(.milliseconds(2_500)) { swarm in
            for index in Self.others {
                swarm.members[index].core!.expel(swarm.id(3), at: swarm.time, using: &swarm.generator)
                swarm.drain(index)
            }
        }
        swarm.run(for: .seconds(300))
        #expect(Self.others.allSatisfy { swarm.members[$0].stopped == .finished })
        #expect(ConsensusDistance.relative(swarm.finals(Self.others)) <= 1e-3)
        for index in Self.others {
            let last = swarm.kinds(index).last {
                if case .mixed(_, _, let present, _, _) = $0 { present.contains(swarm.id(3)) } else { false }
            }
            guard case .mixed(let round, _, _, _, _) = last else { continue }
            #expect(round < 4)
        }
    }
}
