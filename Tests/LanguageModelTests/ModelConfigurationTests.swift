import Adapters
import LanguageModel
import Testing

@Suite struct ModelConfigurationTests {
    private func configuration(_ change: String = "") throws -> ModelConfiguration {
        let text = """
            {"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 172, "vocab_size": 512,
             "num_hidden_layers": 5, "num_attention_heads": 8, "num_key_value_heads": 4\(change)}
            """
        return try ModelConfiguration(json: try JSONValue.parse(Array(text.utf8)), file: "config.json")
    }

    @Test func sizesAndDefaults() throws {
        let found = try configuration()
        #expect(found.headSize == 8 && found.keyValueWidth == 32 && found.queryKeyValueWidth == 128)
        #expect(found.ropeBase == 10_000 && !found.tiesEmbeddings && found.normEpsilon == 1e-6)
    }

    @Test func theRotaryBaseHasTwoPlaces() throws {
        #expect(try configuration(#", "rope_theta": 500000"#).ropeBase == 500_000)
        let nested = #", "rope_theta": 7, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}"#
        #expect(try configuration(nested).ropeBase == 1_000_000)
    }

    @Test(arguments: [
        (#", "hidden_act": "gelu""#, "silu"), (#", "rope_scaling": {"type": "linear", "factor": 2}"#, "default"),
        (#", "rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5}"#, "default"),
        (#", "use_sliding_window": true"#, "full attention"), (#", "mlp_bias": true"#, "without bias"),
    ]) func otherArithmeticIsRefusedByName(change: String, supported: String) {
        let error = #expect(throws: ModelError.self) { try configuration(change) }
        #expect("\(String(describing: error))".contains(supported))
    }

    @Test func otherArchitecturesAreRefused() throws {
        let json = try JSONValue.parse(Array(#"{"architectures": ["GPT2LMHeadModel"]}"#.utf8))
        let error = #expect(throws: ModelError.self) { try ModelConfiguration(json: json, file: "config.json") }
        #expect(error?.description.contains("LlamaForCausalLM") == true)
    }

    @Test(arguments: [
        #", "head_dim": 7"#, #", "head_dim": 0"#, #", "head_dim": 1e30"#, #", "rms_norm_eps": -1"#,
        #", "rope_theta": 0"#,
    ]) func nonsenseIsRefused(change: String) {
        #expect(throws: ModelError.self) { try configuration(change) }
    }

    @Test func headsMustDivide() throws {
        let text = #"{"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 3}"#
        #expect(throws: ModelError.self) {
            try ModelConfiguration(json: try JSONValue.parse(Array(text.utf8)), file: "config.json")
        }
    }
}
