import Foundation
import InstructionTuning
import LanguageModel
import Testing

@Suite struct BuiltInModelTests {
    @Test(arguments: ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
    func theFledglingIsComplete(name: String) throws {
        let file = BuiltInModel.fledglingDirectory.appending(path: name)
        #expect(try !Data(contentsOf: file).isEmpty)
    }

    @Test func itsConfigurationNamesALlama() throws {
        let file = BuiltInModel.fledglingDirectory.appending(path: "config.json")
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        let configuration = try #require(object as? [String: Any])
        #expect(configuration["architectures"] as? [String] == ["LlamaForCausalLM"])
        #expect(configuration["tie_word_embeddings"] as? Bool == true)
    }

    @Test func itsWeightsAreSmall() throws {
        let file = BuiltInModel.fledglingDirectory.appending(path: "model.safetensors")
        let size = try #require(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize)
        #expect(size <= 8_000_000)
    }

    @Test func itsWeightsLoad() throws {
        let model = try BaseModel.load(directory: BuiltInModel.fledglingDirectory.path(percentEncoded: false))
        #expect(model.configuration.hiddenSize == 128)
    }

    /// The loss mask counts the tokens of the filled template alone: they must begin the tokens of the whole.
    @Test func theTersePromptBeginsTheWhole() throws {
        let tokenizer = try Tokenizer.load(directory: BuiltInModel.fledglingDirectory.path(percentEncoded: false))
        #expect(tokenizer.endOfSequence == 0)
        for record in try BuiltInChores().records(count: 2_000, seed: 8) {
            let prompt = PromptTemplate.terse.filled(record)
            let head = tokenizer.encode(prompt, addSpecialTokens: true)
            let whole = tokenizer.encode(prompt + record.response, addSpecialTokens: true)
            #expect(whole.starts(with: head) && whole.count > head.count)
            #expect(tokenizer.decode(whole) == prompt + record.response)
            // Every word, number and mark is one token, so that a record is short.
            #expect(whole.count <= 40)
        }
    }
}
