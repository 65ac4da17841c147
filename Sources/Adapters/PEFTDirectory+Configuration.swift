extension PEFTDirectory {
    /// The settings of PEFT's LoraConfig that change what an adapter computes and are not supported, each with the
    /// values that leave it off. Absent and null are off for every one.
    private static let refused: [(name: String, isOff: @Sendable (JSONValue) -> Bool)] = {
        let isFalse: @Sendable (JSONValue) -> Bool = { $0 == .bool(false) }
        let isEmpty: @Sendable (JSONValue) -> Bool = {
            $0 == .bool(false) || $0.object?.count == 0 || $0.array?.isEmpty == true
        }
        return [
            ("fan_in_fan_out", isFalse), ("use_dora", isFalse), ("lora_bias", isFalse), ("use_qalora", isFalse),
            ("bias", { $0.bytes == Array("none".utf8) }), ("modules_to_save", isEmpty), ("rank_pattern", isEmpty),
            ("alpha_pattern", isEmpty), ("exclude_modules", isEmpty), ("trainable_token_indices", isEmpty),
            ("layer_replication", isEmpty), ("target_parameters", isEmpty), ("alora_invocation_tokens", isEmpty),
            ("use_bdlora", isEmpty), ("arrow_config", isEmpty), ("kasa_config", isEmpty), ("megatron_config", isEmpty),
            ("layers_to_transform", isEmpty),
        ]
    }()

    /// Initialisations that change the base model's weights, so that the adapter alone says too little.
    private static let refusedInitialisations = ["pissa", "olora", "corda", "loftq", "lora_ga"]

    /// Reads `adapter_config.json`. Settings of later PEFT versions are refused when their name begins with `use_` and
    /// they are on; other unknown settings are passed over.
    static func configuration(
        from document: JSONValue, file: String
    ) throws(PEFTError) -> (LoRAConfiguration, baseModel: String?) {
        func invalid(_ reason: String) -> PEFTError { .invalidConfiguration(file: file, reason: reason) }
        guard let members = document.object else { throw invalid("it is \(document.kind), not an object") }
        guard let type = document["peft_type"]?.bytes else { throw invalid("it has no peft_type") }
        guard type == Array("LORA".utf8) else {
            throw unsupported(file, "peft_type", document["peft_type"] ?? .null)
        }
        try refuseUnsupported(members, file: file)

        guard let rank = members["r"]?.int, (1...65_536).contains(rank) else {
            throw invalid("r, the rank, is not a whole number from 1 to 65536")
        }
        guard var alpha = members["lora_alpha"]?.double, abs(alpha) <= 1e6 else {
            throw invalid("lora_alpha is not a number of sensible size")
        }
        // Rank-stabilised LoRA scales by alpha / √r: the same adapter with another alpha.
        if members["use_rslora"]?.bool == true { alpha *= Double(rank).squareRoot() }
        var dropout = 0.0
        if let value = members["lora_dropout"], !value.isNull {
            guard let number = value.double, (0..<1).contains(number) else {
                throw invalid("lora_dropout is not a number from 0 up to 1")
            }
            dropout = number
        }
        let targets = try targets(members["target_modules"] ?? .null, file: file)
        let configuration = LoRAConfiguration(rank: rank, alpha: alpha, dropout: dropout, targets: targets)
        return (configuration, members["base_model_name_or_path"]?.text)
    }

    private static func refuseUnsupported(_ members: JSONObject, file: String) throws(PEFTError) {
        for (name, isOff) in refused {
            if let value = members[name], !value.isNull, !isOff(value) { throw unsupported(file, name, value) }
        }
        if let value = members["init_lora_weights"], let text = value.text?.lowercased(),
            refusedInitialisations.contains(where: { text.hasPrefix($0) })
        {
            throw unsupported(file, "init_lora_weights", value)
        }
        for (key, value) in zip(members.keys, members.values) {
            let name = String(decoding: key.prefix(80), as: UTF8.self)
            if name.hasPrefix("use_"), name != "use_rslora", value == .bool(true) {
                throw unsupported(file, name, value)
            }
        }
    }

    private static func targets(_ value: JSONValue, file: String) throws(PEFTError) -> Set<LoRAConfiguration.Target> {
        if value.bytes == Array("all-linear".utf8) { return Set(LoRAConfiguration.Target.allCases) }
        guard let names = value.array, !names.isEmpty else {
            throw unsupported(file, "target_modules", value)
        }
        var targets: Set<LoRAConfiguration.Target> = []
        for name in names {
            guard let text = name.text, let target = LoRAConfiguration.Target(rawValue: text) else {
                throw unsupported(file, "an entry of target_modules", name)
            }
            targets.insert(target)
        }
        return targets
    }

    private static func unsupported(_ file: String, _ setting: String, _ value: JSONValue) -> PEFTError {
        let text = String(decoding: value.encoded().prefix(120), as: UTF8.self)
        return .unsupported(file: file, setting: setting, value: text)
    }

    /// The document that PEFT 0.21 reads, and older versions as well: only settings that all of them know.
    static func configurationDocument(_ configuration: LoRAConfiguration, baseModel: String?) -> JSONValue {
        let targets = LoRAConfiguration.Target.allCases.filter { configuration.targets.contains($0) }
        // PEFT declares lora_alpha as a whole number; it is written as one where it is.
        let alpha = Int(exactly: configuration.alpha).map(JSONValue.integer) ?? .number(configuration.alpha)
        return .object(
            JSONObject([
                ("peft_type", .text("LORA")), ("task_type", .text("CAUSAL_LM")),
                ("base_model_name_or_path", baseModel.map(JSONValue.text) ?? .null), ("inference_mode", .bool(true)),
                ("r", .integer(configuration.rank)), ("lora_alpha", alpha),
                ("lora_dropout", .number(configuration.dropout)),
                ("target_modules", .array(targets.map { .text($0.rawValue) })), ("bias", .text("none")),
                ("fan_in_fan_out", .bool(false)), ("use_rslora", .bool(false)), ("use_dora", .bool(false)),
                ("init_lora_weights", .bool(true)), ("modules_to_save", .null),
                ("rank_pattern", .object(JSONObject())), ("alpha_pattern", .object(JSONObject())),
            ]))
    }
}
