import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// One peer a round: the exact weighted mean after a period of a power of two peers, and push-sum's promise otherwise.
@Suite struct OnePeerMixingTests {
    typealias Flock = PushSumMixingTests.Flock

    private static func flock(_ count: Int, seed: UInt64) -> Flock {
        Flock(.exponential(count: count), seed: seed, rule: OnePeerMixing<ExponentialTurns>())
    }

    private static func period(of count: Int) -> Int { ExponentialTurns(count: count, place: 0).period }

    @Test(arguments: 2..<70) func everybodyGivesToOneAndTakesOfOne(count: Int) {
        let all = (0..<count).map { ExponentialTurns(count: count, place: $0) }
        let period = all[0].period
        #expect(1 << period >= count && 1 << (period - 1) < count)
        #expect(ExponentialTurns.missingEdge(in: .exponential(count: count)) == nil)
        #expect(ExponentialTurns.missingEdge(in: .complete(count: count)) == nil)
        #expect((ExponentialTurns.missingEdge(in: .ring(count: count)) == nil) == (count < 4))
        let graph = SwarmGraph.exponential(count: count)
        var given = Set<SwarmGraph.Edge>()
        for round in 0..<2 * period {
            for place in 0..<count {
                guard let target = all[place].target(in: round), let source = all[place].source(in: round) else {
                    Issue.record("nobody for \(place) in round \(round)")
                    return
                }
                #expect(all[target].source(in: round) == place)
                #expect(all[source].target(in: round) == place)
                // To whom it gives now, it listens a period later.
                #expect(all[place].source(in: round + period) == target)
                given.insert(SwarmGraph.Edge(place, target))
            }
        }
        #expect(given.sorted() == graph.edges)
    }

    /// From any round on, whatever peers count: ⌈log₂ n⌉ rounds, one contribution of each peer in each.
    @Test(arguments: [2, 4, 8, 16, 32], [UInt64(1), 2]) func aPeriodGivesTheExactMean(count: Int, seed: UInt64) {
        let period = Self.period(of: count)
        for first in 0..<2 * period {
            var flock = Self.flock(count, seed: seed)
            flock.number = first
            let goal = flock.mean
            for turn in 0..<period {
                if turn == period - 1 { #expect(flock.distance > 1e-3) }
                flock.mix()
            }
            let farthest = flock.adapters.map { $0.distance(to: goal) }.max()!
            #expect(farthest < 2e-6 * goal.norm, "from round \(first): \(farthest / goal.norm)")
            let weights = flock.rules.compactMap { $0.mass?.weight }
            let share = Double(flock.counts.reduce(0, +)) / Double(count)
            #expect(weights.allSatisfy { abs($0 - share) < 1e-9 * share })
        }
    }

    @Test(arguments: [5, 8, 12, 16]) func aPeerSendsOneContributionARound(count: Int) {
        var flock = Self.flock(count, seed: 3)
        flock.trained = 6
        let period = Self.period(of: count)
        for number in 0..<6 + period + 3 {
            for peer in 0..<count {
                let round = flock.round(of: peer)
                var rule = flock.rules[peer]
                let shares = rule.outgoing(flock.adapters[peer], in: round)
                let reach = flock.graph.neighbours[peer].count { other in
                    shares.contains { $0.audience.includes(ExchangeRig.id(other)) }
                }
                let settlingNumber = number < 6 ? nil : number - 6
                let planned = rule.shares(in: flock.graph, settlingNumber: settlingNumber)[peer]
                #expect(Double(reach) == planned, "round \(number)")
                #expect(reach == (number < 6 + period ? 1 : flock.graph.degree(of: peer)))
                if case .only(let sources) = rule.sources(in: round) {
                    #expect(sources.count == 1 && number < 6 + period)
                } else {
                    #expect(number >= 6 + period)
                }
            }
            flock.mix()
        }
    }

    /// Mass stays, in peers and on its way, and everybody comes to the weighted mean of what they began with.
    @Test(arguments: [0, 0.05, 0.2, 0.5], [UInt64(1), 2, 3])
    func theMeanIsExactWhateverIsLost(loss: Double, seed: UInt64) throws {
        for count in [2, 3, 6, 8, 16] {
            var flock = Self.flock(count, seed: seed)
            let goal = flock.mean
            flock.mix(loss: loss)
            let mass = flock.mass
            #expect(abs(mass[0] - Double(flock.counts.reduce(0, +))) < 1e-9 * mass[0])
            // Where half of all is lost, little of a period is left.
            for _ in 0..<(loss < 0.5 ? 400 : 2000) {
                flock.mix(loss: loss)
                #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-12))
            }
            #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm }, "\(count) peers")
        }
    }

    /// Absent peers take what was given them last, and no more: it comes back with them.
    @Test(arguments: [UInt64(4), 5]) func whoComesBackBringsItsMass(seed: UInt64) throws {
        var flock = Self.flock(8, seed: seed)
        let goal = flock.mean
        flock.mix()
        let mass = flock.mass
        for round in 1..<100 { flock.mix(loss: 0.1, absent: (7..<85).contains(round) ? [3, 6] : []) }
        #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-12))
        for _ in 0..<300 { flock.mix() }
        #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-12))
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm })
    }

    @Test(arguments: [UInt64(6), 7]) func massDoesNotDrainToWhoIsAway(seed: UInt64) {
        var flock = Self.flock(8, seed: seed)
        for round in 0..<400 { flock.mix(absent: round >= 7 ? [0] : []) }
        let held = (1..<8).compactMap { flock.rules[$0].mass?.weight }.reduce(0, +)
        #expect(held > 0.2 * Double(flock.counts.reduce(0, +)), "\(held)")
    }

    /// Who is known to be away is given nothing at all.
    @Test func whoIsAwayIsGivenNothing() throws {
        var flock = Self.flock(8, seed: 8)
        for _ in 0..<6 { flock.mix() }
        for isThere in [true, false] {
            var round = flock.round(of: 0)
            let target = try #require(ExponentialTurns(count: 8, place: 0).target(in: round.number))
            round.present = isThere ? [ExchangeRig.id(target)] : []
            var rule = flock.rules[0]
            let before = try #require(rule.mass).weight
            for share in rule.outgoing(flock.adapters[0], in: round) { rule.sent(share, in: round) }
            let after = try #require(rule.mass).weight
            #expect(abs(after - (isThere ? before / 2 : before)) < 1e-9 * before)
        }
    }

    /// Local steps of unequal peers add what they count, also what is owed while weights are equal.
    @Test(arguments: [0, 0.3], [8, 12]) func localStepsAddTheirChange(loss: Double, count: Int) throws {
        var flock = Self.flock(count, seed: 9)
        flock.trained = 40
        flock.mix(loss: loss)
        var mass = flock.mass
        while flock.number < flock.trained {
            for peer in flock.rules.indices {
                let step = ExchangeRig.drawn(using: &flock.generator)
                let weight = Double(flock.counts[peer])
                for index in step.values.indices {
                    let before = flock.adapters[peer].values[index]
                    let after: Float = before + step.values[index] / 10
                    flock.adapters[peer][index] = after
                    mass[index + 1] += weight * (Double(after) - Double(before))
                }
            }
            flock.mix(loss: loss)
            #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-11))
        }
        // Settling pays what is owed, and everybody comes to the mean of all mass.
        for _ in 0..<300 { flock.mix(loss: loss) }
        #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-11))
        let goal = AdapterDelta(schema: ExchangeRig.schema, values: mass.dropFirst().map { Float($0 / mass[0]) })
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm })
    }

    /// Settling begins with a period that makes peers equal, of which nobody may conclude anything; then all hear all.
    @Test(arguments: [4, 8, 16]) func settlingEvensOutAndThenMeasures(count: Int) throws {
        var flock = Self.flock(count, seed: 10)
        flock.trained = 3
        let period = Self.period(of: count)
        for _ in 0..<3 { flock.mix() }
        for peer in flock.rules.indices {
            for index in flock.adapters[peer].values.indices { flock.adapters[peer][index] += Float(peer) }
        }
        for number in 0..<period + 4 {
            var disagreements: [Double] = []
            var heard = [[HeardShare]](repeating: [], count: count)
            for peer in 0..<count {
                let round = flock.round(of: peer)
                for share in flock.rules[peer].outgoing(flock.adapters[peer], in: round) {
                    flock.rules[peer].sent(share, in: round)
                    for other in flock.graph.neighbours[peer] where share.audience.includes(ExchangeRig.id(other)) {
                        heard[other].append(
                            HeardShare(
                                origin: ExchangeRig.id(peer), round: round.number, weight: flock.counts[peer],
                                delta: share.delta, header: share.header))
                    }
                }
            }
            for peer in 0..<count {
                let outcome = flock.rules[peer].mix(flock.adapters[peer], with: heard[peer], in: flock.round(of: peer))
                flock.adapters[peer] = outcome.delta
                disagreements.append(outcome.disagreement)
            }
            flock.number += 1
            if number < period {
                #expect(disagreements.allSatisfy { $0 == .infinity })
            } else {
                #expect(disagreements.allSatisfy { $0 < 1e-4 }, "\(disagreements)")
            }
        }
        #expect(flock.distance < 1e-5)
    }

    /// What a neighbour sent for a round to come is left for that round; what came late is not.
    @Test func whatIsForLaterIsLeftForLater() throws {
        var flock = Self.flock(8, seed: 11)
        for _ in 0..<6 { flock.mix() }
        let next = try #require(ExponentialTurns(count: 8, place: 0).source(in: flock.number + 1))
        flock.number += 1
        let later = flock.rules[next].outgoing(flock.adapters[next], in: flock.round(of: next))
        flock.number -= 1
        let share = try #require(later.first)
        let heard = HeardShare(
            origin: ExchangeRig.id(next), round: flock.number + 1, weight: flock.counts[next], delta: share.delta,
            header: share.header)
        var rule = flock.rules[0]
        #expect(rule.mix(flock.adapters[0], with: [heard], in: flock.round(of: 0)).weights.isEmpty)
        flock.number += 2
        #expect(rule.mix(flock.adapters[0], with: [heard], in: flock.round(of: 0)).weights.count == 1)
    }

    /// Without loss peers that count alike shrink as the audit says, where a period does not give the mean.
    @Test(arguments: [6, 10, 12, 24]) func aPeriodShrinksAsTheAuditSays(count: Int) {
        let graph = SwarmGraph.exponential(count: count)
        let counts = Array(repeating: 10, count: count)
        let turns = OnePeerMixing<ExponentialTurns>().matrices(of: graph, sampleCounts: counts)
        for turn in turns {
            for peer in 0..<count {
                // What all take of one peer is as much as one takes of all.
                #expect((0..<count).reduce(0) { $0 + turn[$1, peer] } == 1)
            }
        }
        let factor = MixingMatrix.contraction(of: turns)
        #expect(factor > 0 && factor < 0.5)
        var flock = Self.flock(count, seed: 12)
        flock.counts = counts
        func spread() -> Double {
            let mean = flock.mean
            return flock.adapters.reduce(0) { $0 + $1.distance(to: mean) * $1.distance(to: mean) }.squareRoot()
        }
        for _ in turns { flock.mix() }
        let before = spread()
        for _ in 0..<2 { for _ in turns { flock.mix() } }
        let measured = (spread() / before).squareRoot()
        #expect(measured <= factor * 1.1 && measured > 0.3 * factor, "\(measured), \(factor)")
    }

    @Test(arguments: [2, 4, 8, 16, 64]) func theAuditKnowsWhenTheMeanIsThere(count: Int) {
        let graph = SwarmGraph.exponential(count: count)
        let turns = OnePeerMixing<ExponentialTurns>().matrices(
            of: graph, sampleCounts: Array(repeating: 1, count: count))
        #expect(MixingMatrix.contraction(of: turns) == 0)
        #expect(MixingMatrix.roundsToMean(of: turns) == Self.period(of: count))
        let audit = TopologyAudit(graph: graph, matrix: nil, turns: turns)
        #expect(audit.roundsToBound == Self.period(of: count))
    }

    /// Sums begin anew although a neighbour acknowledges every two periods only.
    @Test func longRunsLoseNoDigits() throws {
        var flock = Self.flock(8, seed: 13)
        flock.mix()
        let mass = flock.mass
        var worst = 0.0
        for round in 1..<12_000 {
            flock.mix(loss: 0.05)
            if round > 200 { worst = max(worst, flock.distance) }
        }
        #expect(worst < 1e-3, "\(worst)")
        #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-9))
        let epochs = flock.rules[0].mass?.edges.values.map(\.given.epoch) ?? []
        #expect(epochs.count == flock.graph.degree(of: 0))
        #expect(epochs.allSatisfy { $0 > 0 }, "\(epochs)")
    }

    @Test func aStateGoesOnToTheLastBit() throws {
        var flock = Self.flock(8, seed: 14)
        for _ in 0..<30 { flock.mix(loss: 0.2) }
        var other = flock
        for peer in flock.rules.indices {
            var rule: any MixingRule = OnePeerMixing<ExponentialTurns>()
            rule.join(flock.graph, as: peer)
            try rule.restore(flock.rules[peer].state)
            #expect(rule.state == flock.rules[peer].state)
            other.rules[peer] = rule
        }
        for _ in 0..<40 {
            flock.mix(loss: 0.2)
            other.mix(loss: 0.2)
        }
        #expect(flock.adapters == other.adapters)
    }

    /// Only what holds no sums is a final adapter, and nobody can know of an agreement before anybody has measured.
    @Test func aFinalContributionHoldsNoSums() throws {
        var flock = Self.flock(8, seed: 15)
        for _ in 0..<5 { flock.mix() }
        var round = flock.round(of: 0)
        func heard(_ share: OutgoingShare) -> HeardShare {
            HeardShare(
                origin: ExchangeRig.id(0), round: round.number, weight: 1, delta: share.delta, header: share.header)
        }
        let sums = try #require(flock.rules[0].outgoing(flock.adapters[0], in: round).first)
        #expect(!flock.rules[1].isFinalAdapter(heard(sums)))
        round.isFinal = true
        let final = try #require(flock.rules[0].outgoing(flock.adapters[0], in: round).first)
        #expect(final.audience == .everyone && final.delta == flock.adapters[0])
        #expect(flock.rules[1].isFinalAdapter(heard(final)))
        let settling = flock.rules[0].settling(SettlingLimits(consensusBound: 1e-3, depth: 2, rounds: 100))
        #expect(settling.leastRounds == 3 + 2 + 1)
    }
}
