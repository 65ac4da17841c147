import Adapters
import Aggregation
import Basics
import Cryptography
import Federation
import Testing
import Wire

@Suite struct FaultTests {
    @Test(arguments: ["exponential", "ring", "complete"], [0.5, 2.3, 4.1])
    func aCrashedPeerDoesNotHoldTheOthers(graph: String, moment: Double) throws {
        var swarm = try VirtualSwarm(graph: graph, count: 8)
        try swarm.startAll()
        swarm.after(.seconds(moment)) { $0.crash(3) }
        let stopped = swarm.run(for: .seconds(600))
        #expect(stopped)
        let others = [0, 1, 2, 4, 5, 6, 7]
        #expect(swarm.finals(others).count == 7)
        #expect(ConsensusDistance.relative(swarm.finals(others)) <= 1e-3)
        #expect(others.allSatisfy { swarm.members[$0].stopped == .finished })
    }

    @Test("A peer whose keys are revoked in the midst of a run is left out by all; the others agree")
    func aRevokedPeerIsLeftOut() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 6, rounds: 8)
        try swarm.startAll()
        let revocation = Revocation(of: swarm.members[4].keys.signing, swarm: swarm.secret.identifier)
        swarm.after(.seconds(3.3)) { swarm in
            let isTaken = swarm.members[0].core!.revoke(revocation, at: swarm.time)
            #expect(isTaken)
            swarm.drain(0)
        }
        swarm.run(for: .seconds(120))
        let others = [0, 1, 2, 3, 5]
        #expect(others.allSatisfy { swarm.members[$0].stopped == .finished })
        #expect(ConsensusDistance.relative(swarm.finals(others)) <= 1e-3)
        for index in others {
            let barred = swarm.kinds(index).contains {
                if case .barred(swarm.id(4), _) = $0 { true } else { false }
            }
            #expect(barred && swarm.members[index].memory.revocations == [revocation])
        }
    }

    @Test(arguments: [0.5, 1.7, 3.0, 5.5, 6.2], [true, false])
    func aRestartedPeerEndsWithTheSameAdapter(moment: Double, keepsDisk: Bool) throws {
        var swarm = try VirtualSwarm(graph: "exponential", count: 8, rounds: 12)
        try swarm.startAll()
        swarm.crash(2, after: .seconds(moment), keepsDisk: keepsDisk, for: .seconds(2.5))
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        #expect(swarm.finals(0..<8).count == 8)
        let distance = ConsensusDistance.relative(swarm.finals(0..<8))
        #expect(distance <= 1e-3, "\(distance)")
        let ideal = swarm.ideal(0..<8)
        #expect(swarm.finals(0..<8).allSatisfy { $0.distance(to: ideal) / ideal.norm < 0.15 })
        let resumed = swarm.kinds(2).contains { if case .started(_, resumed: true) = $0 { true } else { false } }
        #expect(resumed == (keepsDisk && moment > 1.3))
    }

    @Test(arguments: [8.0, 14.0, 20.0]) func aVeryLatePeerAdoptsWhatTheOthersHave(start: Double) throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 6, rounds: 4)
        swarm.adjust = { $0.startupPatience = .seconds(2) }
        for index in 0..<5 { try swarm.start(index) }
        swarm.after(.seconds(start)) { try! $0.start(5) }
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        #expect(swarm.finals(0..<6).count == 6)
        let distance = ConsensusDistance.relative(swarm.finals(0..<6))
        #expect(distance <= 1e-3, "\(distance)")
        #expect(swarm.kinds(5).contains { if case .caughtUp = $0 { true } else { false } })
    }

    @Test func whatIsNotFiniteIsRefusedAndTheOthersAgree() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 5)
        swarm.adjust = { $0.exchange.normLimit = 1e3 }
        swarm.members[1].poisons = true
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let honest = [0, 2, 3, 4]
        #expect(swarm.finals(honest).count == 4)
        #expect(ConsensusDistance.relative(swarm.finals(honest)) <= 1e-3)
        let ideal = swarm.ideal(honest)
        #expect(swarm.finals(honest).allSatisfy { $0.distance(to: ideal) / ideal.norm < 0.02 })
        for index in honest {
            let refusals = swarm.kinds(index).filter {
                if case .contributionRefused(let from, _, _, _) = $0 { from == swarm.id(1) } else { false }
            }
            #expect(refusals.count >= 5)
        }
    }

    @Test func aSlowPeerIsWaitedForAndStaysInTheAverage() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 5, rounds: 4)
        swarm.members[2].trainingTime = .seconds(9)
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let ideal = swarm.ideal(0..<5)
        for final in swarm.finals(0..<5) { #expect(final.distance(to: ideal) / ideal.norm < 2e-3) }
        #expect(ConsensusDistance.relative(swarm.finals(0..<5)) <= 1e-3)
    }

    @Test func whoLeavesIsNotWaitedFor() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 6)
        try swarm.startAll()
        swarm.after(.seconds(2.5)) { swarm in
            swarm.members[4].core!.leave(at: swarm.time, using: &swarm.generator)
            swarm.drain(4)
        }
        let begin = swarm.time
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        #expect((swarm.time - begin) < .seconds(30), "a goodbye costs no deadline")
        #expect(swarm.members[4].stopped == .left && swarm.members[4].final == nil)
        #expect(ConsensusDistance.relative(swarm.finals([0, 1, 2, 3, 5])) <= 1e-3)
    }

    @Test func aFailedTrainerDoesNotStopTheSwarm() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 4)
        try swarm.startAll()
        swarm.after(.milliseconds(400)) { swarm in
            swarm.members[1].core!.trainingFailed("out of memory", at: swarm.time, using: &swarm.generator)
            swarm.drain(1)
        }
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        #expect(ConsensusDistance.relative(swarm.finals(0..<4)) <= 1e-3)
    }
}
