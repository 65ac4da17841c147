package import LinearAlgebra
import Storage

/// The weights of a GGUF model by their Hugging Face names.
package struct GGUFWeights: CheckpointWeights {
    let checkpoint: GGUFCheckpoint

    package var path: String { checkpoint.path }

    /// Names outside of layers.
    private static let outer = [
        "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    ]

    /// Names inside a layer, without `.weight` and `.bias`. Phi-3's `ffn_up` is the gate too.
    private var inner: [String: String] {
        var names = [
            "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
            "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
            "attn_qkv": "self_attn.qkv_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
            "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
        ]
        if checkpoint.family == .phi3 { names["ffn_up"] = "mlp.gate_up_proj" }
        return names
    }

    /// The Hugging Face name of a tensor. What stands in a layer under a name that is not known keeps it there, so that
    /// the model is refused and the weight named.
    private func outerName(_ tensor: String, _ inner: [String: String]) -> String {
        if let name = Self.outer[tensor] { return name }
        let parts = tensor.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "blk", let dot = parts[2].lastIndex(of: ".") else { return tensor }
        let module = String(parts[2][..<dot])
        return "model.layers.\(parts[1]).\(inner[module] ?? module)\(parts[2][dot...])"
    }

    /// The tensor that holds a weight.
    private func tensor(_ weight: String) -> (entry: GGUFHeader.Entry, file: GGUFFile)? {
        if let name = Self.outer.first(where: { $0.value == weight })?.key { return checkpoint.tensor(name) }
        let parts = weight.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "model", parts[1] == "layers", let dot = parts[3].lastIndex(of: "."),
            let module = inner.first(where: { $0.value == parts[3][..<dot] })?.key
        else { return nil }
        return checkpoint.tensor("blk.\(parts[2]).\(module)\(parts[3][dot...])")
    }

    package var tensorNames: [String] {
        let inner = inner
        return checkpoint.files.flatMap { $0.header.entries.map { outerName($0.name, inner) } }.sorted()
    }

    package func shape(of weight: String) -> [Int]? { tensor(weight)?.entry.shape }

    package func file(holding weight: String) -> String? { tensor(weight)?.file.path }

    package func type(of weight: String) -> String? { tensor(weight)?.entry.type.name }

    package func floats(named weight: String) throws -> [Float] {
        guard let (entry, file) = tensor(weight) else {
            throw GGUFError.missingTensor(name: weight, file: checkpoint.path)
        }
        return ordered(try file.floats(named: entry.name), entry)
    }

    package func blockFormat(of weight: String) -> WeightBlocks.Format? {
        tensor(weight).flatMap { WeightBlocks.Format(rawValue: Int32($0.entry.type.rawValue)) }
    }

    package func blocks(named weight: String) throws -> WeightBlocks? {
        guard let (entry, file) = tensor(weight), let format = blockFormat(of: weight) else { return nil }
        return WeightBlocks(format: format, bytes: ordered(try file.blocks(named: entry.name), entry))
    }

    /// The rows of a tensor, values or bytes, in the order in which the engine wants them.
    private func ordered<Element>(_ values: [Element], _ entry: GGUFHeader.Entry) -> [Element] {
        guard let headSize = rotatedHeadSize(entry) else { return values }
        return Self.halvesApart(values, rows: entry.shape[0], headSize: headSize)
    }

    /// The width of the heads of a query or key projection whose rows lie in llama.cpp's own order; nil for other weights.
    private func rotatedHeadSize(_ entry: GGUFHeader.Entry) -> Int? {
        guard checkpoint.family == .llama || checkpoint.family == .mistral else { return nil }
        let module = entry.name.split(separator: ".").dropFirst(2).first
        let key = module == "attn_q" ? "head_count" : module == "attn_k" ? "head_count_kv" : ""
        guard !key.isEmpty else { return nil }
        let heads =
            checkpoint.header["llama.attention.\(key)"]?.integer
            ?? checkpoint.header["llama.attention.head_count"]?.integer ?? 0
        guard heads > 0, entry.shape[0].isMultiple(of: 2 * heads) else { return nil }
        return entry.shape[0] / heads
    }

    /// Rows in the order in which the rotary embedding of transformers pairs them: value i of a head with i + half of it.
    ///
    /// llama.cpp's llama family pairs neighbours, 2 i with 2 i + 1, and its files have the rows of q and k in that order.
    package static func halvesApart<Element>(_ values: [Element], rows: Int, headSize: Int) -> [Element] {
        let columns = values.count / rows
        var result: [Element] = []
        result.reserveCapacity(values.count)
        for row in 0..<rows {
            let head = row / headSize, place = row % headSize
            let half = place / (headSize / 2), pair = place % (headSize / 2)
            let source = head * headSize + 2 * pair + half
            result += values[source * columns..<(source + 1) * columns]
        }
        return result
    }
}
