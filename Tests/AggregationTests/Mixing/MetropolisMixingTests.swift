import Adapters
import Aggregation
import Basics
import Foundation
import Overlay
import Testing

/// A ring with a chord of unequal peers, mixed by all at once.
private struct Swarm {
    static let schema = AdapterSchema(tensors: [
        .init(name: "a", rows: 3, columns: 5), .init(name: "b", rows: 2, columns: 4),
    ])
    static let count = 7

    var samples: [Int] = []
    var deltas: [AdapterDelta] = []
    let neighbours: [[Int]] = (0..<count).map { peer in
        var others: Set<Int> = [(peer + 1) % count, (peer + count - 1) % count]
        if peer == 0 { others.insert(3) }
        if peer == 3 { others.insert(0) }
        return others.sorted()
    }

    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<Self.count {
            samples.append(Int.random(in: 1...900, using: &generator))
            let values = (0..<Self.schema.count).map { _ in Float(generator.normal()) }
            deltas.append(AdapterDelta(schema: Self.schema, values: values))
        }
    }

    func id(_ index: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(index * 37 % 251), count: 32))! }

    func share(_ index: Int) -> HeardShare {
        HeardShare(origin: id(index), round: 0, weight: samples[index], delta: deltas[index])
    }

    func round(of peer: Int) -> MixingRound {
        let members = neighbours[peer].map { Roster.Member(id: id($0), place: $0, degree: neighbours[$0].count) }
        let roster = Roster(
            place: peer, sampleCount: samples[peer], swarmCount: Self.count, depth: 4, members: members)
        return MixingRound(number: 0, weight: samples[peer], roster: roster)
    }

    func mixed(_ peer: Int, missing: Set<Int> = []) -> MixingOutcome {
        var rule = MetropolisMixing()
        return rule.mix(
            deltas[peer], with: neighbours[peer].filter { !missing.contains($0) }.map(share), in: round(of: peer))
    }

    mutating func step() { deltas = (0..<Self.count).map { mixed($0).delta } }

    var mean: [Double] {
        let total = Double(samples.reduce(0, +))
        return (0..<Self.schema.count).map { index in
            zip(samples, deltas).reduce(0.0) { $0 + Double($1.0) / total * Double($1.1.values[index]) }
        }
    }
}

@Suite struct MetropolisMixingTests {
    @Test(arguments: 0..<10 as Range<UInt64>) func theSampleWeightedMeanIsKeptAndReached(seed: UInt64) {
        var swarm = Swarm(seed: seed)
        let mean = swarm.mean
        for _ in 0..<3 { swarm.step() }
        for (now, before) in zip(swarm.mean, mean) { #expect(abs(now - before) < 1e-6) }
        for _ in 0..<3000 { swarm.step() }
        for delta in swarm.deltas {
            for (value, expected) in zip(delta.values, mean) { #expect(abs(Double(value) - expected) < 1e-4) }
        }
    }

    @Test(arguments: 0..<5 as Range<UInt64>) func theOrderOfArrivalDoesNotMatter(seed: UInt64) {
        let swarm = Swarm(seed: seed)
        var generator = SeededGenerator(seed: seed)
        let shares = swarm.neighbours[0].map(swarm.share)
        let expected = swarm.mixed(0).delta
        var rule = MetropolisMixing()
        for _ in 0..<10 {
            let outcome = rule.mix(
                swarm.deltas[0], with: shares.shuffled(using: &generator), in: swarm.round(of: 0))
            #expect(outcome.delta.values.map(\.bitPattern) == expected.values.map(\.bitPattern))
        }
    }

    @Test func strangersAreNotMixed() {
        let swarm = Swarm(seed: 3)
        var rule = MetropolisMixing()
        let outcome = rule.mix(
            swarm.deltas[0], with: [swarm.share(1), swarm.share(4)], in: swarm.round(of: 0))
        #expect(outcome.weights.map(\.origin) == [swarm.id(1)])
        #expect(outcome.delta == swarm.mixed(0, missing: [3, 6]).delta)
    }

    @Test func aMissingNeighboursWeightStaysHere() {
        let swarm = Swarm(seed: 4)
        let full = swarm.mixed(0)
        let lacking = swarm.mixed(0, missing: [1])
        let weight = full.weights.first { $0.origin == swarm.id(1) }!.weight
        #expect(abs(lacking.keptWeight - full.keptWeight - weight) < 1e-15)
        let alone = swarm.mixed(0, missing: [1, 3, 6])
        #expect(alone.delta == swarm.deltas[0] && alone.disagreement == 0 && alone.keptWeight == 1)
    }

    @Test func mixingStaysWithinTheHull() {
        let swarm = Swarm(seed: 9)
        for peer in 0..<Swarm.count {
            let mixed = swarm.mixed(peer).delta.values
            for index in mixed.indices {
                let around = (swarm.neighbours[peer] + [peer]).map { swarm.deltas[$0].values[index] }
                #expect(mixed[index] >= around.min()! - 1e-6 && mixed[index] <= around.max()! + 1e-6)
            }
        }
    }

    @Test func disagreementIsTheLargestRelativeDistance() {
        let swarm = Swarm(seed: 2)
        let expected = swarm.neighbours[0].map { swarm.deltas[0].distance(to: swarm.deltas[$0]) }.max()!
        #expect(abs(swarm.mixed(0).disagreement - expected / swarm.deltas[0].norm) < 1e-12)
        var rule = MetropolisMixing()
        let outcome = rule.mix(
            AdapterDelta(zeroOf: Swarm.schema), with: [swarm.share(1)], in: swarm.round(of: 0))
        #expect(outcome.disagreement == .infinity)
    }

    @Test func theWeightedMeanIsFedAvgs() throws {
        let swarm = Swarm(seed: 5)
        let mean = try #require(WeightedMean.of(Array(zip(swarm.samples, swarm.deltas).map { ($0, $1) })))
        for (value, expected) in zip(mean.values, swarm.mean) { #expect(abs(Double(value) - expected) < 1e-6) }
        #expect(WeightedMean.of([]) == nil)
    }
}
