import Adapters
import Testing

@Suite struct LoRAFactorsTests {
    static let projections = [(0, LoRAConfiguration.Target.query), (1, .down)].map {
        LoRAProjection(layer: $0.0, target: $0.1, inputSize: 3, outputSize: 5)
    }
    static let schema = AdapterSchema.lora(
        configuration: LoRAConfiguration(rank: 2, targets: [.query, .down]), projections: projections)
    static let delta = AdapterDelta(schema: schema, values: (0..<schema.count).map { Float($0) })

    @Test(arguments: [(LoRAFactors.a, 12), (.b, 20), (.both, 32)]) func partsAreCutOutAndPutBack(
        factors: LoRAFactors, count: Int
    ) throws {
        let part = Self.schema.part(factors)
        #expect(part.count == count)
        let cut = try #require(Self.delta.restricted(to: part))
        #expect(cut.schema == part)
        var doubled = cut
        doubled = cut.map { 2 * $0 }
        let back = Self.delta.replacing(doubled)
        #expect(back.restricted(to: part) == doubled)
        let frozen = Self.schema.ranges(without: factors)
        #expect(frozen.reduce(0) { $0 + $1.count } == Self.schema.count - count)
        for range in frozen { #expect(back.values[range] == Self.delta.values[range]) }
    }

    @Test func aStrangePartIsNone() {
        let other = AdapterSchema(tensors: [.init(name: "other", rows: 1, columns: 2)])
        #expect(Self.delta.restricted(to: other) == nil)
        // Of another shape.
        let wider = AdapterSchema(tensors: [.init(name: Self.schema.tensors[0].name, rows: 2, columns: 4)])
        #expect(Self.delta.restricted(to: wider) == nil)
    }

    @Test(arguments: projections) func modulesAreFoundByName(projection: LoRAProjection) {
        let found = LoRAProjection(moduleName: projection.moduleName, inputSize: 3, outputSize: 5)
        #expect(found == projection)
        #expect(LoRAFactors.named(projection.nameOfA)?.factor == .a)
        #expect(LoRAFactors.named(projection.nameOfB)?.module == projection.moduleName)
    }

    @Test(arguments: [
        "", "q_proj", "toy", "base_model.model.model.layers.x.self_attn.q_proj",
        "base_model.model.model.layers.-1.self_attn.q_proj", "base_model.model.model.layers.0.mlp.q_proj",
        "layers.0.self_attn.q_proj", "base_model.model.model.layers.00.self_attn.q_proj",
    ]) func otherNamesAreNoModules(name: String) {
        #expect(LoRAProjection(moduleName: name, inputSize: 1, outputSize: 1) == nil)
        #expect(LoRAFactors.named(name) == nil)
    }

    /// A's values do not depend on what else there is.
    @Test func theSeedAdapterIsDrawnFactorByFactor() {
        let all = SeedAdapter.values(schema: Self.schema, seed: 7)
        for (index, tensor) in Self.schema.tensors.enumerated() {
            let values = Array(all[Self.schema.range(of: index)])
            if LoRAFactors.named(tensor.name)?.factor == .a {
                #expect(values == SeedAdapter.values(ofA: tensor, seed: 7))
            } else {
                #expect(values.allSatisfy { $0 == 0 })
            }
        }
    }
}
