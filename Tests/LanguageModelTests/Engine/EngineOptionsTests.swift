import Adapters
import LanguageModel
import LinearAlgebra
import Testing

/// What precision, threads, passes and memory may change, and what not.
@Suite struct EngineOptionsTests {
    /// The gradients of one batch under `options`.
    private func gradients(
        _ scenario: GradientTests.Scenario, _ options: EngineOptions
    ) throws -> LossAndGradients {
        var lora = LoRAConfiguration(rank: 3, alpha: 6, dropout: scenario.dropout, targets: scenario.targets)
        scenario.change(&lora)
        let engine = TrainingEngine(model: GradientTests.model(scenario), lora: lora, options: options)
        return try engine.lossAndGradients(
            sequences: GradientTests.sequences(
                seed: 3, lengths: scenario.lengths, prefix: scenario.prefix),
            adapter: GradientTests.adapter(engine.schema, seed: 5), dropoutSeed: 9)
    }

    /// The distance of two gradients by the norm of the second.
    private func distance(_ left: [Float], _ right: [Float]) -> Double {
        let difference = zip(left, right).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return (difference / right.reduce(0.0) { $0 + Double($1) * Double($1) }).squareRoot()
    }

    @Test(arguments: GradientTests.scenarios) func threadsChangeTheLastBitsOnly(scenario: GradientTests.Scenario) throws
    {
        let options = EngineOptions(passTokens: scenario.passTokens)
        let alone = try gradients(scenario, options)
        for threads in [2, 3] {
            var shared = options
            shared.threads = threads
            let found = try gradients(scenario, shared)
            #expect(distance(found.gradients, alone.gradients) < 1e-5)
            #expect(abs(found.lossSum - alone.lossSum) < 1e-5 * alone.lossSum)
            let again = try gradients(scenario, shared)
            #expect(again.gradients == found.gradients && again.lossSum == found.lossSum)
        }
    }

    @Test(arguments: GradientTests.scenarios) func savingMemoryChangesNothing(
        scenario: GradientTests.Scenario
    ) throws {
        for precision in ProductPrecision.allCases {
            var options = EngineOptions(precision: precision, threads: 2, passTokens: scenario.passTokens)
            let usual = try gradients(scenario, options)
            options.savesMemory = true
            let saving = try gradients(scenario, options)
            #expect(saving.gradients == usual.gradients && saving.lossSum == usual.lossSum)
        }
    }

    @Test(arguments: GradientTests.scenarios) func bfloat16StaysNear(scenario: GradientTests.Scenario) throws {
        let exact = try gradients(scenario, EngineOptions(passTokens: scenario.passTokens))
        let rounded = try gradients(scenario, EngineOptions(precision: .bfloat16, passTokens: scenario.passTokens))
        // Every factor is off by up to 1/256; two layers of products with weights near one carry that on.
        #expect(distance(rounded.gradients, exact.gradients) < 0.05)
        #expect(abs(rounded.lossSum - exact.lossSum) < 5e-3 * exact.lossSum)
    }

    @Test func severalEnginesShareStatesOneAfterAnother() throws {
        let scenario = GradientTests.Scenario(name: "shared")
        let model = GradientTests.model(scenario)
        let lora = LoRAConfiguration(rank: 2, alpha: 4, targets: [.query, .value])
        let engines = (0..<2).map { _ in TrainingEngine(model: model, lora: lora) }
        let sequences = GradientTests.sequences(seed: 31)
        let adapters = (0..<2).map { GradientTests.adapter(engines[0].schema, seed: UInt64($0)) }
        let first = try engines[0].lossAndGradients(sequences: sequences, adapter: adapters[0])
        let other = try engines[1].lossAndGradients(sequences: sequences, adapter: adapters[1])
        #expect(first.gradients != other.gradients)
        #expect(
            try engines[1].lossAndGradients(sequences: sequences, adapter: adapters[0]).gradients == first.gradients)
    }

    @Test func tuningInBFloat16EndsWhereFloat32Ends() throws {
        let scenario = GradientTests.Scenario(name: "tuning")
        let lora = LoRAConfiguration(rank: 4, alpha: 8, targets: [.query, .key, .value, .output])
        let batches = (0..<4).map { GradientTests.sequences(seed: UInt64(40 + $0), lengths: [20, 14, 31]) }
        let losses = try ProductPrecision.allCases.map { precision in
            let engine = TrainingEngine(
                model: GradientTests.model(scenario), lora: lora, options: EngineOptions(precision: precision))
            var adapter = SeedAdapter.values(schema: engine.schema, seed: 1)
            var optimizer = AdamW(count: adapter.count, settings: .init(learningRate: 5e-4))
            let before = try engine.evaluate(sequences: batches[0], adapter: adapter).reduce(0) { $0 + $1.lossSum }
            for step in 0..<200 {
                let result = try engine.lossAndGradients(sequences: batches[step % 4], adapter: adapter)
                optimizer.update(&adapter, gradients: result.gradients)
            }
            let exact = TrainingEngine(model: GradientTests.model(scenario), lora: lora)
            let after = try batches.flatMap { try exact.evaluate(sequences: $0, adapter: adapter) }
                .reduce(0) { $0 + $1.lossSum }
            #expect(after / 4 < before, "it learns")
            return after
        }
        #expect(abs(losses[1] - losses[0]) < 0.01 * losses[0])
    }

    @Test(arguments: [WeightStorage.bfloat16, .int8]) func storedWeightsStayNear(storage: WeightStorage) throws {
        let shape = GradientTests.model(GradientTests.Scenario(name: "stored")).configuration
        let sequences = GradientTests.sequences(seed: 3, lengths: [40, 25])
        func loss(_ storage: WeightStorage) throws -> Double {
            let model = BaseModel(configuration: shape, randomSeed: 11, deviation: 0.1, storage: storage)
            return try TrainingEngine(model: model, lora: nil).evaluate(sequences: sequences).reduce(0) {
                $0 + $1.lossSum
            }
        }
        let exact = try loss(.float32)
        #expect(abs(try loss(storage) - exact) < 0.01 * exact)
    }

    @Test(arguments: [WeightStorage.float32, .bfloat16, .int8, .q40]) func passesAreLongerWhereShortWeightsLeaveRoom(
        storage: WeightStorage
    ) {
        var shape = GradientTests.model(GradientTests.Scenario(name: "passes")).configuration
        (shape.hiddenSize, shape.intermediateSize) = (32, 64)
        let model = BaseModel(configuration: shape, randomSeed: 11, deviation: 0.1, storage: storage)
        func tokens(_ options: EngineOptions) -> Int {
            TrainingEngine(model: model, lora: nil, options: options).passTokens
        }
        #expect(tokens(EngineOptions(threads: 1)) == 256)
        #expect(tokens(EngineOptions(threads: 2)) == ([.float32, .q40].contains(storage) ? 256 : 512))
        #expect(tokens(EngineOptions(threads: 2, passTokens: 48)) == 48)
    }

    @Test func piecesOfAttentionCoverEveryRowOnce() {
        for parts in [1, 2, 3, 8] {
            for queries in [[256], [1], [5, 300, 49], [512]] {
                let pieces = AttentionPiece.split(
                    queries, heads: 9, prefixes: queries.map { $0 / 2 }, into: parts)
                #expect(pieces.count == parts)
                for (sequence, count) in queries.enumerated() {
                    for head in 0..<9 {
                        let own = pieces.joined().filter { $0.sequence == sequence && $0.head == head }
                        #expect(own.flatMap { Array($0.rows) } == Array(0..<count))
                    }
                }
            }
        }
        // Two parts of one long sequence have about the same work.
        let work = AttentionPiece.split([512], heads: 9, prefixes: [0], into: 2).map { part in
            part.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1 } }
        }
        #expect(abs(Double(work[0] - work[1])) < 0.05 * Double(work[0] + work[1]))
    }
}
