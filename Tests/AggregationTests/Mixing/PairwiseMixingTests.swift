import Adapters
import Aggregation
import Basics
import Foundation
import Overlay
import Testing

/// Pairs: every edge has its turn, the weighted mean stays, and a hypercube's period gives it exactly.
@Suite struct PairwiseMixingTests {
    static let graphs: [SwarmGraph] = [
        .ring(count: 7), .exponential(count: 12), .complete(count: 5), .star(count: 6),
    ]

    @Test func everyEdgeHasItsTurnOnceAPeriod() throws {
        for graph in Self.graphs + [try .hypercube(count: 16), try .torus(count: 12)] {
            let matchings = PairwiseMixing.matchings(of: graph)
            let degree = (0..<graph.count).map(graph.degree(of:)).max()!
            #expect(matchings.count < 2 * degree)
            var met: [SwarmGraph.Edge] = []
            for partners in matchings {
                for (peer, partner) in partners.enumerated() {
                    guard let partner else { continue }
                    #expect(partners[partner] == peer)
                    if peer < partner { met.append(SwarmGraph.Edge(peer, partner)) }
                }
            }
            #expect(met.sorted() == graph.edges)
        }
    }

    /// One peer for each place, all of which hear each other in settling rounds and their partners before.
    struct Flock {
        let graph: SwarmGraph
        let counts: [Int]
        var rules: [PairwiseMixing]
        var adapters: [AdapterDelta]
        var number = 0

        init(_ graph: SwarmGraph, seed: UInt64, counts: [Int]? = nil) {
            var generator = SeededGenerator(seed: seed)
            self.graph = graph
            self.counts = counts ?? (0..<graph.count).map { _ in Int.random(in: 20...400, using: &generator) }
            adapters = (0..<graph.count).map { _ in ExchangeRig.drawn(using: &generator) }
            rules = (0..<graph.count).map { place in
                var rule = PairwiseMixing()
                rule.join(graph, as: place)
                return rule
            }
        }

        func round(of peer: Int, isSettling: Bool) -> MixingRound {
            let ids: [PeerID?] = (0..<graph.count).map { ExchangeRig.id($0) }
            let roster = graph.roster(of: peer, ids: ids, sampleCount: counts[peer], depth: 1)
            return MixingRound(number: number, isSettling: isSettling, weight: counts[peer], roster: roster)
        }

        /// What was sent in this round, for each receiver.
        mutating func mix(isSettling: Bool = false) {
            var heard = [[HeardShare]](repeating: [], count: graph.count)
            for peer in 0..<graph.count {
                let round = round(of: peer, isSettling: isSettling)
                for share in rules[peer].outgoing(adapters[peer], in: round) {
                    rules[peer].sent(share, in: round)
                    for other in graph.neighbours[peer] where share.audience.includes(ExchangeRig.id(other)) {
                        heard[other].append(
                            HeardShare(
                                origin: ExchangeRig.id(peer), round: number, weight: counts[peer], delta: share.delta))
                    }
                }
            }
            for peer in 0..<graph.count {
                let round = round(of: peer, isSettling: isSettling)
                let expected = Set(heard[peer].map(\.origin))
                switch rules[peer].sources(in: round) {
                case .everyone: #expect(expected.count == graph.degree(of: peer))
                case .only(let waited): #expect(waited == expected)
                }
                adapters[peer] = rules[peer].mix(adapters[peer], with: heard[peer], in: round).delta
            }
            number += 1
        }

        var mean: AdapterDelta { WeightedMean.of(adapters.enumerated().map { (counts[$0], $1) })! }
        var distance: Double { adapters.map { $0.distance(to: mean) }.max()! / mean.norm }
    }

    @Test(arguments: [UInt64(1), 2, 3]) func theWeightedMeanStaysAndIsReached(seed: UInt64) {
        for graph in Self.graphs {
            var flock = Flock(graph, seed: seed)
            let goal = flock.mean
            for _ in 0..<60 { flock.mix() }
            #expect(flock.mean.distance(to: goal) < 1e-5 * goal.norm)
            for _ in 0..<240 { flock.mix() }
            #expect(flock.distance < 1e-4)
            for _ in 0..<20 { flock.mix(isSettling: true) }
            #expect(flock.mean.distance(to: goal) < 1e-5 * goal.norm)
        }
    }

    @Test(arguments: [4, 8, 16]) func aHypercubesPeriodGivesTheMean(count: Int) throws {
        var flock = Flock(try .hypercube(count: count), seed: 4, counts: Array(repeating: 30, count: count))
        let goal = flock.mean
        for _ in 0..<PairwiseMixing.matchings(of: flock.graph).count { flock.mix() }
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-6 * goal.norm })
        let turns = PairwiseMixing().matrices(of: flock.graph, sampleCounts: flock.counts)
        #expect(MixingMatrix.contraction(of: turns) < 1e-9)
    }

    /// The audit's prediction holds in the long run.
    @Test(arguments: [UInt64(5), 6]) func aPeriodShrinksAsTheAuditSays(seed: UInt64) {
        for graph in [SwarmGraph.ring(count: 8), .exponential(count: 12)] {
            let counts = Array(repeating: 10, count: graph.count)
            let turns = PairwiseMixing().matrices(of: graph, sampleCounts: counts)
            let factor = MixingMatrix.contraction(of: turns)
            #expect(factor > 0 && factor < 1)
            var flock = Flock(graph, seed: seed, counts: counts)
            func spread() -> Double {
                let mean = flock.mean
                return flock.adapters.reduce(0) { $0 + $1.distance(to: mean) * $1.distance(to: mean) }.squareRoot()
            }
            let before = spread()
            let periods = 8
            for _ in 0..<periods { for _ in turns { flock.mix() } }
            let measured = pow(spread() / before, 1 / Double(periods))
            // The start has a part in it that shrinks faster.
            #expect(measured <= factor * 1.05 && measured > 0.6 * factor, "\(measured), \(factor)")
        }
    }

    /// What a neighbour sent for another round, or who is no partner, is not mixed.
    @Test func onlyThePartnersOwnRoundCounts() {
        var flock = Flock(.ring(count: 4), seed: 7)
        flock.mix()
        flock.mix()
        let round = flock.round(of: 0, isSettling: false)
        let own = flock.adapters[0]
        let others = flock.graph.neighbours[0].map { other in
            HeardShare(
                origin: ExchangeRig.id(other), round: round.number - 2, weight: flock.counts[other],
                delta: flock.adapters[other])
        }
        let outcome = flock.rules[0].mix(own, with: others, in: round)
        #expect(outcome.delta == own)
        #expect(outcome.weights.isEmpty)
    }
}
