import Adapters
import Basics
import LanguageModel
import Testing

/// Gradients against finite differences of the loss itself.
@Suite struct GradientTests {
    struct Scenario: Sendable, CustomTestStringConvertible {
        var name: String
        var keyValueHeads = 2
        var headSize = 8
        var ties = false
        var bias = false
        var dropout = 0.0
        var targets: Set<LoRAConfiguration.Target> = Set(LoRAConfiguration.Target.allCases)
        var passTokens = 1024
        var layers = 2
        var lengths = [7, 1, 12, 5]
        var prefix = 0
        var headNorms = false
        var window: Int?
        var scaling = RotaryScaling.none
        var fused = false
        var change: @Sendable (inout LoRAConfiguration) -> Void = { _ in }
        var testDescription: String { name }
    }

    static let scenarios = [
        Scenario(name: "grouped queries"),
        Scenario(name: "one key head", keyValueHeads: 1),
        Scenario(name: "as many key heads", keyValueHeads: 4),
        Scenario(name: "head width apart", headSize: 6),
        Scenario(name: "tied", ties: true),
        Scenario(name: "bias", bias: true),
        Scenario(name: "dropout", dropout: 0.3),
        Scenario(name: "attention only", targets: [.query, .key, .value, .output]),
        Scenario(name: "query only", targets: [.query]),
        Scenario(name: "output only", targets: [.output]),
        Scenario(name: "SwiGLU only", targets: [.gate, .up, .down]),
        Scenario(name: "down only", targets: [.down]),
        Scenario(name: "several passes", passTokens: 12),
        Scenario(name: "one layer", layers: 1),
        Scenario(name: "one layer, down only", targets: [.down], layers: 1),
        Scenario(name: "several blocks of attention", lengths: [3, 300]),
        Scenario(name: "norms of queries and keys", headNorms: true),
        Scenario(name: "sliding window", window: 4),
        Scenario(name: "sliding window over blocks", lengths: [3, 300], window: 150),
        Scenario(name: "sequences rotated apart", scaling: .dynamic(factor: 2, original: 6)),
        Scenario(name: "one prefix", prefix: 20),
        Scenario(name: "one prefix with dropout", dropout: 0.3, prefix: 20),
        Scenario(name: "fused projections", fused: true),
        Scenario(name: "fused projections with dropout", dropout: 0.3, fused: true),
        Scenario(
            name: "ranks and alphas of their own", dropout: 0.1,
            change: { lora in
                lora.isRankStabilised = true
                lora.rankExceptions = [.init(modules: ModuleName("layers.1.self_attn.q_proj")!, value: 5)]
                lora.alphaExceptions = [.init(modules: ModuleName("down_proj")!, value: 2)]
            }),
        Scenario(
            name: "one module of the upper layer", targets: [],
            change: { $0.modules = [ModuleName("1.self_attn.v_proj")!] }),
    ]

    static func model(_ scenario: Scenario) -> BaseModel {
        var shape = ModelConfiguration(
            vocabularySize: 37, hiddenSize: 24, intermediateSize: 40, layerCount: scenario.layers, headCount: 4,
            keyValueHeadCount: scenario.keyValueHeads, headSize: scenario.headSize,
            tiesEmbeddings: scenario.ties, hasQKVBias: scenario.bias)
        shape.hasQueryKeyNorm = scenario.headNorms
        shape.ropeScaling = scenario.scaling
        shape.fusesProjections = scenario.fused
        // The first layer looks back over all.
        if let window = scenario.window { shape.attentionWindows = [nil, window] }
        return BaseModel(configuration: shape, randomSeed: 11, deviation: 0.2)
    }

    static func sequences(
        seed: UInt64, lengths: [Int] = [7, 1, 12, 5], prefix: Int = 0
    ) -> [TokenSequence] {
        var generator = SeededGenerator(seed: seed)
        let common = (0..<prefix).map { _ in Int32.random(in: 0..<37, using: &generator) }
        return lengths.map { length in
            let tokens = common + (0..<length).map { _ in Int32.random(in: 0..<37, using: &generator) }
            return TokenSequence(tokens: tokens, lossMask: tokens.indices.map { $0 >= prefix + length / 3 })
        }
    }

    static func adapter(_ schema: AdapterSchema, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<schema.count).map { _ in Float(0.2 * generator.normal()) }
    }

    @Test(arguments: scenarios) func everyFactorHasItsGradient(scenario: Scenario) throws {
        var lora = LoRAConfiguration(
            rank: 3, alpha: 6, dropout: scenario.dropout, targets: scenario.targets)
        scenario.change(&lora)
        let engine = TrainingEngine(
            model: Self.model(scenario), lora: lora, options: EngineOptions(passTokens: scenario.passTokens))
        let sequences = Self.sequences(seed: 3, lengths: scenario.lengths, prefix: scenario.prefix)
        let adapter = Self.adapter(engine.schema, seed: 5)
        func loss(_ values: [Float]) throws -> Double {
            try engine.lossAndGradients(sequences: sequences, adapter: values, dropoutSeed: 9).meanLoss
        }
        let gradients = try engine.lossAndGradients(sequences: sequences, adapter: adapter, dropoutSeed: 9).gradients
        var generator = SeededGenerator(seed: 17)
        for (index, tensor) in engine.schema.tensors.enumerated() {
            let range = engine.schema.range(of: index)
            let norm = gradients[range].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(norm > 1e-4, "\(tensor.name)")
            // Along the gradient itself, where the signal is largest, and along a random direction.
            let random = range.map { _ in generator.normal() / Double(range.count).squareRoot() }
            for direction in [gradients[range].map { Double($0) / norm }, random] {
                func moved(_ step: Double) throws -> Double {
                    var values = adapter
                    for (offset, position) in range.enumerated() {
                        values[position] += Float(step * direction[offset])
                    }
                    return try loss(values)
                }
                let h = 0.008
                let slope = try (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
                let expected = zip(gradients[range], direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
                #expect(abs(slope - expected) < 2e-3 * norm + 1e-4, "\(tensor.name): \(slope) \(expected)")
            }
        }
    }

    @Test(arguments: [
        Scenario(name: "packed"), Scenario(name: "packed with a window", window: 7),
        Scenario(name: "packed, rotated apart", headNorms: true, scaling: .dynamic(factor: 4, original: 8)),
    ]) func packingChangesNothing(scenario: Scenario) throws {
        let lora = LoRAConfiguration(rank: 3, alpha: 6, targets: Set(LoRAConfiguration.Target.allCases))
        let engine = TrainingEngine(model: Self.model(scenario), lora: lora)
        let sequences = Self.sequences(seed: 21, lengths: [9, 4, 16, 2, 150])
        let adapter = Self.adapter(engine.schema, seed: 5)
        let together = try engine.lossAndGradients(sequences: sequences, adapter: adapter)
        var sum = [Double](repeating: 0, count: engine.schema.count)
        var lossSum = 0.0
        for sequence in sequences {
            let alone = try engine.lossAndGradients(
                sequences: [sequence], adapter: adapter, divisor: together.tokenCount)
            lossSum += alone.lossSum
            for (index, value) in alone.gradients.enumerated() { sum[index] += Double(value) }
        }
        #expect(abs(lossSum - together.lossSum) < 1e-5 * lossSum)
        let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let difference = zip(sum, together.gradients).reduce(0.0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
        #expect(difference.squareRoot() < 1e-5 * norm)

        let evaluated = try engine.evaluate(sequences: sequences, adapter: adapter)
        #expect(evaluated.map(\.tokenCount) == sequences.map(\.targetCount))
        #expect(abs(evaluated.reduce(0) { $0 + $1.lossSum } - together.lossSum) < 1e-4)
    }

    @Test func withoutTargetsThereIsNoGradient() throws {
        let lora = LoRAConfiguration(rank: 3, alpha: 6, targets: [.query])
        let engine = TrainingEngine(model: Self.model(Scenario(name: "masked")), lora: lora)
        let masked = TokenSequence(tokens: [1, 2, 3], lossMask: [true, false, false])
        let adapter = Self.adapter(engine.schema, seed: 5)
        let result = try engine.lossAndGradients(sequences: [masked], adapter: adapter)
        #expect(result.tokenCount == 0 && result.lossSum == 0 && result.gradients.allSatisfy { $0 == 0 })
        #expect(try engine.evaluate(sequences: [masked], adapter: adapter) == [SequenceLoss(tokenLosses: [])])
    }

    @Test func oneSeedGivesOneDropout() throws {
        let scenario = Scenario(name: "dropout", dropout: 0.5)
        let lora = LoRAConfiguration(rank: 3, alpha: 6, dropout: 0.5, targets: [.query, .down])
        let engine = TrainingEngine(model: Self.model(scenario), lora: lora)
        let sequences = Self.sequences(seed: 3)
        let adapter = Self.adapter(engine.schema, seed: 5)
        func gradients(_ seed: UInt64?) throws -> [Float] {
            try engine.lossAndGradients(sequences: sequences, adapter: adapter, dropoutSeed: seed).gradients
        }
        #expect(try gradients(1) == gradients(1))
        #expect(try gradients(1) != gradients(2))
        #expect(try gradients(nil) != gradients(1))
    }

    @Test func badInputIsRefused() throws {
        let lora = LoRAConfiguration(rank: 3, alpha: 6, targets: [.query])
        let engine = TrainingEngine(model: Self.model(Scenario(name: "")), lora: lora)
        #expect(throws: EngineError.adapterLength(expected: engine.schema.count, found: 1)) {
            try engine.evaluate(sequences: [], adapter: [1])
        }
        let zero = [Float](repeating: 0, count: engine.schema.count)
        #expect(throws: EngineError.tokenOutOfRange(token: 37, vocabularySize: 37)) {
            try engine.evaluate(sequences: [TokenSequence(tokens: [1, 37])], adapter: zero)
        }
        #expect(throws: EngineError.emptySequence) {
            try engine.lastLogits(tokens: [], adapter: zero)
        }
    }
}
