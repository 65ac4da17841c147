import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// One peer a round by `BaseTwoTurns`: the exact weighted mean after a period, for any number of peers.
@Suite struct BaseTwoMixingTests {
    typealias Flock = PushSumMixingTests.Flock

    private static func flock(_ count: Int, seed: UInt64) -> Flock {
        Flock(.baseTwo(count: count), seed: seed, rule: OnePeerMixing<BaseTwoTurns>())
    }

    private static func period(of count: Int) -> Int { BaseTwoTurns(count: count, place: 0).period }

    @Test(arguments: 1..<70) func turnsAreMutual(count: Int) {
        let all = (0..<count).map { BaseTwoTurns(count: count, place: $0) }
        let period = all[0].period
        let digits = Int.bitWidth - 1 - count.leadingZeroBitCount
        #expect(period == (count & (count - 1) == 0 ? digits : 2 * digits + 1))
        let graph = SwarmGraph.baseTwo(count: count)
        #expect(BaseTwoTurns.missingEdge(in: graph) == nil)
        #expect(BaseTwoTurns.missingEdge(in: .complete(count: count)) == nil)
        #expect(graph.neighbours.allSatisfy { $0.count <= 2 * (digits + 1) })
        var used = Set<SwarmGraph.Edge>()
        for round in 0..<period {
            for place in 0..<count {
                guard let turn = all[place].turn(in: round) else { continue }
                #expect(turn.peer != place && (0..<count).contains(turn.peer))
                #expect(turn.part > 0 && turn.part < 1)
                #expect(all[turn.peer].turn(in: round) == BaseTwoTurns.Turn(peer: place, part: turn.part))
                used.insert(SwarmGraph.Edge(place, turn.peer))
            }
        }
        #expect(used.sorted() == graph.edges)
        for place in all.indices {
            #expect(all[place].turn(in: -1) == nil && all[place].turn(in: period) == nil)
        }
    }

    /// The audit finds nothing left after a period, of whatever number of peers.
    @Test(arguments: Array(2..<34) + [63, 64, 100]) func aPeriodIsTheMean(count: Int) {
        let graph = SwarmGraph.baseTwo(count: count)
        let rule = OnePeerMixing<BaseTwoTurns>()
        let turns = rule.matrices(of: graph, sampleCounts: Array(repeating: 1, count: count))
        #expect(turns.count == Self.period(of: count))
        #expect(MixingMatrix.contraction(of: turns) < 1e-12)
        #expect(rule.settlingRounds(to: 1e-6, in: graph) == Self.period(of: count))
        #expect(TopologyAudit(graph: graph, matrix: nil, turns: turns).roundsToBound ?? .max <= Self.period(of: count))
    }

    /// Whatever peers count, from the beginning of any period on; and not sooner.
    @Test(arguments: [2, 3, 5, 6, 7, 8, 12, 25], [UInt64(1), 2])
    func aPeriodGivesTheExactMean(count: Int, seed: UInt64) {
        let period = Self.period(of: count)
        for first in [0, period, 3 * period] {
            var flock = Self.flock(count, seed: seed)
            flock.number = first
            let goal = flock.mean
            for turn in 0..<period {
                if turn == period - 1 { #expect(flock.distance > 1e-3) }
                flock.mix()
            }
            let farthest = flock.adapters.map { $0.distance(to: goal) }.max()!
            #expect(farthest < 3e-6 * goal.norm, "from round \(first): \(farthest / goal.norm)")
            let weights = flock.rules.compactMap { $0.mass?.weight }
            let share = Double(flock.counts.reduce(0, +)) / Double(count)
            #expect(weights.allSatisfy { abs($0 - share) < 1e-9 * share })
        }
    }

    /// A peer has a pause where its block is done sooner than the largest, or has nobody to exchange with.
    @Test(arguments: [(2, 0), (4, 0), (64, 0), (3, 2), (6, 4), (7, 4), (9, 6)])
    func pausesAreKnown(count: Int, longest: Int) {
        #expect(OnePeerMixing<BaseTwoTurns>().longestPause(in: .baseTwo(count: count)) == longest)
        #expect(OnePeerMixing<ExponentialTurns>().longestPause(in: .exponential(count: count)) == 0)
    }

    /// Settling begins with the first turn, whatever round training ended in.
    @Test(arguments: [5, 6, 12], 1..<5) func settlingBeginsAtTheBeginning(count: Int, trained: Int) {
        var flock = Self.flock(count, seed: 7)
        flock.trained = trained
        let goal = flock.mean
        for _ in 0..<trained { flock.mix() }
        for _ in 0..<Self.period(of: count) { flock.mix() }
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 3e-6 * goal.norm })
    }

    /// At most one contribution a round, and as many as the plan says.
    @Test(arguments: [3, 8, 12]) func aPeerSendsWhatThePlanSays(count: Int) {
        var flock = Self.flock(count, seed: 3)
        let period = Self.period(of: count)
        flock.trained = 2 * period
        var sent = [Int](repeating: 0, count: count)
        for number in 0..<flock.trained + period + 2 {
            for peer in 0..<count {
                let round = flock.round(of: peer)
                var rule = flock.rules[peer]
                let shares = rule.outgoing(flock.adapters[peer], in: round)
                let reach = flock.graph.neighbours[peer].count { other in
                    shares.contains { $0.audience.includes(ExchangeRig.id(other)) }
                }
                if number < flock.trained {
                    sent[peer] += reach
                    #expect(reach <= 1)
                } else {
                    let settling = number - flock.trained
                    #expect(Double(reach) == rule.shares(in: flock.graph, settlingNumber: settling)[peer])
                }
            }
            flock.mix()
        }
        let planned = flock.rules[0].shares(in: flock.graph, settlingNumber: nil)
        for peer in 0..<count { #expect(abs(Double(sent[peer]) - 2 * Double(period) * planned[peer]) < 1e-9) }
    }

    /// Mass stays, in peers and on its way, and everybody comes to the weighted mean of what they began with.
    @Test(arguments: [0, 0.05, 0.2], [UInt64(1), 2]) func theMeanIsExactWhateverIsLost(loss: Double, seed: UInt64) {
        for count in [2, 3, 6, 7, 12] {
            var flock = Self.flock(count, seed: seed)
            let goal = flock.mean
            flock.mix(loss: loss)
            let mass = flock.mass
            for _ in 0..<800 {
                flock.mix(loss: loss)
                #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-12))
            }
            #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm }, "\(count) peers")
        }
    }

    /// Absent peers bring back what they hold.
    @Test(arguments: [UInt64(4), 5]) func whoComesBackBringsItsMass(seed: UInt64) {
        var flock = Self.flock(7, seed: seed)
        let goal = flock.mean
        flock.mix()
        let mass = flock.mass
        for round in 1..<100 { flock.mix(loss: 0.1, absent: (7..<85).contains(round) ? [3, 6] : []) }
        for _ in 0..<300 { flock.mix() }
        #expect(PushSumMixingTests.isClose(flock.mass, mass, to: 1e-12))
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm })
    }
}
