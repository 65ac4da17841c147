import Adapters
import Aggregation
import Basics
import LinearAlgebra
import Testing

/// What the rank cannot hold of averaged products, kept beside it: against whole matrices.
@Suite struct FactorResidualTests {
    static func merged(_ rig: FactorRig, _ terms: [FactorLayout.Term]) -> (delta: AdapterDelta, left: Double) {
        FactorMergeTests.merged(rig, terms)
    }

    /// The factors of a module, those that are trained or those of the residual.
    static func part(
        _ rig: FactorRig, _ projection: LoRAProjection, of delta: AdapterDelta, isTrained: Bool
    ) -> (a: DoubleMatrix, b: DoubleMatrix) {
        let (a, b) = rig.factors(projection, of: delta)
        let trained = b.columns - rig.residualRank
        let columns = isTrained ? 0..<trained : trained..<b.columns
        return (a.transposed.columns(columns).transposed, b.columns(columns))
    }

    static func product(
        _ rig: FactorRig, _ projection: LoRAProjection, of delta: AdapterDelta, isTrained: Bool
    ) -> DoubleMatrix {
        let (a, b) = part(rig, projection, of: delta, isTrained: isTrained)
        return b.product(a)
    }

    static func best(_ matrix: DoubleMatrix, rank: Int) throws -> (kept: DoubleMatrix, lost: Double) {
        let values = try #require(matrix.singularValues)
        let count = min(rank, values.values.count)
        var left = values.left.columns(0..<count)
        left.scaleColumns(by: Array(values.values[0..<count]))
        let right = values.right.transposed.columns(0..<count)
        return (
            left.product(right, transposingRight: true), values.values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
        )
    }

    /// The trained part is the best of its rank of the trained products, as without a residual; the residual is the best of
    /// its rank of what is left, residuals of before included; and what is said to be lost is what is lost.
    @Test(arguments: 0..<5 as Range<UInt64>, [(2, 1), (3, 3), (3, 6)])
    func bothPartsAreTheBestOfTheirRank(seed: UInt64, ranks: (count: Int, residual: Int)) throws {
        let rig = FactorRig(residualRank: ranks.residual)
        let terms = rig.terms(ranks.count, spread: 0.1 * Float(1 + seed), seed: seed)
        let (delta, left) = Self.merged(rig, terms)
        let total = terms.reduce(0) { $0 + $1.weight }
        var (lost, all) = (0.0, 0.0)
        for projection in rig.projections {
            let mean = terms.map {
                Self.product(rig, projection, of: $0.delta, isTrained: true) * ($0.weight / total)
            }.reduce(DoubleMatrix(rows: projection.outputSize, columns: projection.inputSize), +)
            let rank = rig.configuration.rank(of: projection) - ranks.residual
            let kept = try Self.best(mean, rank: rank).kept
            let new = Self.product(rig, projection, of: delta, isTrained: true)
            #expect((new - kept).squaredNorm < 1e-9 * kept.squaredNorm)
            let whole = rig.mean(projection, of: terms)
            let rest = try Self.best(whole - kept, rank: ranks.residual)
            let residual = Self.product(rig, projection, of: delta, isTrained: false)
            #expect((residual - rest.kept).squaredNorm < 1e-9 * whole.squaredNorm)
            let scaling = rig.configuration.scaling(of: projection)
            lost += scaling * scaling * rest.lost
            all += scaling * scaling * whole.squaredNorm
        }
        #expect(abs(left - (lost / all).squareRoot()) < 1e-5)
        #expect(left < rig.layout.bias(of: terms).whole)
    }

    /// Where the residual's rank holds all that there can be, the average of what adapters do is kept, to the precision of
    /// the factors, whatever the weights and shapes.
    @Test(
        arguments: 0..<6 as Range<UInt64>, [(3, 9, 7, 2), (1, 12, 5, 5), (4, 6, 11, 3), (2, 30, 30, 4)])
    func aLargeResidualKeepsTheAverage(seed: UInt64, shape: (rank: Int, inputs: Int, outputs: Int, count: Int)) {
        let rig = FactorRig(
            rank: shape.rank, residualRank: max(shape.inputs, shape.outputs) + 2, inputSize: shape.inputs,
            outputSize: shape.outputs)
        let terms = rig.terms(shape.count, spread: 0.05 * Float(1 + 3 * seed), seed: seed)
        let (delta, left) = Self.merged(rig, terms)
        #expect(left < 1e-7)
        for projection in rig.projections {
            let mean = rig.mean(projection, of: terms)
            #expect((rig.product(projection, of: delta) - mean).squaredNorm < 1e-11 * mean.squaredNorm)
        }
    }

    /// Adapters without a residual of before: what is cut has rank (m − 1) r at most, and a residual of this rank holds it.
    @Test(arguments: 0..<4 as Range<UInt64>) func aFirstExchangeLosesNothing(seed: UInt64) {
        let rig = FactorRig(rank: 2, residualRank: 4, inputSize: 20, outputSize: 16)
        var terms = rig.terms(3, spread: 0.3, seed: seed)
        for index in terms.indices { terms[index].delta = rig.withoutResidual(terms[index].delta) }
        let (delta, left) = Self.merged(rig, terms)
        #expect(left < 1e-7)
        for projection in rig.projections {
            let mean = rig.mean(projection, of: terms)
            #expect((rig.product(projection, of: delta) - mean).squaredNorm < 1e-11 * mean.squaredNorm)
        }
        let narrow = FactorRig(rank: 2, residualRank: 2, inputSize: 20, outputSize: 16)
        #expect(Self.merged(narrow, narrow.terms(3, spread: 0.3, seed: seed)).left > 1e-3)
    }

    /// Equal adapters stay what they are, both parts and all factors, once their residual has the frame that follows from
    /// it. What rounding leaves of a residual that is zero turns no frame.
    @Test(arguments: 0..<4 as Range<UInt64>, [false, true]) func equalsStayWhatTheyAre(
        seed: UInt64, hasResidual: Bool
    ) {
        let rig = FactorRig(rank: 2, residualRank: 3, inputSize: 20, outputSize: 16)
        var one = rig.terms(1, spread: 0.1, seed: seed)[0].delta
        if hasResidual {
            let before = one
            one = Self.merged(rig, [(1, one)]).delta
            for projection in rig.projections {
                let (new, old) = (rig.product(projection, of: one), rig.product(projection, of: before))
                #expect((new - old).squaredNorm < 1e-10 * old.squaredNorm)
            }
        } else {
            one = rig.withoutResidual(one)
        }
        let (delta, left) = Self.merged(rig, [(1, one), (2, one), (0.5, one)])
        #expect(delta.distance(to: one) < 1e-5 * one.norm && left < 1e-6)
    }

    /// Peers whose residuals are one product have one pair of factors of it, whatever they had before: with the frame of
    /// before, neighbours could keep frames that are mirrored for ever.
    @Test(arguments: 0..<4 as Range<UInt64>) func theFrameFollowsFromTheProduct(seed: UInt64) {
        let rig = FactorRig(rank: 2, residualRank: 3, inputSize: 20, outputSize: 16)
        let one = rig.terms(1, spread: 0.2, seed: seed)[0].delta
        var mirrored = AdapterDelta(zeroOf: rig.schema)
        let start = SeedAdapter.values(schema: rig.schema, seed: FactorRig.seed)
        let frozen = Set(rig.schema.frozenRanges(factors: .both, residualRank: 3).joined())
        for place in mirrored.values.indices {
            mirrored[place] = frozen.contains(place) ? -one[place] - 2 * start[place] : one[place]
        }
        #expect(mirrored.distance(to: one) > 0.1 * one.norm)
        let (first, second) = (Self.merged(rig, [(1, one)]).delta, Self.merged(rig, [(1, mirrored)]).delta)
        #expect(first.distance(to: second) < 1e-5 * first.norm)
    }

    /// In whatever order neighbours are heard, the result is the same but for rounding.
    @Test(arguments: 0..<6 as Range<UInt64>) func theOrderHardlyMatters(seed: UInt64) {
        let rig = FactorRig(residualRank: 4)
        var terms = rig.terms(4, spread: 0.3, seed: seed)
        let first = Self.merged(rig, terms).delta
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<3 {
            terms.shuffle(using: &generator)
            #expect(Self.merged(rig, terms).delta.distance(to: first) < 1e-5 * first.norm)
        }
    }

    @Test func theSameTermsGiveTheSameBits() {
        let rig = FactorRig(residualRank: 4)
        let terms = rig.terms(5, spread: 0.3, seed: 1)
        let first = Self.merged(rig, terms).delta
        for _ in 0..<3 { #expect(Self.merged(rig, terms.map { ($0.weight, $0.delta) }).delta == first) }
    }

    /// Whatever turns the residual, round after round, its D keeps its size and C does not take it over.
    @Test(arguments: 0..<3 as Range<UInt64>) func theFrameKeepsItsSize(seed: UInt64) throws {
        let rig = FactorRig(rank: 2, residualRank: 3, inputSize: 40, outputSize: 30)
        var generator = SeededGenerator(seed: seed)
        var peers = (0..<3).map { _ in AdapterDelta(zeroOf: rig.schema) }
        for _ in 0..<30 {
            // Local steps that lead everybody somewhere else.
            let trained = peers.map { delta in
                let step = rig.withoutResidual(rig.drawn(0.1, using: &generator))
                return AdapterDelta(schema: rig.schema, values: zip(delta.values, step.values).map { $0 + $1 })
            }
            peers = (0..<3).map { own in
                var delta = rig.average(trained.map { (1, $0) })
                _ = rig.layout.merge(trained.enumerated().map { ($0.offset == own ? 2 : 1, $0.element) }, into: &delta)
                return delta
            }
        }
        for delta in peers {
            for projection in rig.projections {
                let frame = try #require(
                    Self.part(rig, projection, of: delta, isTrained: false).a.singularValues)
                // The seed's are about 0.58, and a quarter of that is the least.
                #expect(frame.values.last! > 0.12 && frame.values[0] < 0.8, "\(frame.values)")
            }
        }
    }

    /// A merged adapter is no larger than the largest that it was made of: the trained part by its way from the seed, the
    /// residual by what it is.
    @Test func whatIsTooLargeIsSeen() throws {
        let rig = FactorRig(residualRank: 3)
        // Residuals in the frame that exchanges give them: in others they may be smaller.
        let others = rig.terms(3, spread: 0.2, seed: 2).map { Self.merged(rig, [(1, $0.delta)]).delta }
        let (delta, _) = Self.merged(rig, others.map { (1, $0) })
        #expect(rig.layout.isNoLarger(delta, than: others))
        #expect(rig.layout.isNoLarger(others[0], than: [others[0]]))
        let trained = rig.withoutResidual(delta)
        for (scale, isTrained) in [(Float(3), true), (30, false)] {
            let larger = AdapterDelta(
                schema: rig.schema,
                values: zip(delta.values, trained.values).map { all, own in
                    isTrained ? all + (scale - 1) * own : all + (scale - 1) * (all - own)
                })
            #expect(!rig.layout.isNoLarger(larger, than: others))
        }
        // A D that turned away from the seed's is no growth.
        let seed = SeedAdapter.values(schema: rig.schema, seed: FactorRig.seed)
        var turned = AdapterDelta(zeroOf: rig.schema)
        for range in rig.schema.frozenRanges(factors: .both, residualRank: 3) {
            for place in range { turned[place] = -2 * seed[place] }
        }
        #expect(rig.layout.isNoLarger(turned, than: [AdapterDelta(zeroOf: rig.schema)]))
    }
}

/// The residual in the pipeline.
@Suite struct ResidualExchangeTests {
    static let rig = FactorRig(rank: 2, residualRank: 6, inputSize: 20, outputSize: 16)

    static func pipeline(_ mode: FactorMode, _ rig: FactorRig) -> ExchangePipeline {
        let policy = ExchangePolicy(
            mixing: .metropolis, weights: .uniform, factors: mode, residualRank: rig.residualRank, compression: .none,
            robustness: .none)
        return ExchangePipeline(policy, schema: rig.schema, layout: rig.layout, rounds: 8)
    }

    @Test func onlyTheModeHasAResidual() {
        #expect(Self.pipeline(.productResidual, Self.rig).factors.residualRank == 6)
        #expect(Self.pipeline(.product, Self.rig).factors.residualRank == 0)
        let factors = FactorExchange(.productResidual, schema: Self.rig.schema, rounds: 8, residualRank: 6)
        #expect(factors.trained(in: 3) == .both && factors.travelling(in: 3) == .both)
        #expect(factors.shared == Self.rig.schema && factors.schema(in: 9) == Self.rig.schema)
        // A module has to have something beside its residual.
        #expect(
            FactorLayout(Self.rig.schema, configuration: Self.rig.configuration, seed: 1, residualRank: 8) == nil)
        #expect(
            FactorLayout(Self.rig.schema, configuration: Self.rig.configuration, seed: 1, residualRank: 7) == nil)
    }

    /// The core puts the residual back where a trainer moved it.
    @Test func localStepsDoNotMoveIt() {
        let factors = FactorExchange(.productResidual, schema: Self.rig.schema, rounds: 8, residualRank: 6)
        var generator = SeededGenerator(seed: 1)
        let before = Self.rig.drawn(1, using: &generator)
        let after = Self.rig.drawn(1, using: &generator)
        let kept = factors.keepingFrozen(after, of: before, in: 0)
        let frozen = Set(Self.rig.schema.frozenRanges(factors: .both, residualRank: 6).joined())
        #expect(kept.values.indices.allSatisfy { kept[$0] == (frozen.contains($0) ? before : after)[$0] })
    }

    /// A ring of peers that train and exchange: the residual is taken, round after round, and keeps more of the average of
    /// what adapters do than cutting alone; the peers come together in settling.
    @Test(arguments: 0..<3 as Range<UInt64>) func aRingKeepsMoreThanByCutting(seed: UInt64) throws {
        var drift: [Double] = []
        for mode in [FactorMode.product, .productResidual] {
            let rig = mode == .product ? FactorRig(rank: 2, inputSize: 20, outputSize: 16) : Self.rig
            var generator = SeededGenerator(seed: seed)
            var deltas = (0..<5).map { _ in AdapterDelta(zeroOf: rig.schema) }
            var pipelines = (0..<5).map { _ in Self.pipeline(mode, rig) }
            var lost = 0.0
            for number in 0..<30 {
                if number < 8 {
                    for peer in deltas.indices {
                        let step = rig.withoutResidual(rig.drawn(0.1, using: &generator))
                        deltas[peer] = AdapterDelta(
                            schema: rig.schema, values: zip(deltas[peer].values, step.values).map { $0 + $1 })
                    }
                }
                let before = Self.average(rig, deltas)
                deltas = try deltas.indices.map { peer in
                    // As each sees it: itself and two neighbours.
                    var round = ExchangeRig.round(number, of: 0, count: 3)
                    round.isSettling = number >= 8
                    _ = pipelines[peer].outgoing(deltas[peer], in: round)
                    let heard = [1, 4].enumerated().map { place, step in
                        HeardShare(
                            origin: ExchangeRig.id(place + 1), round: number, weight: 1,
                            delta: deltas[(peer + step) % 5])
                    }
                    let mixed = pipelines[peer].mix(deltas[peer], with: heard, in: round).delta
                    let loss = try #require(pipelines[peer].loss)
                    if number < 8 { #expect(loss.isMadeGood, "round \(number)") }
                    return mixed
                }
                let after = Self.average(rig, deltas)
                lost += zip(before, after).reduce(0) { $0 + ($1.0 - $1.1).squaredNorm }.squareRoot()
            }
            drift.append(lost)
            let middle = AdapterDelta.weightedMean(deltas.map { (1, $0) })
            #expect(deltas.allSatisfy { $0.distance(to: middle) < 0.05 * middle.norm }, "\(mode)")
        }
        #expect(drift[1] < 0.5 * drift[0], "\(drift)")
    }

    /// What adapters do, on average.
    private static func average(_ rig: FactorRig, _ deltas: [AdapterDelta]) -> [DoubleMatrix] {
        rig.projections.map { rig.mean($0, of: deltas.map { (1, $0) }) }
    }
}
