import Adapters
import Aggregation
import Basics
import LinearAlgebra
import Testing

/// The bias by products of columns against the bias by whole matrices.
@Suite struct FactorBiasTests {
    @Test(arguments: 0..<6 as Range<UInt64>, [2, 3, 6]) func itIsThatOfWholeMatrices(seed: UInt64, count: Int) {
        let rig = FactorRig()
        let terms = rig.terms(count, spread: 0.1 * Float(1 + seed), seed: seed)
        let bias = rig.layout.bias(of: terms)
        var (lost, all) = ([0.0, 0], [0.0, 0])
        let average = rig.average(terms)
        for projection in rig.projections {
            let scaling = rig.configuration.scaling(of: projection)
            let mean = rig.mean(projection, of: terms)
            lost[projection.layer] += scaling * scaling * (rig.product(projection, of: average) - mean).squaredNorm
            all[projection.layer] += scaling * scaling * mean.squaredNorm
        }
        #expect(bias.layers.count == 2)
        for layer in 0..<2 {
            #expect(abs(bias.layers[layer] - (lost[layer] / all[layer]).squareRoot()) < 1e-6)
        }
        #expect(abs(bias.whole - ((lost[0] + lost[1]) / (all[0] + all[1])).squareRoot()) < 1e-6)
        #expect(bias.whole > 0.001)
    }

    /// Where one factor is the same everywhere, averaging the other is exact.
    @Test(arguments: [LoRAFactors.a, .b]) func oneCommonFactorHasNone(common: LoRAFactors) throws {
        let rig = FactorRig()
        let part = rig.schema.part(common)
        var terms = rig.terms(4, spread: 0.3, seed: 3)
        let first = try #require(terms[0].delta.restricted(to: part))
        for index in terms.indices { terms[index].delta = terms[index].delta.replacing(first) }
        #expect(rig.layout.bias(of: terms).whole < 1e-8)
    }

    @Test func nothingToLoseIsNothingLost() {
        let rig = FactorRig()
        let zero = AdapterDelta(zeroOf: rig.schema)
        #expect(rig.layout.bias(of: [(1, zero), (2, zero)]) == FactorRig().layout.bias(of: [(1, zero)]))
        #expect(rig.layout.bias(of: [(1, zero)]).whole == 0)
    }

    @Test func otherSchemasHaveNoLayout() {
        let rig = FactorRig()
        for schema in [
            ExchangeRig.schema, rig.schema.part(.a), rig.schema.part(.b),
            AdapterSchema(tensors: Array(rig.schema.tensors[1...2])), AdapterSchema(tensors: []),
            AdapterSchema(tensors: Array(rig.schema.tensors.dropLast())),
        ] {
            #expect(FactorLayout(schema, configuration: rig.configuration, seed: 1) == nil)
        }
    }
}
