package import Storage

/// A base model in GGUF, the format of llama.cpp: one file, or several that count themselves, with shape, tokenizer, chat
/// template and weights.
///
/// Its metadata are turned into what the Hugging Face form of the same model says, so that both are checked by the same
/// code and give the same model.
package struct GGUFCheckpoint: Sendable {
    /// The path of the file, or of the first of several.
    package let path: String
    /// The first file's header, which describes the model.
    package var header: GGUFHeader { files[0].header }
    /// All files, in their order.
    let files: [GGUFFile]
    /// The paths of all files, in their order.
    package var paths: [String] { files.map(\.path) }
    /// Where each tensor lies.
    private let fileOfTensor: [String: Int]
    /// The architecture.
    let family: ModelFamily
    /// The prefix of the architecture's keys.
    private let architecture: String

    /// Opens the model that begins with the file at `path`; the other parts are found by their names.
    ///
    /// - Throws: `FileError` or `GGUFError` for files that cannot be read, `ModelError` for an architecture that this
    ///   engine does not compute.
    package init(path: String) throws {
        let first = try GGUFFile.open(path: path)
        var files = [first]
        for part in try Self.otherParts(of: first) { files.append(try GGUFFile.open(path: part)) }
        var fileOfTensor: [String: Int] = [:]
        for (index, file) in files.enumerated() {
            for entry in file.header.entries {
                guard fileOfTensor.updateValue(index, forKey: entry.name) == nil else {
                    throw GGUFError.invalidTensor(
                        name: entry.name, file: file.path, reason: "another part of the model has it too")
                }
            }
        }
        guard let architecture = first.header["general.architecture"]?.text else {
            throw ModelError.invalidConfiguration(file: path, reason: "general.architecture is missing")
        }
        let families: [String: ModelFamily] = ["llama": .llama, "qwen2": .qwen2, "qwen3": .qwen3, "phi3": .phi3]
        guard let family = families[architecture] else {
            throw ModelError.unsupported(
                file: path, feature: "the architecture \(architecture.prefix(100))",
                supported: families.keys.sorted().joined(separator: ", "))
        }
        self.path = path
        self.files = files
        self.fileOfTensor = fileOfTensor
        self.architecture = architecture
        // Mistral's files call themselves llama and differ in the window.
        self.family = family == .llama && first.header["llama.attention.sliding_window"] != nil ? .mistral : family
    }

    /// The paths of the second and later parts: `model-00002-of-00003.gguf` for one that begins with
    /// `model-00001-of-00003.gguf`.
    private static func otherParts(of first: GGUFFile) throws -> [String] {
        guard let count = first.header["split.count"]?.integer, count > 1 else { return [] }
        func number(_ value: Int) -> String { String(repeating: "0", count: max(0, 5 - "\(value)".count)) + "\(value)" }
        let ending = "-\(number(1))-of-\(number(count)).gguf"
        guard count <= 1000, first.header["split.no"]?.integer == 0, first.path.hasSuffix(ending) else {
            throw ModelError.invalidConfiguration(
                file: first.path,
                reason: "the model is in \(count) files; name the first, whose name ends with \(ending)")
        }
        let stem = first.path.dropLast(ending.count)
        return (2...count).map { "\(stem)-\(number($0))-of-\(number(count)).gguf" }
    }

    /// The entry of a tensor and the file that holds it.
    func tensor(_ name: String) -> (entry: GGUFHeader.Entry, file: GGUFFile)? {
        guard let file = fileOfTensor[name].map({ files[$0] }), let entry = file.header.entry(named: name) else {
            return nil
        }
        return (entry, file)
    }

    /// A value of the architecture: `attention.head_count` stands for `llama.attention.head_count`.
    private func value(_ key: String) -> GGUFValue? { header["\(architecture).\(key)"] }

    /// The weights by their Hugging Face names.
    package var weights: GGUFWeights { GGUFWeights(checkpoint: self) }
}

extension GGUFCheckpoint {
    /// What the model's `config.json` says. Throws `ModelError` for what this engine does not compute, or `GGUFError` and
    /// `FileError` for factors of the rotary embedding that cannot be read.
    package func configuration() throws -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("architectures", .array([.text(family.rawValue)])), ("model_type", .text(family.modelType)),
        ]
        for (name, key, isNeeded) in [
            ("hidden_size", "embedding_length", true), ("intermediate_size", "feed_forward_length", true),
            ("num_hidden_layers", "block_count", true), ("num_attention_heads", "attention.head_count", true),
            ("num_key_value_heads", "attention.head_count_kv", false), ("head_dim", "attention.key_length", false),
            ("max_position_embeddings", "context_length", false),
        ] {
            guard let value = value(key) else {
                guard isNeeded else { continue }
                throw ModelError.invalidConfiguration(file: path, reason: "\(architecture).\(key) is missing")
            }
            guard let integer = value.integer else {
                throw ModelError.unsupported(
                    file: path, feature: "\(architecture).\(key) that differs by layer", supported: "one number")
            }
            members.append((name, .integer(integer)))
        }
        if let experts = value("expert_count")?.integer, experts > 0 {
            throw ModelError.unsupported(file: path, feature: "a mixture of experts", supported: "dense models")
        }
        for (name, key) in [("rms_norm_eps", "attention.layer_norm_rms_epsilon"), ("rope_theta", "rope.freq_base")] {
            if let number = value(key)?.number { members.append((name, .number(Self.asWritten(number)))) }
        }
        if value("attention.head_count_kv") == nil, let heads = value("attention.head_count")?.integer {
            members.append(("num_key_value_heads", .integer(heads)))
        }
        if let rows = tensor("token_embd.weight")?.entry.shape.first { members.append(("vocab_size", .integer(rows))) }
        members.append(("tie_word_embeddings", .bool(tensor("output.weight") == nil)))
        members.append(("sliding_window", value("attention.sliding_window")?.integer.map { .integer($0) } ?? .null))
        members += try rotaryScaling()
        members += specialTokens()
        return .object(JSONObject(members))
    }

    /// A number that was written as a decimal and is kept in single precision, as the decimal again: 1e-05 for
    /// 9.999999747378752e-06.
    private static func asWritten(_ number: Double) -> Double { Double(Float(number).description) ?? number }

    /// The ends of a text, and its beginning.
    private func specialTokens() -> [(String, JSONValue)] {
        func token(_ key: String) -> Int? { header["tokenizer.ggml.\(key)"]?.integer }
        var members: [(String, JSONValue)] = []
        if let begin = token("bos_token_id") { members.append(("bos_token_id", .integer(begin))) }
        var ends: [Int] = []
        // The end of a turn is another token than the end of a text in many chat models; generation stops at both.
        for end in [token("eos_token_id"), token("eot_token_id")] {
            if let end, !ends.contains(end) { ends.append(end) }
        }
        if !ends.isEmpty { members.append(("eos_token_id", .array(ends.map { .integer($0) }))) }
        return members
    }

    /// `rope_scaling`, from the keys or from factors that are stored as tensors.
    private func rotaryScaling() throws -> [(String, JSONValue)] {
        let original = value("rope.scaling.original_context_length")?.integer
        if let short = try factors("rope_factors_short.weight"), let long = try factors("rope_factors_long.weight") {
            var members: [(String, JSONValue)] = [
                ("rope_type", .text("longrope")), ("short_factor", .array(short)), ("long_factor", .array(long)),
            ]
            if let original { members.append(("original_max_position_embeddings", .integer(original))) }
            if let magnitude = value("rope.scaling.attn_factor")?.number {
                members.append(("attention_factor", .number(Self.asWritten(magnitude))))
            }
            return [("rope_scaling", .object(JSONObject(members)))]
        }
        // Llama 3.1's scaling is stored as what each frequency is divided by, whatever the length of the text.
        if let factors = try factors("rope_freqs.weight") {
            return [
                (
                    "rope_scaling",
                    .object(
                        JSONObject([
                            ("rope_type", .text("longrope")), ("short_factor", .array(factors)),
                            ("long_factor", .array(factors)), ("attention_factor", .number(1)),
                        ]))
                )
            ]
        }
        guard let type = value("rope.scaling.type")?.text, type != "none" else { return [] }
        var members: [(String, JSONValue)] = [("rope_type", .text(type))]
        if let factor = value("rope.scaling.factor")?.number {
            members.append(("factor", .number(Self.asWritten(factor))))
        }
        if let original { members.append(("original_max_position_embeddings", .integer(original))) }
        return [("rope_scaling", .object(JSONObject(members)))]
    }

    private func factors(_ name: String) throws -> [JSONValue]? {
        guard let (entry, file) = tensor(name) else { return nil }
        // As many as half a head has values: read before any shape was checked, so bounded here.
        guard entry.count <= 1 << 16 else {
            throw GGUFError.invalidTensor(name: name, file: file.path, reason: "it has too many values")
        }
        return try file.floats(named: name).map { .number(Double($0)) }
    }
}
