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

    /// The last rows of A, which lie together, and the last columns of every row of B.
    @Test(arguments: [LoRAFactors.both, .a, .b]) func theResidualIsFrozen(factors: LoRAFactors) {
        let frozen = Set(Self.schema.frozenRanges(factors: factors, residualRank: 1).joined())
        for (index, tensor) in Self.schema.tensors.enumerated() {
            let isA = LoRAFactors.named(tensor.name)?.factor == .a
            for place in Self.schema.range(of: index) {
                let number = place - Self.schema.offsets[index]
                let rank = isA ? number / tensor.columns : number % tensor.columns
                #expect(frozen.contains(place) == (rank == 1 || !factors.contains(isA ? .a : .b)))
            }
        }
        let ranges = Self.schema.frozenRanges(factors: factors, residualRank: 1)
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
        #expect(
            Self.schema.frozenRanges(factors: factors, residualRank: 0) == Self.schema.ranges(without: factors))
        #expect(Self.schema.frozenRanges(factors: .both, residualRank: 9).joined().count == Self.schema.count)
    }

    /// A wider adapter scales its products as before, whatever patterns there are, and its seed begins as before.
    @Test(arguments: [false, true], [1, 6]) func aWiderAdapterScalesAsBefore(isRankStabilised: Bool, rank: Int) throws {
        var configuration = LoRAConfiguration(rank: 4, alpha: 12, targets: Set(LoRAConfiguration.Target.allCases))
        configuration.isRankStabilised = isRankStabilised
        func names<Value>(_ values: [(String, Value)]) throws -> [LoRAConfiguration.Exception<Value>] {
            try values.map { .init(modules: try #require(ModuleName($0.0)), value: $0.1) }
        }
        configuration.rankExceptions = try names([
            ("layers.1.self_attn.q_proj", 2), ("q_proj", 3), ("mlp.down_proj", 5), ("^model.layers.0.mlp.up_proj", 7),
        ])
        configuration.alphaExceptions = try names([
            ("self_attn.q_proj", 1.5), ("layers.0.mlp.down_proj", 2), ("up_proj", 3), ("k_proj", 4),
        ])
        let wider = configuration.widened(by: rank)
        #expect(wider.rank == 4 + rank && configuration.widened(by: 0) == configuration)
        #expect(Set(wider.alphaExceptions.map(\.modules)).count == wider.alphaExceptions.count)
        for layer in 0..<3 {
            for target in LoRAConfiguration.Target.allCases {
                let projection = LoRAProjection(layer: layer, target: target, inputSize: 3, outputSize: 5)
                #expect(wider.rank(of: projection) == configuration.rank(of: projection) + rank)
                let (new, old) = (wider.scaling(of: projection), configuration.scaling(of: projection))
                #expect(abs(new - old) < 1e-12 * old, "\(projection.path)")
                let seeds = [configuration, wider].map { configuration in
                    SeedAdapter.values(
                        ofA: .init(name: projection.nameOfA, rows: configuration.rank(of: projection), columns: 3),
                        seed: 3)
                }
                #expect(seeds[1].starts(with: seeds[0]))
            }
        }
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
