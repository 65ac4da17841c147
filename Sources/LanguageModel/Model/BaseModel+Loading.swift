import Adapters
package import LinearAlgebra
package import Storage

extension BaseModel {
    /// Loads a Hugging Face folder: `config.json` and safetensors weights.
    ///
    /// `storage` says how the matrices are kept; nil means bfloat16 where the file has that, else 32-bit floats.
    /// Throws `ModelError`, or the errors of reading JSON and safetensors.
    package static func load(directory: String, storage: WeightStorage? = nil) throws -> BaseModel {
        let (json, file) = try ModelConfiguration.document(directory: directory)
        // What the architecture is comes before which files there are: that is what a user has to know first.
        _ = try ModelConfiguration(json: json, file: file)
        return try load(json: json, file: file, weights: try WeightsDirectory(path: directory), storage: storage)
    }

    /// The model that `json`, the content of `file`, describes, with its weights.
    package static func load(
        json: JSONValue, file: String, weights: WeightsDirectory, storage: WeightStorage? = nil
    ) throws -> BaseModel {
        var configuration = try ModelConfiguration(json: json, file: file)
        configuration.hasQKVBias = weights.contains("model.layers.0.self_attn.q_proj.bias")
        let source = WeightSource(weights: weights, storage: storage)
        try refuseUnknownWeights(weights, configuration, file: file)
        let hidden = configuration.hiddenSize
        let vocabulary = configuration.vocabularySize
        let embedding = try source.matrix([("model.embed_tokens.weight", vocabulary)], columns: hidden)
        let hasHead = weights.contains("lm_head.weight")
        if !configuration.tiesEmbeddings && !hasHead {
            throw ModelError.invalidWeight(
                path: weights.path, name: "lm_head.weight", reason: "is missing, and the head is not tied")
        }
        let head =
            configuration.tiesEmbeddings
            ? embedding
            : try source.matrix([("lm_head.weight", vocabulary)], columns: hidden)
        let layers = try (0..<configuration.layerCount).map { try source.layer($0, configuration) }
        return BaseModel(
            configuration: configuration, path: weights.path, endOfSequence: endOfSequence(in: json),
            embedding: embedding, layers: layers,
            finalNorm: FrozenMatrix(row: try source.values("model.norm.weight", [hidden])), head: head)
    }

    /// A weight of a layer that this engine would leave out would make every result wrong.
    private static func refuseUnknownWeights(
        _ weights: WeightsDirectory, _ shape: ModelConfiguration, file: String
    ) throws(ModelError) {
        var known: Set<String> = ["input_layernorm.weight", "post_attention_layernorm.weight"]
        for target in shape.linearTargets { known.insert("\(target.block).\(target.rawValue).weight") }
        if shape.hasQKVBias { known.formUnion(["q_proj", "k_proj", "v_proj"].map { "self_attn.\($0).bias" }) }
        if shape.hasQueryKeyNorm { known.formUnion(["self_attn.q_norm.weight", "self_attn.k_norm.weight"]) }
        // Old checkpoints carry the frequencies, which follow from the configuration.
        known.insert("self_attn.rotary_emb.inv_freq")
        for name in weights.tensorNames where name.hasPrefix("model.layers.") {
            let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
            if parts.count == 4, let layer = Int(parts[2]), (0..<shape.layerCount).contains(layer),
                known.contains(String(parts[3]))
            {
                continue
            }
            throw .unsupported(
                file: file, feature: "the weight \(name.prefix(200))",
                supported: known.sorted().joined(separator: ", ") + " of layers 0 to \(shape.layerCount - 1)")
        }
    }

    /// `eos_token_id`: a number, a list of numbers, or null.
    private static func endOfSequence(in json: JSONValue) -> [Int32] {
        guard let value = json["eos_token_id"] else { return [] }
        return (value.array ?? [value]).compactMap { $0.int.flatMap(Int32.init(exactly:)) }
    }
}
