package import Storage

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
            ("bias", { $0.bytes == Array("none".utf8) }), ("modules_to_save", isEmpty), ("exclude_modules", isEmpty),
            ("trainable_token_indices", isEmpty),
            ("layer_replication", isEmpty), ("target_parameters", isEmpty), ("alora_invocation_tokens", isEmpty),
            ("use_bdlora", isEmpty), ("arrow_config", isEmpty), ("kasa_config", isEmpty), ("megatron_config", isEmpty),
            ("layers_to_transform", isEmpty),
        ]
    }()

    /// The version of PEFT whose form is written, and with which that is checked.
    private static let peftVersion = "0.21.2"

    /// Initialisations that change the base model's weights, so that the adapter alone says too little.
    private static let refusedInitialisations = ["pissa", "olora", "corda", "loftq", "lora_ga"]

    /// Reads `adapter_config.json`. Settings of later PEFT versions are refused when their name begins with `use_` and
    /// they are on; other unknown settings are passed over.
    static func configuration(
        from document: JSONValue, file: String
    ) throws(PEFTError) -> (LoRAConfiguration, baseModel: String?, revision: String?) {
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
        guard let alpha = members["lora_alpha"]?.double, abs(alpha) <= 1e6 else {
            throw invalid("lora_alpha is not a number of sensible size")
        }
        var dropout = 0.0
        if let value = members["lora_dropout"], !value.isNull {
            guard let number = value.double, (0..<1).contains(number) else {
                throw invalid("lora_dropout is not a number from 0 up to 1")
            }
            dropout = number
        }
        let (targets, modules) = try targets(members["target_modules"] ?? .null, file: file)
        var configuration = LoRAConfiguration(rank: rank, alpha: alpha, dropout: dropout, targets: targets)
        configuration.modules = modules
        configuration.isRankStabilised = members["use_rslora"]?.bool ?? false
        configuration.rankExceptions = try exceptions(members, "rank_pattern", file: file) {
            $0.int.flatMap { (1...65_536).contains($0) ? $0 : nil }
        }
        configuration.alphaExceptions = try exceptions(members, "alpha_pattern", file: file) {
            $0.double.flatMap { abs($0) <= 1e6 ? $0 : nil }
        }
        return (configuration, members["base_model_name_or_path"]?.text, members["revision"]?.text)
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
            // Cut, as it may land in a message.
            let name = String(decoding: key.prefix(80), as: UTF8.self)
            if name.hasPrefix("use_"), name != "use_rslora", value == .bool(true) {
                throw unsupported(file, name, value)
            }
        }
    }

    /// The entries of `rank_pattern` or `alpha_pattern`, in their order.
    private static func exceptions<Value>(
        _ members: JSONObject, _ name: String, file: String, _ read: (JSONValue) -> Value?
    ) throws(PEFTError) -> [LoRAConfiguration.Exception<Value>] {
        guard let section = members[name], !section.isNull else { return [] }
        guard let entries = section.object else {
            throw .invalidConfiguration(file: file, reason: "\(name) is \(section.kind), not an object")
        }
        var result: [LoRAConfiguration.Exception<Value>] = []
        for (key, value) in zip(entries.keys, entries.values) {
            let text = String(decoding: key, as: UTF8.self)
            guard let modules = ModuleName(text) else {
                throw unsupported(file, "a key of \(name)", .text(text))
            }
            guard let value = read(value) else {
                throw .invalidConfiguration(file: file, reason: "\(name) has no sensible number for \(text)")
            }
            result.append(.init(modules: modules, value: value))
        }
        return result
    }

    private static func targets(
        _ value: JSONValue, file: String
    ) throws(PEFTError) -> (Set<LoRAConfiguration.Target>, [ModuleName]) {
        if value.bytes == Array("all-linear".utf8) { return (Set(LoRAConfiguration.Target.allCases), []) }
        guard let names = value.array, !names.isEmpty else {
            throw unsupported(file, "target_modules", value)
        }
        var targets: Set<LoRAConfiguration.Target> = []
        var modules: [ModuleName] = []
        for name in names {
            guard let text = name.text, let last = text.split(separator: ".").last,
                let target = LoRAConfiguration.Target(rawValue: String(last)), !text.contains("\\"),
                let module = ModuleName(text), !text.hasPrefix("^")
            else { throw unsupported(file, "an entry of target_modules", name) }
            if text == target.rawValue { targets.insert(target) } else { modules.append(module) }
        }
        return (targets, modules)
    }

    private static func unsupported(_ file: String, _ setting: String, _ value: JSONValue) -> PEFTError {
        let text = String(decoding: value.encoded().prefix(120), as: UTF8.self)
        return .unsupported(file: file, setting: setting, value: text)
    }

    /// The document that PEFT 0.21 reads, and older versions as well: only settings that all of them know, and
    /// `peft_version`, which says whose form this is and which they pass over.
    /// Of the targets those are named that `schema` has, so that `all-linear` becomes the names of this model's maps.
    package static func configurationDocument(_ adapter: PEFTAdapter) -> JSONValue {
        let configuration = adapter.configuration
        let names = adapter.schema.tensors.map(\.name)
        let targets = LoRAConfiguration.Target.allCases.filter { target in
            configuration.targets.contains(target) && names.contains { $0.contains(".\(target.rawValue).lora_A.") }
        }
        let targetNames = targets.map(\.rawValue) + configuration.modules.map(\.text)
        // PEFT declares lora_alpha as a whole number; it is written as one where it is.
        func number(_ value: Double) -> JSONValue { Int(exactly: value).map(JSONValue.integer) ?? .number(value) }
        let ranks = configuration.rankExceptions.map { ($0.modules.text, JSONValue.integer($0.value)) }
        let alphas = configuration.alphaExceptions.map { ($0.modules.text, number($0.value)) }
        return .object(
            JSONObject([
                ("peft_type", .text("LORA")), ("task_type", .text("CAUSAL_LM")),
                ("base_model_name_or_path", adapter.baseModel.map(JSONValue.text) ?? .null),
                ("revision", adapter.revision.map(JSONValue.text) ?? .null),
                ("peft_version", .text(peftVersion)), ("inference_mode", .bool(true)),
                ("r", .integer(configuration.rank)), ("lora_alpha", number(configuration.alpha)),
                ("lora_dropout", .number(configuration.dropout)),
                ("target_modules", .array(targetNames.map { .text($0) })), ("bias", .text("none")),
                ("fan_in_fan_out", .bool(false)), ("use_rslora", .bool(configuration.isRankStabilised)),
                ("use_dora", .bool(false)),
                ("init_lora_weights", .bool(true)), ("modules_to_save", .null),
                ("rank_pattern", .object(JSONObject(ranks))), ("alpha_pattern", .object(JSONObject(alphas))),
            ]))
    }
}
