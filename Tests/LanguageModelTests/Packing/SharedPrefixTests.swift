import Adapters
import Basics
import LanguageModel
import LinearAlgebra
import Testing

/// Prefixes that sequences share are computed once, and that changes nothing.
@Suite struct SharedPrefixTests {
    /// Sequences of which several begin alike, with and without loss in what they share.
    private static func sequences(seed: UInt64) -> [TokenSequence] {
        var generator = SeededGenerator(seed: seed)
        func tokens(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32.random(in: 0..<37, using: &generator) } }
        func sequence(_ tokens: [Int32], lossFrom first: Int) -> TokenSequence {
            TokenSequence(tokens: tokens, lossMask: tokens.indices.map { $0 >= first })
        }
        let (one, other) = (tokens(40), tokens(23))
        var result = [10, 30, 1, 90, 49].map { sequence(one + tokens($0), lossFrom: 40 + $0 / 3) }
        result += [5, 60].map { sequence(other + tokens($0), lossFrom: 23) }
        // Less in common; loss within the prefix; the same once more; too short to share; no loss at all.
        result.append(sequence(one.prefix(20) + tokens(9), lossFrom: 22))
        result.append(sequence(one + tokens(6), lossFrom: 12))
        result.append(result[1])
        result.append(sequence(Array(one.prefix(16)), lossFrom: 4))
        result.append(sequence(one + tokens(3), lossFrom: 100))
        result += [7, 70].map { sequence(tokens($0), lossFrom: 2) }
        return result
    }

    static let scenarios = [
        GradientTests.Scenario(name: "usual"), GradientTests.Scenario(name: "one pass each", passTokens: 20),
        GradientTests.Scenario(name: "several passes", passTokens: 160),
        GradientTests.Scenario(name: "window", window: 7), GradientTests.Scenario(name: "wide window", window: 35),
        GradientTests.Scenario(name: "one key head, bias", keyValueHeads: 1, bias: true),
        GradientTests.Scenario(name: "norms of queries and keys", headNorms: true),
        GradientTests.Scenario(name: "rotated apart", scaling: .dynamic(factor: 2, original: 50)),
        GradientTests.Scenario(name: "rotated alike", scaling: .dynamic(factor: 2, original: 500)),
        GradientTests.Scenario(name: "one layer", layers: 1),
    ]

    @Test(arguments: scenarios, ProductPrecision.allCases)
    func lossesAndGradientsAreThoseOfTheSequencesAlone(
        scenario: GradientTests.Scenario, precision: ProductPrecision
    ) throws {
        let lora = LoRAConfiguration(rank: 3, alpha: 6, targets: Set(LoRAConfiguration.Target.allCases))
        let sequences = Self.sequences(seed: 40)
        for (threads, savesMemory) in [(1, false), (2, true), (3, false)] {
            let engine = TrainingEngine(
                model: GradientTests.model(scenario), lora: lora,
                options: EngineOptions(
                    precision: precision, threads: threads, passTokens: scenario.passTokens, savesMemory: savesMemory))
            let adapter = GradientTests.adapter(engine.schema, seed: 5)
            let together = try engine.lossAndGradients(sequences: sequences, adapter: adapter)
            var sum = [Double](repeating: 0, count: engine.schema.count)
            var losses: [SequenceLoss] = []
            for sequence in sequences {
                let alone = try engine.lossAndGradients(
                    sequences: [sequence], adapter: adapter, divisor: together.tokenCount)
                for (index, value) in alone.gradients.enumerated() { sum[index] += Double(value) }
                losses += try engine.evaluate(sequences: [sequence], adapter: adapter)
            }
            let limit = precision == .float32 ? 1e-5 : 2e-2
            let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let distance = zip(sum, together.gradients).reduce(0.0) {
                $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1))
            }
            #expect(distance.squareRoot() < limit * norm)
            let lossSum = losses.reduce(0) { $0 + $1.lossSum }
            #expect(abs(together.lossSum - lossSum) < limit * lossSum)

            let evaluated = try engine.evaluate(sequences: sequences, adapter: adapter)
            #expect(evaluated.map(\.tokenCount) == sequences.map(\.targetCount))
            for (found, expected) in zip(evaluated, losses) {
                #expect(abs(found.lossSum - expected.lossSum) <= limit * max(1, expected.lossSum))
            }
        }
    }

    @Test func dropoutIsDrawnAnewForWhatIsNotShared() throws {
        // What they share is dropped alike, the rest is not: the loss of two equal sequences is not twice that of one.
        let lora = LoRAConfiguration(rank: 3, alpha: 6, dropout: 0.5, targets: Set(LoRAConfiguration.Target.allCases))
        let engine = TrainingEngine(model: GradientTests.model(.init(name: "dropout")), lora: lora)
        let adapter = GradientTests.adapter(engine.schema, seed: 5)
        let one = Self.sequences(seed: 41)[0]
        func loss(_ sequences: [TokenSequence], seed: UInt64?) throws -> Double {
            try engine.lossAndGradients(sequences: sequences, adapter: adapter, dropoutSeed: seed).lossSum
        }
        #expect(abs(try loss([one, one], seed: 1) - 2 * loss([one], seed: 1)) > 1e-3)
        #expect(abs(try loss([one, one], seed: nil) - 2 * loss([one], seed: nil)) < 1e-4)
    }

    @Test func everySequenceIsInOnePassThatHasRoom() {
        var generator = SeededGenerator(seed: 8)
        let prefixes = (0..<3).map { _ in (0..<60).map { _ in Int32.random(in: 0..<37, using: &generator) } }
        for limit in [1, 16, 256] {
            let sequences = (0..<200).map { number in
                let tail = (0..<Int.random(in: 1...300, using: &generator)).map { _ in
                    Int32.random(in: 0..<37, using: &generator)
                }
                let tokens = number.isMultiple(of: 2) ? prefixes[number % 3] + tail : tail
                return TokenSequence(tokens: tokens, lossMask: tokens.indices.map { $0 >= tokens.count - tail.count })
            }
            for isSharing in [false, true] {
                let full = PassPlan.full(over: sequences, limit: limit, isSharing: isSharing)
                let inOrder = PassPlan.inOrder(over: sequences, limit: limit, isSharing: isSharing)
                #expect(full.flatMap(\.places).sorted() == Array(0..<200))
                #expect(inOrder.flatMap(\.places) == Array(0..<200))
                for pass in full + inOrder {
                    let tokens = pass.places.reduce(0) { $0 + sequences[$1].tokens.count }
                    #expect(pass.size <= limit || pass.places.count == 1)
                    #expect(isSharing ? pass.size <= tokens : pass.size == tokens)
                }
                // No two passes could be one.
                let sizes = full.map(\.size).sorted()
                #expect(sizes[0] + sizes[1] > limit)
                if limit == 256 && isSharing {
                    let all = sequences.reduce(0) { $0 + $1.tokens.count }
                    #expect(full.reduce(0) { $0 + $1.size } < all * 95 / 100)
                }
            }
        }
        #expect(PassPlan.full(over: [], limit: 5, isSharing: true).isEmpty)
        #expect(PassPlan.inOrder(over: [], limit: 5, isSharing: true).isEmpty)
    }
}
