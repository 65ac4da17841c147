import Adapters
import Aggregation
import Basics
import LinearAlgebra
import Testing

/// The merge of products against the singular values of whole matrices.
@Suite struct FactorMergeTests {
    static func merged(_ rig: FactorRig, _ terms: [FactorLayout.Term]) -> (delta: AdapterDelta, left: Double) {
        var delta = rig.average(terms)
        let left = rig.layout.merge(terms, into: &delta).whole
        return (delta, left)
    }

    /// No product of the rank is nearer to the average of products: what is lost are the singular values beyond the rank
    /// (Eckart and Young).
    @Test(arguments: 0..<6 as Range<UInt64>, [2, 3, 6]) func itIsTheBestOfItsRank(seed: UInt64, count: Int) throws {
        let rig = FactorRig()
        let terms = rig.terms(count, spread: 0.1 * Float(1 + seed), seed: seed)
        let (delta, left) = Self.merged(rig, terms)
        var (lost, all) = (0.0, 0.0)
        for projection in rig.projections {
            let mean = rig.mean(projection, of: terms)
            let tail = try #require(mean.singularValues).values.dropFirst(rig.configuration.rank(of: projection))
            let best = tail.reduce(0) { $0 + $1 * $1 }
            let distance = (rig.product(projection, of: delta) - mean).squaredNorm
            #expect(distance <= best + 1e-5 * mean.squaredNorm && distance >= best - 1e-5 * mean.squaredNorm)
            let scaling = rig.configuration.scaling(of: projection)
            lost += scaling * scaling * best
            all += scaling * scaling * mean.squaredNorm
        }
        #expect(abs(left - (lost / all).squareRoot()) < 1e-4)
        #expect(left < rig.layout.bias(of: terms).whole)
    }

    /// Where the average has the rank itself, nothing is lost.
    @Test(arguments: 0..<4 as Range<UInt64>) func whatFitsIsExact(seed: UInt64) throws {
        let rig = FactorRig()
        var terms = rig.terms(4, spread: 0.3, seed: seed)
        // One A for all, then another factor of everybody's own: no products but of one row space.
        let a = try #require(terms[0].delta.restricted(to: rig.schema.part(.a)))
        for index in terms.indices { terms[index].delta = terms[index].delta.replacing(a) }
        let (delta, left) = Self.merged(rig, terms)
        #expect(left < 1e-6)
        for projection in rig.projections {
            let mean = rig.mean(projection, of: terms)
            #expect((rig.product(projection, of: delta) - mean).squaredNorm < 1e-10 * mean.squaredNorm)
        }
        // Averaging factors is exact too then, so that nothing moves.
        #expect(delta.distance(to: rig.average(terms)) < 1e-5 * delta.norm)
    }

    /// Equal adapters stay what they are: factors, not only products.
    @Test(arguments: 0..<4 as Range<UInt64>, [2, 9]) func equalsStayWhatTheyAre(seed: UInt64, rank: Int) {
        let rig = FactorRig(rank: rank)
        let one = rig.terms(1, spread: 0.4, seed: seed)[0].delta
        let (delta, left) = Self.merged(rig, [(1, one), (2, one), (0.5, one)])
        #expect(delta.distance(to: one) < 1e-5 * one.norm && left < 1e-6)
    }

    /// Near agreement the result goes to the average of factors with the square of the distance: neighbours stay in one frame.
    @Test(arguments: 0..<4 as Range<UInt64>) func nearAgreementItIsTheAverageOfFactors(seed: UInt64) {
        let rig = FactorRig()
        let moved = [Float(1e-1), 1e-2].map { spread in
            let terms = rig.terms(4, spread: spread, seed: seed)
            return Self.merged(rig, terms).delta.distance(to: rig.average(terms))
        }
        #expect(moved[1] < 0.05 * moved[0])
    }

    /// B is zero at the beginning, and has less than its rank after that: A's directions without a product stay.
    @Test(arguments: 0..<4 as Range<UInt64>, [0, 1, 2]) func weakProductsLeaveAInItsPlace(
        seed: UInt64, columns: Int
    ) throws {
        let rig = FactorRig()
        var terms = rig.terms(3, spread: 0.1, seed: seed)
        let a = try #require(terms[0].delta.restricted(to: rig.schema.part(.a)))
        for index in terms.indices { terms[index].delta = terms[index].delta.replacing(a) }
        for (index, tensor) in rig.schema.tensors.enumerated() where tensor.name.hasSuffix("B.weight") {
            for place in rig.schema.range(of: index)
            where (place - rig.schema.offsets[index]) % tensor.columns >= columns {
                for term in terms.indices { terms[term].delta[place] = 0 }
            }
        }
        let (delta, left) = Self.merged(rig, terms)
        #expect(delta.isFinite && left < 1e-6)
        let average = rig.average(terms)
        for projection in rig.projections {
            let mean = rig.mean(projection, of: terms)
            #expect(
                (rig.product(projection, of: delta) - mean).squaredNorm <= 1e-8 * mean.squaredNorm)
            let (new, old) = (rig.factors(projection, of: delta).a, rig.factors(projection, of: average).a)
            #expect((new - old).squaredNorm < 1e-10 * old.squaredNorm)
        }
    }

    /// However unlike the terms are, no factor grows beyond all bounds.
    @Test(arguments: 0..<8 as Range<UInt64>) func unlikeTermsGiveModestFactors(seed: UInt64) {
        let rig = FactorRig()
        let terms = rig.terms(5, spread: 3, seed: seed)
        let (delta, _) = Self.merged(rig, terms)
        #expect(delta.isFinite && delta.norm < 20 * (terms.map(\.delta.norm).max() ?? 0))
    }

    @Test func theSameTermsGiveTheSameBits() {
        let rig = FactorRig()
        let terms = rig.terms(5, spread: 0.3, seed: 1)
        let first = Self.merged(rig, terms).delta
        for _ in 0..<3 { #expect(Self.merged(rig, terms.map { ($0.weight, $0.delta) }).delta == first) }
    }

    /// A rank as large as the matrices: nothing is cut.
    @Test(arguments: [(12, 5, 4), (5, 5, 5), (6, 4, 9)]) func fullRanksLoseNothing(rank: Int, inputs: Int, outputs: Int)
    {
        let rig = FactorRig(rank: rank, inputSize: inputs, outputSize: outputs)
        let terms = rig.terms(3, spread: 0.3, seed: 5)
        let (delta, _) = Self.merged(rig, terms)
        for projection in rig.projections where rig.configuration.rank(of: projection) == rank {
            guard min(projection.inputSize, projection.outputSize) <= rank else { continue }
            let mean = rig.mean(projection, of: terms)
            #expect((rig.product(projection, of: delta) - mean).squaredNorm < 1e-9 * mean.squaredNorm)
        }
    }
}
