import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// The exact mean: whoever makes it has the same bits, and where somebody is missing the mean stays.
@Suite struct AllReduceMixingTests {
    /// Peers that all know each other, with what each counts and holds.
    struct Flock {
        let counts: [Int]
        var rules: [AllReduceMixing]
        var adapters: [AdapterDelta]
        var number = 0

        init(_ counts: [Int], seed: UInt64) {
            var generator = SeededGenerator(seed: seed)
            self.counts = counts
            rules = counts.map { _ in AllReduceMixing() }
            adapters = counts.map { _ in ExchangeRig.drawn(using: &generator) }
        }

        func round(of peer: Int) -> MixingRound {
            var round = ExchangeRig.round(number, of: peer, count: counts.count, weight: counts[peer])
            round.own = ExchangeRig.id(peer)
            return round
        }

        var mean: [Double] {
            let total = Double(counts.reduce(0, +))
            return adapters[0].values.indices.map { index in
                zip(counts, adapters).reduce(0) { $0 + Double($1.0) * Double($1.1.values[index]) } / total
            }
        }

        /// Everybody mixes what it heard; `reads` is what neighbours read of an adapter.
        mutating func mix(
            missing: Set<[Int]> = [], reads: (AdapterDelta) -> AdapterDelta = { $0 }
        ) -> [MixingOutcome] {
            let copies = adapters.map(reads)
            var outcomes: [MixingOutcome] = []
            for peer in counts.indices {
                rules[peer].sent(OutgoingShare(audience: .everyone, delta: copies[peer]), in: round(of: peer))
                let heard = counts.indices.filter { $0 != peer && !missing.contains([peer, $0]) }.map {
                    HeardShare(origin: ExchangeRig.id($0), round: number, weight: counts[$0], delta: copies[$0])
                }
                outcomes.append(rules[peer].mix(adapters[peer], with: heard, in: round(of: peer)))
            }
            adapters = outcomes.map(\.delta)
            number += 1
            return outcomes
        }
    }

    private func distance(_ first: [Double], _ second: [Double]) -> Double {
        zip(first, second).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test(arguments: 1..<6 as Range<UInt64>) func allHaveTheMeanToTheLastBit(seed: UInt64) {
        var flock = Flock([7, 1, 1000, 33, 2], seed: seed)
        let mean = flock.mean
        let outcomes = flock.mix()
        for peer in flock.adapters.indices {
            #expect(flock.adapters[peer] == flock.adapters[0])
            #expect(abs(outcomes[peer].keptWeight - Double(flock.counts[peer]) / 1043) < 1e-12)
        }
        #expect(distance(flock.adapters[0].values.map(Double.init), mean) < 1e-6)
        // Who agrees goes on agreeing, with the same bits.
        let agreed = flock.adapters
        let again = flock.mix()
        #expect(again.allSatisfy { $0.disagreement == 0 })
        #expect(flock.adapters == agreed)
    }

    /// Slices that some peer averaged, put together, are what everybody makes of whole contributions.
    @Test(arguments: [1, 2, 5, 8]) func slicesGiveTheSameBits(peers: Int) {
        var generator = SeededGenerator(seed: 31)
        let count = 20_011
        let terms = (0..<peers).map { peer in
            ExactMean.Term(
                origin: ExchangeRig.id(peer), weight: Int.random(in: 1...500, using: &generator),
                values: (0..<count).map { _ in Float(generator.normal()) }[...])
        }
        let whole = ExactMean.of(terms)
        #expect(ExactMean.of(terms.reversed()) == whole)
        let layout = SliceLayout(count: count, bytesOfValue: 4, peers: peers, leafByteCount: 4096)
        var joined: [Float] = []
        for rank in 0..<peers {
            let range = layout.values(of: rank)
            joined += ExactMean.of(
                terms.map { ExactMean.Term(origin: $0.origin, weight: $0.weight, values: $0.values[range]) })
        }
        #expect(joined == whole)
        // A liar's number of records does no more than count.
        let heavy = terms.map { ExactMean.Term(origin: $0.origin, weight: .max, values: $0.values) }
        #expect(ExactMean.of(heavy).allSatisfy { $0.isFinite })
    }

    /// What came in slices leads where whole contributions lead.
    @Test func takingTheAverageIsMixing() {
        for keeps in [false, true] {
            var flock = Flock([5, 3, 8], seed: 3)
            let before = flock
            let read: (AdapterDelta) -> AdapterDelta = { delta in
                keeps ? delta.map { Float(bitPattern: $0.bitPattern & 0xffff_0000) } : delta
            }
            let outcomes = flock.mix(reads: read)
            let copies = before.adapters.map(read)
            let mean = ExactMean.of(
                (0..<3).map {
                    ExactMean.Term(
                        origin: ExchangeRig.id($0), weight: before.counts[$0], values: copies[$0].values[...])
                })
            for peer in 0..<3 {
                var rule = AllReduceMixing()
                rule.sent(OutgoingShare(audience: .everyone, delta: copies[peer]), in: before.round(of: peer))
                let outcome = rule.take(
                    average: ExchangeRig.delta(mean), by: before.adapters[peer],
                    of: (0..<3).filter { $0 != peer }.map { (ExchangeRig.id($0), before.counts[$0]) },
                    in: before.round(of: peer))
                #expect(outcome.delta == outcomes[peer].delta)
                #expect(abs(outcome.keptWeight - outcomes[peer].keptWeight) < 1e-12)
                #expect(abs(outcome.roundingError - outcomes[peer].roundingError) < 1e-12)
                #expect((outcome.roundingError > 0) == keeps)
                let total = outcome.keptWeight + outcome.weights.reduce(0) { $0 + $1.weight }
                #expect(abs(total - 1) < 1e-12 && outcome.disagreement > 0 && outcome.disagreement.isFinite)
            }
            // What neighbours do not read stays with the peer, so that the mean does not move.
            #expect(distance(flock.mean, before.mean) < 1e-6)
        }
    }

    /// Two that miss each other keep each other's weight: the mean stays, and all the others' too.
    @Test func theMeanStaysWhereSomebodyIsMissing() {
        var flock = Flock([40, 900, 3, 77], seed: 9)
        _ = flock.mix()
        var generator = SeededGenerator(seed: 10)
        flock.adapters = flock.counts.map { _ in ExchangeRig.drawn(using: &generator) }
        let mean = flock.mean
        let outcomes = flock.mix(missing: [[0, 1], [1, 0], [2, 3], [3, 2]])
        #expect(distance(flock.mean, mean) < 1e-6)
        #expect(flock.adapters[0] != flock.adapters[1])
        #expect(abs((outcomes[0].weights.first { $0.origin == ExchangeRig.id(2) }?.weight ?? 0) - 3.0 / 1020) < 1e-12)
        // As under Metropolis–Hastings it moves where one hears the other and is not heard.
        let before = flock.mean
        _ = flock.mix(missing: [[0, 1]])
        #expect(distance(flock.mean, before) > 1e-4)
    }

    /// Before all were heard once, weights are those of Metropolis–Hastings, which need nobody else's number.
    @Test func whoHasNotHeardAllTakesMetropolisWeights() {
        var flock = Flock([40, 900, 3, 77], seed: 12)
        let mean = flock.mean
        let outcomes = flock.mix(missing: [[0, 1], [1, 0], [0, 3], [3, 0], [1, 2], [2, 1], [2, 3], [3, 2]])
        #expect(outcomes[0].weights.map(\.origin) == [ExchangeRig.id(2)])
        #expect(abs(outcomes[0].weights[0].weight - 3.0 / 40 / 4) < 1e-12)
        #expect(distance(flock.mean, mean) < 1e-6)
    }

    /// What others count outlives the process.
    @Test func theStateComesThrough() throws {
        var flock = Flock([40, 900, 3], seed: 14)
        _ = flock.mix()
        var rule = AllReduceMixing()
        try rule.restore(flock.rules[0].state)
        #expect(rule.state == flock.rules[0].state && rule.state.count == 2 * 40)
        rule.sent(OutgoingShare(audience: .everyone, delta: flock.adapters[0]), in: flock.round(of: 0))
        let heard = HeardShare(origin: ExchangeRig.id(2), round: 1, weight: 3, delta: flock.adapters[2])
        let outcome = rule.mix(flock.adapters[0], with: [heard], in: flock.round(of: 0))
        #expect(abs(outcome.weights[0].weight - 3.0 / 943) < 1e-12)
        for damaged in [rule.state + [0], Array(rule.state.dropLast()), [UInt8](repeating: 0, count: 40)] {
            #expect(throws: ExchangeStateError.self) { try rule.restore(damaged) }
        }
        try rule.restore([])
        #expect(rule.state.isEmpty)
    }

    @Test func itNeedsEveryEdge() {
        #expect(AllReduceMixing.missingEdge(in: .complete(count: 6)) == nil)
        #expect(AllReduceMixing.missingEdge(in: .ring(count: 3)) == nil)
        #expect(AllReduceMixing.missingEdge(in: .ring(count: 4)) == SwarmGraph.Edge(0, 2))
        let matrix = AllReduceMixing().matrix(of: .complete(count: 3), sampleCounts: [1, 2, 5])
        #expect((0..<3).allSatisfy { abs((matrix?[$0, 2] ?? 0) - 0.625) < 1e-12 })
    }
}

/// The slices are all of a contribution, once each, and lie in the leaves that are fetched for them.
@Suite struct SliceLayoutTests {
    @Test(arguments: [1, 2, 3, 7, 8, 64], [2, 4])
    func slicesCoverAllValues(peers: Int, bytesOfValue: Int) {
        for count in [0, 1, 5, 1023, 1024, 1025, 8 * 1024, 70_001] {
            let layout = SliceLayout(count: count, bytesOfValue: bytesOfValue, peers: peers, leafByteCount: 4096)
            let leaves = (count * bytesOfValue + 4095) / 4096
            var (end, fetched) = (0, 0)
            for rank in 0..<peers {
                let (values, own) = (layout.values(of: rank), layout.leaves(of: rank))
                #expect(values.lowerBound == end)
                end = values.upperBound
                fetched += own.count
                guard !values.isEmpty else {
                    #expect(own.isEmpty && layout.bytes(of: rank).isEmpty)
                    continue
                }
                #expect(own.upperBound <= leaves)
                let start = own.lowerBound * 4096 + layout.bytes(of: rank).lowerBound
                #expect(start == values.lowerBound * bytesOfValue)
                #expect(layout.bytes(of: rank).count == values.count * bytesOfValue)
                #expect(layout.bytes(of: rank).upperBound <= own.count * 4096)
            }
            #expect(end == count)
            // Nothing is fetched twice where there are enough leaves, and all have about as much to do.
            if leaves >= peers {
                #expect(fetched == leaves)
                let lengths = (0..<peers).map { layout.leaves(of: $0).count }
                #expect(lengths.max()! - lengths.min()! <= 1)
            }
        }
    }
}
