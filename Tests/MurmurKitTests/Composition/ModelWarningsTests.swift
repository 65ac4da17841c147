import Foundation
import InstructionTuning
import LanguageModel
import MurmurKit
import Testing

@Suite struct ModelWarningsTests {
    private func shape(longest: Int?) -> ModelConfiguration {
        var shape = ModelConfiguration(
            vocabularySize: 8, hiddenSize: 4, intermediateSize: 4, layerCount: 1, headCount: 1, keyValueHeadCount: 1)
        shape.longestSequence = longest
        return shape
    }

    @Test func lengthsBeyondTheModelsAreNamed() {
        #expect(ModelWarnings.length(shape(longest: nil), cutoff: 100_000, longest: 100_000).isEmpty)
        #expect(ModelWarnings.length(shape(longest: 256), cutoff: 256, longest: 256).isEmpty)
        // The cutoff that nobody chose, and short records.
        #expect(ModelWarnings.length(shape(longest: 256), cutoff: 512, longest: 100).isEmpty)
        #expect(ModelWarnings.length(shape(longest: 256), cutoff: 512, longest: 300)[0].contains("300 tokens"))
        #expect(ModelWarnings.length(shape(longest: 256), cutoff: 257)[0].contains("257 tokens"))
        #expect(ModelWarnings.generation(shape(longest: 256), promptTokens: 128, newTokens: 128).isEmpty)
        #expect(ModelWarnings.generation(shape(longest: 256), promptTokens: 129, newTokens: 128)[0].contains("256"))
        #expect(ModelWarnings.generation(shape(longest: nil), promptTokens: 1 << 20, newTokens: 128).isEmpty)
    }

    @Test func chatFormsWithoutTheirTokensAreNamed() throws {
        let folder = BuiltInModel.fledglingDirectory.path
        let tokenizer = try Tokenizer.load(directory: folder)
        for (name, mark) in [("chatml", "<|im_end|>"), ("llama-3", "<|eot_id|>"), ("gemma", "<end_of_turn>")] {
            let encoder = RecordEncoder(template: try PromptTemplate.named(name), encoder: tokenizer)
            let warning = ModelWarnings.template(encoder).first ?? ""
            #expect(warning.contains(name) && warning.contains(mark), "\(warning)")
        }
        for name in ["terse", "alpaca"] {
            let encoder = RecordEncoder(template: try PromptTemplate.named(name), encoder: tokenizer)
            #expect(ModelWarnings.template(encoder).isEmpty)
        }
    }
}
