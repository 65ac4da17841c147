import Adapters
import Aggregation
import Basics
import Federation
import Overlay
import Testing
import Wire

/// Averaging with one neighbour a round, the one after and the one before by turns: a rule that sends to one, waits for
/// one, and settles after a fixed number of rounds.
private struct Turns: MixingRule {
    static let settlingRounds = 60

    func partner(in round: MixingRound) -> PeerID? {
        let count = round.roster.swarmCount
        let step = (round.roster.place + round.number).isMultiple(of: 2) ? 1 : count - 1
        let place = (round.roster.place + step) % count
        return round.roster.members.first { $0.place == place }?.id
    }

    private func audience(in round: MixingRound) -> MixingAudience {
        round.isFinal ? .everyone : .only(Set([partner(in: round)].compactMap { $0 }))
    }

    func sources(in round: MixingRound) -> MixingAudience { audience(in: round) }

    mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        [OutgoingShare(audience: audience(in: round), delta: delta)]
    }

    mutating func mix(_ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound) -> MixingOutcome {
        var mixed = own
        var disagreement = 0.0
        if let share = heard.first(where: { $0.origin == partner(in: round) }) {
            mixed = AdapterDelta(
                schema: own.schema, values: zip(own.values, share.delta.values).map { ($0 + $1) / 2 })
            disagreement = own.distance(to: share.delta)
        }
        return MixingOutcome(delta: mixed, disagreement: disagreement, weights: [], keptWeight: 0.5)
    }

    func settling(_ limits: SettlingLimits) -> any SettlingRule { AfterSomeRounds() }

    struct AfterSomeRounds: SettlingRule {
        var status: [UInt8] { [] }
        func accepts(_ status: ArraySlice<UInt8>) -> Bool { false }
        mutating func advance(disagreement: Double?, heard: [(origin: PeerID, news: SettlingNews)]) -> [PeerID] { [] }
        func verdict(after rounds: Int) -> SettlingVerdict { rounds < settlingRounds ? .unsettled : .settled }
        mutating func restart() {}
    }
}

/// What the core makes of a mixing rule that is not the usual one.
@Suite struct MixingRuleTests {
    @Test(arguments: [4, 6], 1..<4 as Range<UInt64>)
    func aRuleMayAverageWithOneNeighbourARound(count: Int, seed: UInt64) throws {
        var swarm = try VirtualSwarm(graph: "ring", count: count, seed: seed, rounds: 3, loss: 0.05, unequal: false)
        swarm.adjust = { $0.exchange.mixing = Turns() }
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let finals = swarm.finals(0..<count)
        #expect(finals.count == count && ConsensusDistance.relative(finals) < 1e-3)
        for index in 0..<count {
            for kind in swarm.kinds(index) {
                // Who is not waited for is not missed either.
                if case .mixed(let round, _, let present, let absent, _) = kind {
                    #expect(absent.isEmpty && !present.isEmpty, "round \(round)")
                }
                if case .settlingLimitReached = kind { Issue.record("the rule's own settling was not asked") }
            }
        }
    }

    @Test(arguments: [[1], [1, 2, 3], [1, 0, 0, 0, 0, 0, 0, 0, 9]] as [[UInt8]])
    func aStateThatIsNotTheRulesIsRefused(state: [UInt8]) throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 3)
        try swarm.startAll()
        swarm.run(for: .seconds(20))
        swarm.crash(0)
        swarm.members[0].disk?.exchangeState = state
        #expect(throws: PeerSetupError.self) { try swarm.start(0) }
    }
}
