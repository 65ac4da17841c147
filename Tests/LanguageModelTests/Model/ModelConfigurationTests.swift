import LanguageModel
import Storage
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

    @Test(
        arguments: [
            ("", nil), (#", "max_position_embeddings": 512"#, 512), (#", "max_position_embeddings": null"#, nil),
            (
                #", "max_position_embeddings": 512, "rope_scaling": {"type": "dynamic", "factor": 4.0}"#, 2048
            ),
            (
                #", "max_position_embeddings": 512, "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512}"#,
                2048
            ),
            (
                #", "max_position_embeddings": 512, "rope_scaling": {"type": "linear", "factor": 2.0}"#, 512
            ),
        ] as [(String, Int?)]) func theLongestSequenceIsWhatTheModelWasMadeFor(change: String, longest: Int?) throws
    {
        #expect(try configuration(change).longestSequence == longest)
    }

    @Test func theRotaryBaseHasTwoPlaces() throws {
        #expect(try configuration(#", "rope_theta": 500000"#).ropeBase == 500_000)
        let nested = #", "rope_theta": 7, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}"#
        #expect(try configuration(nested).ropeBase == 1_000_000)
    }

    @Test(arguments: [
        (#", "hidden_act": "gelu""#, "silu"), (#", "rope_scaling": {"type": "proportional", "factor": 2}"#, "llama3"),
        (#", "rope_scaling": {"full_attention": {"rope_type": "default"}}"#, "all layers"),
        (#", "partial_rotary_factor": 0.5"#, "1"), (#", "mlp_bias": true"#, "without bias"),
        (#", "quantization_config": {"bits": 4}"#, "BF16"),
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
        #", "rope_theta": 0"#, #", "sliding_window": -1, "model_type": "mistral", "rms_norm_eps": 2"#,
        #", "rope_scaling": {"rope_type": "linear"}"#, #", "rope_scaling": {"type": "linear", "factor": -2}"#,
        #", "rope_scaling": 7"#, #", "rope_scaling": {"rope_type": "dynamic", "factor": 2}"#,
        #", "max_position_embeddings": 8, "rope_scaling": {"rope_type": "longrope", "short_factor": [1]}"#,
        #", "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1, "original_max_position_embeddings": 8}"#,
    ]) func nonsenseIsRefused(change: String) {
        #expect(throws: ModelError.self) { try configuration(change) }
    }

    @Test func headsMustDivide() throws {
        let text = #"{"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 3}"#
        #expect(throws: ModelError.self) {
            try ModelConfiguration(json: try JSONValue.parse(Array(text.utf8)), file: "config.json")
        }
    }

    /// What an absent `sliding_window` means differs from family to family.
    @Test(arguments: [
        ("LlamaForCausalLM", #", "sliding_window": 7"#, [Int?]()), ("MistralForCausalLM", "", [4096, 4096]),
        ("MistralForCausalLM", #", "sliding_window": null"#, []),
        ("MistralForCausalLM", #", "sliding_window": 9"#, [9, 9]),
        ("Phi3ForCausalLM", "", []), ("Qwen2ForCausalLM", #", "sliding_window": 9"#, []),
        ("Qwen2ForCausalLM", #", "use_sliding_window": true, "max_window_layers": 1, "sliding_window": 9"#, [nil, 9]),
        (
            "Qwen3ForCausalLM",
            #", "use_sliding_window": true, "layer_types": ["sliding_attention", "full_attention"]"#, [4096, nil]
        ),
    ]) func windowsFollowTheFamily(architecture: String, change: String, windows: [Int?]) throws {
        let text = """
            {"architectures": ["\(architecture)"], "hidden_size": 64, "intermediate_size": 172, "vocab_size": 512,
             "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 4\(change)}
            """
        let found = try ModelConfiguration(json: try JSONValue.parse(Array(text.utf8)), file: "config.json")
        #expect(found.attentionWindows == windows)
        #expect(found.headSize == (architecture == "Qwen3ForCausalLM" ? 128 : 8))
    }
}
