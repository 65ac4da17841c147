import Adapters
import Basics
import LanguageModel
import LinearAlgebra
import Testing

/// A text is the same whatever is written beside it, to the last bit of every logit: the tokens cannot differ.
@Suite struct GenerationBatchTests {
    private static let shape: ModelConfiguration = {
        var shape = ModelConfiguration(
            vocabularySize: 131, hiddenSize: 96, intermediateSize: 160, layerCount: 3, headCount: 6,
            keyValueHeadCount: 2, tiesEmbeddings: true)
        shape.attentionWindows = [nil, 9, nil]
        return shape
    }()

    /// The same with rows of whole blocks, for storages with long blocks.
    private static let wideShape: ModelConfiguration = {
        var shape = ModelConfiguration(
            vocabularySize: 131, hiddenSize: 256, intermediateSize: 512, layerCount: 2, headCount: 8,
            keyValueHeadCount: 2, tiesEmbeddings: true)
        shape.attentionWindows = [nil, 9]
        return shape
    }()

    private static let lora = LoRAConfiguration(
        rank: 3, alpha: 6, targets: [.query, .value, .output, .gate, .down])

    /// Prompts of many lengths, the shortest of one token.
    private static let prompts: [[Int32]] = [1, 7, 40, 3, 90, 2, 17, 5, 33, 1, 64, 12, 8, 300, 4, 21, 9].map { count in
        (0..<count).map { Int32(($0 * 31 + count * 7) % 131) }
    }

    private func generator(_ storage: WeightStorage, threads: Int = 2) -> TextGenerator {
        let model = BaseModel(
            configuration: storage.blockLength > 32 ? Self.wideShape : Self.shape, randomSeed: 7, storage: storage)
        var random = SeededGenerator(seed: 3)
        let adapter = (0..<model.adapterSchema(Self.lora).count).map { _ in Float.random(in: -0.1...0.1, using: &random)
        }
        return TextGenerator(
            model: model, lora: Self.lora, adapter: adapter, options: EngineOptions(threads: threads))
    }

    private func options(_ index: Int) -> GenerationOptions {
        GenerationOptions(
            maximumTokens: 3 + 5 * index % 37, stopTokens: [5, 77], temperature: index.isMultiple(of: 2) ? 0 : 1.3,
            topK: index % 3 == 1 ? 40 : 0, topP: index % 5 == 1 ? 0.75 : 1, seed: UInt64(index))
    }

    @Test(arguments: WeightStorage.allCases) func aTextIsTheSameAloneAndBesideOthers(storage: WeightStorage) throws {
        let generator = generator(storage)
        let alone = try Self.prompts.indices.map {
            try generator.generate(prompt: Self.prompts[$0], options: options($0))
        }
        #expect(Set(alone).count > 8)
        // One more every second pass, so that new texts stand beside old ones, and places are taken over.
        var (written, tickets): ([[Int32]], [Int: Int]) = (Self.prompts.map { _ in [] }, [:])
        var (next, passes) = (0, 0)
        while next < Self.prompts.count || !tickets.isEmpty {
            if next < Self.prompts.count, passes.isMultiple(of: 2) {
                tickets[try generator.add(Self.prompts[next], options: options(next))] = next
                next += 1
            }
            passes += 1
            for event in generator.advance() {
                let place = try #require(tickets[event.ticket])
                if case .token(_, let token) = event { written[place].append(token) }
                if event.isLast { tickets[event.ticket] = nil }
            }
        }
        #expect(written == alone)
        let greedy = GenerationOptions(maximumTokens: 20, stopTokens: [])
        let single = try Self.prompts.map { try generator.generate(prompt: $0, options: greedy) }
        for count in [1, 2, 3, 5, 17] {
            #expect(try generator.generate(prompts: Self.prompts, options: greedy, sideBySide: count) == single)
        }
        // Nor does it depend on how many threads share a pass.
        let other = self.generator(storage, threads: 1)
        #expect(try other.generate(prompts: Self.prompts, options: greedy, sideBySide: 16) == single)
    }

    @Test func textsLeaveAtAnyTime() throws {
        let generator = generator(.float32)
        let long = GenerationOptions(maximumTokens: 30, stopTokens: [])
        let expected = try generator.generate(prompt: Self.prompts[2], options: long)
        let tickets = try Self.prompts.prefix(4).map { try generator.add($0, options: long) }
        var found: [Int32] = []
        for pass in 0..<30 {
            if pass == 3 { generator.remove(tickets[0]) }
            if pass == 9 { generator.remove(tickets[3]) }
            for event in generator.advance() {
                #expect(pass < 3 || event.ticket != tickets[0])
                if case .token(tickets[2], let token) = event { found.append(token) }
            }
        }
        #expect(found == expected && generator.advance().isEmpty)
        #expect(throws: EngineError.emptySequence) { try generator.add([], options: long) }
        #expect(throws: EngineError.self) { try generator.add([131], options: long) }
        let none = try generator.add([1], options: GenerationOptions(maximumTokens: 0, stopTokens: []))
        #expect(generator.advance() == [.finished(none, .length)])
    }

    /// LongRoPE reads a text again where it grows past the length of the pre-training, each at its own time.
    @Test func longRoPETextsAreReadAgain() throws {
        var shape = Self.shape
        shape.ropeScaling = .longRoPE(
            short: [Double](repeating: 1, count: 8), long: (1...8).map { Double($0) }, original: 20, magnitude: 1.2)
        let generator = TextGenerator(model: BaseModel(configuration: shape, randomSeed: 2))
        let greedy = GenerationOptions(maximumTokens: 25, stopTokens: [])
        let single = try Self.prompts.map { try generator.generate(prompt: $0, options: greedy) }
        #expect(try generator.generate(prompts: Self.prompts, options: greedy, sideBySide: 6) == single)
    }
}

@Suite struct BeamSearchTests {
    private let model = BaseModel(
        configuration: ModelConfiguration(
            vocabularySize: 7, hiddenSize: 32, intermediateSize: 48, layerCount: 2, headCount: 2, keyValueHeadCount: 1),
        randomSeed: 11, deviation: 0.4)

    private func options(_ count: Int, beams: Int, stops: Set<Int32> = []) -> GenerationOptions {
        GenerationOptions(maximumTokens: count, stopTokens: stops, beams: beams)
    }

    /// The log-probability of each continuation of `prompt` by `count` tokens, by the engine that trains.
    private func all(_ prompt: [Int32], _ count: Int, stop: Int32?) throws -> [(tokens: [Int32], score: Double)] {
        let engine = TrainingEngine(model: model, lora: nil)
        var open: [(tokens: [Int32], sum: Double)] = [([], 0)]
        var ended: [(tokens: [Int32], score: Double)] = []
        for length in 1...count {
            var next: [(tokens: [Int32], sum: Double)] = []
            for text in open {
                for token in 0..<Int32(7) {
                    var sequence = TokenSequence(tokens: prompt + text.tokens + [token])
                    sequence.lossMask = sequence.tokens.indices.map { $0 == sequence.tokens.count - 1 }
                    let sum = text.sum - (try engine.evaluate(sequences: [sequence])[0].lossSum)
                    if token == stop {
                        ended.append((text.tokens, sum / Double(length)))
                    } else {
                        next.append((text.tokens + [token], sum))
                    }
                }
            }
            open = next
        }
        return ended + open.map { ($0.tokens, $0.sum / Double(count)) }
    }

    /// As many beams as there are texts find the likeliest of all.
    @Test(arguments: [nil, Int32(2), 4]) func manyBeamsFindTheBest(stop: Int32?) throws {
        let generator = TextGenerator(model: model)
        for prompt in [[Int32(1)], [3, 3, 5], [0, 6]] {
            let best = try all(prompt, 3, stop: stop).max { $0.score < $1.score }
            let found = try generator.generate(
                prompt: prompt, options: options(3, beams: 49, stops: stop.map { [$0] } ?? []))
            #expect(found == best?.tokens)
        }
    }

    @Test func beamsStandBesideOtherTexts() throws {
        let generator = TextGenerator(model: model)
        let prompts: [[Int32]] = [[1], [2, 5], [3, 4, 1, 0], [6, 6]]
        let expected = try prompts.map {
            try generator.generate(prompt: $0, options: options(12, beams: 3, stops: [2]))
        }
        #expect(
            try generator.generate(prompts: prompts, options: options(12, beams: 3, stops: [2]), sideBySide: 3)
                == expected)
        // Of one beam nothing is left but the likeliest token always.
        let one = try generator.generate(prompt: [1], options: options(12, beams: 1))
        #expect(one.count == 12)
    }
}
