import Foundation
import InstructionTuning
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
}
