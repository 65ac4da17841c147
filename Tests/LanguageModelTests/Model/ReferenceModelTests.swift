import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

/// Trained models against values computed in double precision by another implementation.
@Suite(.enabled(if: SharedData.isPresent)) struct ReferenceModelTests {
    private struct Reference {
        let model: BaseModel
        let tokens: [Int32]
        let losses: [Double]
        let lastLogits: [Double]
        let greedy: [Int32]

        init(_ name: String) throws {
            let folder = try #require(SharedData.folder).appendingPathComponent("models/\(name)")
            model = try BaseModel.load(directory: folder.appendingPathComponent("hf").path)
            let bytes = try ReadableFile.contents(of: folder.appendingPathComponent("reference.json").path)
            let json = try JSONValue.parse(bytes)
            func numbers(_ key: String) throws -> [Double] { try #require(json[key]?.array).compactMap(\.double) }
            tokens = try numbers("token_ids").map { Int32($0) }
            losses = try numbers("nll_per_target")
            lastLogits = try numbers("logits_last_position")
            greedy = try #require(
                json.object.flatMap { object in
                    object.keys.first { String(decoding: $0, as: UTF8.self).hasPrefix("greedy_ids") }
                        .flatMap { object[bytes: $0]?.array }
                }
            ).compactMap(\.int).map(Int32.init)
        }
    }

    @Test(arguments: ["stories260K", "babyllama105"]) func lossesAgree(name: String) throws {
        let reference = try Reference(name)
        let engine = TrainingEngine(model: reference.model, lora: nil)
        let result = try engine.evaluate(sequences: [TokenSequence(tokens: reference.tokens)])
        #expect(result[0].tokenCount == reference.losses.count)
        for (found, expected) in zip(result[0].tokenLosses, reference.losses) {
            #expect(abs(Double(found) - expected) < 1e-3)
        }
    }

    @Test(arguments: ["stories260K", "babyllama105"]) func lastLogitsAgree(name: String) throws {
        let reference = try Reference(name)
        let engine = TrainingEngine(model: reference.model, lora: nil)
        let logits = try engine.lastLogits(tokens: reference.tokens)
        #expect(logits.count == reference.lastLogits.count)
        for (found, expected) in zip(logits, reference.lastLogits) {
            #expect(abs(Double(found) - expected) < 1e-3 * max(1, abs(expected)))
        }
    }

    @Test(arguments: ["stories260K", "babyllama105"]) func greedyTokensAgree(name: String) throws {
        let reference = try Reference(name)
        let generator = TextGenerator(model: reference.model)
        // The first ids are the prompt: one token, or "Once upon a time" at one token a character.
        let prompt = Array(reference.greedy.prefix(name == "babyllama105" ? 18 : 1))
        let rest = try generator.generate(
            prompt: prompt,
            options: GenerationOptions(maximumTokens: reference.greedy.count - prompt.count, stopTokens: []))
        #expect(prompt + rest == reference.greedy)
    }

    /// Long sequences go through attention in blocks, generation token by token: both choose the same tokens.
    @Test func blocksAndSingleTokensAgree() throws {
        let reference = try Reference("babyllama105")
        let engine = TrainingEngine(model: reference.model, lora: nil)
        for length in [64, 128, 129, 200, 217] {
            let logits = try engine.lastLogits(tokens: Array(reference.greedy.prefix(length)))
            let likeliest = try #require(logits.indices.max { logits[$0] < logits[$1] })
            #expect(Int32(likeliest) == reference.greedy[length])
        }
    }
}
