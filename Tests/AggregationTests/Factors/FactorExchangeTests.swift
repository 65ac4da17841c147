import Adapters
import Aggregation
import Basics
import Testing

/// Which factors travel, and what the pipeline makes of them.
@Suite struct FactorExchangeTests {
    static let rig = FactorRig()
    typealias Mode = ExchangePolicy.Factors

    static func pipeline(
        _ mode: Mode, rounds: Int = 4, compression: ExchangePolicy.Compression = .none
    ) -> ExchangePipeline {
        let policy = ExchangePolicy(
            mixing: .metropolis, weights: .uniform, factors: mode, compression: compression, robustness: .none)
        return ExchangePipeline(policy, schema: rig.schema, layout: rig.layout, rounds: rounds)
    }

    /// Everybody sends to everybody, and mixes.
    static func exchange(_ mode: Mode, _ deltas: [AdapterDelta], round number: Int) throws -> [AdapterDelta] {
        try deltas.indices.map { peer in
            var own = pipeline(mode)
            var round = ExchangeRig.round(number, of: peer, count: deltas.count)
            round.isSettling = number >= 4
            _ = own.outgoing(deltas[peer], in: round)
            let heard = try deltas.indices.filter { $0 != peer }.map { other in
                var theirs = pipeline(mode)
                var round = ExchangeRig.round(number, of: other, count: deltas.count)
                round.isSettling = number >= 4
                let sent = theirs.outgoing(deltas[other], in: round)[0]
                let opened = try own.open(
                    sent.payload, encoding: sent.encoding, sequence: 1, round: number, from: ExchangeRig.id(other))
                return HeardShare(origin: ExchangeRig.id(other), round: number, weight: 1, delta: opened.delta)
            }
            return own.mix(deltas[peer], with: heard, in: round).delta
        }
    }

    static func deltas(_ count: Int = 3, seed: UInt64 = 1) -> [AdapterDelta] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in rig.drawn(0.2, using: &generator) }
    }

    @Test(arguments: [
        (Mode.both, 0, LoRAFactors.both, LoRAFactors.both), (.product, 1, .both, .both),
        (.productResidual, 5, .both, .both), (.freezeA, 0, .b, .b),
        (.freezeA, 9, .b, .b), (.shareA, 0, .both, .a), (.shareA, 9, .both, .a), (.alternate, 0, .b, .b),
        (.alternate, 1, .a, .a), (.alternate, 2, .b, .b), (.alternate, 4, .b, .both), (.alternate, 5, .a, .both),
    ]) func theRoundSaysWhatIsTrainedAndTravels(mode: Mode, round: Int, trained: LoRAFactors, travelling: LoRAFactors) {
        let factors = FactorExchange(mode, schema: Self.rig.schema, rounds: 4)
        #expect(factors.trained(in: round) == trained && factors.travelling(in: round) == travelling)
        #expect(factors.schema(in: round) == Self.rig.schema.part(travelling))
    }

    /// What travels becomes the average at everybody; what does not stays everybody's own.
    @Test(arguments: [Mode.both, .freezeA, .shareA, .alternate], [0, 1, 5]) func whatTravelsIsAveraged(
        mode: Mode, round: Int
    ) throws {
        let before = Self.deltas()
        let after = try Self.exchange(mode, before, round: round)
        let factors = FactorExchange(mode, schema: Self.rig.schema, rounds: 4)
        let part = factors.schema(in: round)
        let mean = try #require(AdapterDelta.weightedMean(before.map { (1, $0) }).restricted(to: part))
        for (old, new) in zip(before, after) {
            let exchanged = try #require(new.restricted(to: part))
            #expect(exchanged.distance(to: mean) < 1e-6 * mean.norm)
            #expect(new == old.replacing(exchanged))
        }
    }

    @Test func halfTheFactorsAreHalfTheBytes() {
        func bytes(_ mode: Mode, _ round: Int) -> Int {
            var pipeline = Self.pipeline(mode)
            return pipeline.outgoing(Self.deltas()[0], in: ExchangeRig.round(round))[0].payload.count
        }
        let count = 4 * Self.rig.schema.count
        #expect(bytes(.both, 0) == count && bytes(.product, 0) == count)
        #expect(bytes(.freezeA, 0) == 4 * Self.rig.schema.part(.b).count)
        #expect(bytes(.freezeA, 0) + bytes(.shareA, 0) == count)
        #expect(bytes(.alternate, 0) == bytes(.freezeA, 0) && bytes(.alternate, 1) == bytes(.shareA, 0))
    }

    /// What is announced for a round has that round's length.
    @Test func anotherRoundsFactorIsRefused() {
        var pipeline = Self.pipeline(.alternate)
        let payload = pipeline.outgoing(Self.deltas()[0], in: ExchangeRig.round(0))[0].payload
        #expect(pipeline.refusal(encoding: 1, byteCount: payload.count, round: 2) == nil)
        for round in [1, 3, 4, 7] {
            #expect(pipeline.refusal(encoding: 1, byteCount: payload.count, round: round) == .announcedLength)
            #expect(throws: ContributionRefusal.self) {
                try pipeline.open(payload, encoding: 1, sequence: 1, round: round, from: ExchangeRig.id(1))
            }
        }
    }

    /// Who is in another round of the same factor is mixed, who is in one of the other is not; settling has both.
    @Test func roundsOfOneFactorServeEachOther() {
        let factors = FactorExchange(.alternate, schema: Self.rig.schema, rounds: 4)
        #expect(factors.serves(0, in: 2) && factors.serves(4, in: 2) && factors.serves(5, in: 4))
        #expect(!factors.serves(1, in: 2) && !factors.serves(3, in: 4))
        let both = FactorExchange(.both, schema: Self.rig.schema, rounds: 4)
        #expect((0..<6).allSatisfy { other in (0..<6).allSatisfy { both.serves(other, in: $0) } })
    }

    /// A peer that fell behind takes each factor from the newest contributions that hold it.
    @Test func eachFactorIsAdoptedFromWhereItIs() throws {
        let deltas = Self.deltas(5)
        func share(_ peer: Int, _ round: Int, _ factors: LoRAFactors, _ delta: AdapterDelta) throws -> HeardShare {
            let part = try #require(delta.restricted(to: Self.rig.schema.part(factors)))
            return HeardShare(origin: ExchangeRig.id(peer), round: round, weight: 1, delta: part)
        }
        var pipeline = Self.pipeline(.alternate)
        let adopted = pipeline.adopt(
            [
                try share(1, 3, .a, deltas[1]), try share(2, 3, .a, deltas[2]), try share(1, 2, .b, deltas[3]),
                try share(1, 0, .b, deltas[4]),
            ], insteadOf: deltas[0], in: ExchangeRig.round(0))
        let a = try #require(
            AdapterDelta.weightedMean([(1, deltas[1]), (1, deltas[2])]).restricted(to: Self.rig.schema.part(.a)))
        #expect(adopted == deltas[3].replacing(a))
        // Of the other factor there is nothing: the own one stays.
        let half = pipeline.adopt([try share(1, 3, .a, deltas[1])], insteadOf: deltas[0], in: ExchangeRig.round(0))
        #expect(half == deltas[0].replacing(try share(1, 3, .a, deltas[1]).delta))
        #expect(pipeline.adopt([], insteadOf: deltas[0], in: ExchangeRig.round(0)) == nil)
    }

    @Test func productsAreAveragedWhileThereIsTraining() throws {
        let before = Self.deltas(4)
        let both = try Self.exchange(.both, before, round: 0)
        let after = try Self.exchange(.product, before, round: 0)
        let terms: [FactorLayout.Term] = before.map { (1, $0) }
        var expected = both[0]
        _ = Self.rig.layout.merge(terms, into: &expected)
        #expect(after[0].distance(to: expected) < 1e-4 * expected.norm)
        #expect(after[0].distance(to: both[0]) > 1e-2 * expected.norm)
        // All heard the same: all have the same, but for the order of the sum.
        for other in after { #expect(other.distance(to: after[0]) < 1e-4 * expected.norm) }
    }

    /// In settling products are averaged until neighbours are near; then values are, for which agreement is proved.
    @Test func nearNeighboursAverageValues() throws {
        let far = Self.deltas(3)
        #expect(try Self.exchange(.product, far, round: 6) != Self.exchange(.both, far, round: 6))
        var generator = SeededGenerator(seed: 4)
        let near = (0..<3).map { _ in Self.rig.drawn(1e-5, around: far[0], using: &generator) }
        #expect(try Self.exchange(.product, near, round: 6) == Self.exchange(.both, near, round: 6))
        #expect(try Self.exchange(.product, near, round: 0) != Self.exchange(.both, near, round: 0))
    }

    /// What neighbours did not read of the own adapter stays, as with the average of factors.
    @Test(arguments: [ExchangePolicy.Compression.bf16, .int4]) func whatRoundingLeftStays(
        compression: ExchangePolicy.Compression
    ) throws {
        var alone = Self.pipeline(.product, compression: compression)
        let own = Self.deltas()[0]
        _ = alone.outgoing(own, in: ExchangeRig.round(0))
        #expect(alone.mix(own, with: [], in: ExchangeRig.round(0)).delta == own)
        #expect(alone.loss == nil)
    }

    @Test(arguments: [Mode.both, .product]) func theLossIsMeasured(mode: Mode) throws {
        let deltas = Self.deltas(3)
        var pipeline = Self.pipeline(mode)
        _ = pipeline.outgoing(deltas[0], in: ExchangeRig.round(0))
        let heard = (1..<3).map { HeardShare(origin: ExchangeRig.id($0), round: 0, weight: 1, delta: deltas[$0]) }
        _ = pipeline.mix(deltas[0], with: heard, in: ExchangeRig.round(0))
        let loss = try #require(pipeline.loss)
        let expected = Self.rig.layout.bias(of: deltas.map { (1, $0) })
        #expect(abs(loss.averaging.whole - expected.whole) < 1e-9 && loss.averaging.layers.count == 2)
        #expect(mode == .both ? loss.left == loss.averaging.whole : loss.left < loss.averaging.whole)
        #expect(loss.isMadeGood == (mode == .product))
    }

    /// A neighbour whose factors are huge does not make products that are larger yet, round for round.
    @Test(arguments: [Float(10), 1e3, 1e5]) func nobodyGrowsBeyondWhatItHeard(factor: Float) {
        var deltas = Self.deltas(3)
        deltas[1] = deltas[1].map { factor * $0 }
        let largest = deltas.map(\.norm).max() ?? 0
        var pipeline = Self.pipeline(.product)
        var own = deltas[0]
        for number in 0..<4 {
            let round = ExchangeRig.round(number)
            _ = pipeline.outgoing(own, in: round)
            let heard = (1..<3).map {
                HeardShare(origin: ExchangeRig.id($0), round: number, weight: 1, delta: deltas[$0])
            }
            own = pipeline.mix(own, with: heard, in: round).delta
            #expect(own.isFinite && own.norm <= 1.0001 * largest)
        }
    }

    /// Differences refer to what was sent before, if it holds the same factors.
    @Test func theFirstSettlingRoundOfAlternatingIsWhole() throws {
        var pipeline = Self.pipeline(.alternate, compression: .bf16)
        let own = Self.deltas()[0]
        let present = (1..<3).map { ExchangeRig.id($0) }
        var encodings: [UInt16] = []
        for number in 0..<7 {
            var round = ExchangeRig.round(number)
            round.isSettling = number >= 4
            let sent = pipeline.outgoing(own, in: round, present: present)
            encodings += sent.map(\.encoding)
            for peer in present { pipeline.offered(to: peer) }
        }
        #expect(encodings == [2, 2, 2, 2, 1, 5, 5])
    }

    @Test(arguments: Mode.allCases) func onlySomeGoTogether(mode: Mode) {
        #expect(mode.goes(with: ExchangePolicy.Mixing.metropolis))
        #expect(
            mode.goes(with: ExchangePolicy.Mixing.pushSum) == ![.product, .productResidual, .alternate].contains(mode))
        #expect(mode.goes(with: ExchangePolicy.Compression.bf16))
        #expect(mode.goes(with: ExchangePolicy.Compression.differences) == (mode != .alternate))
    }
}
