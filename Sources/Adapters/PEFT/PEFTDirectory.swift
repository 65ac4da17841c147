import Storage

/// Adapters as folders that PEFT and everything around it reads: `adapter_config.json` and `adapter_model.safetensors`.
package enum PEFTDirectory {
    /// The file with the settings.
    package static let configurationName = "adapter_config.json"
    /// The file with the factors.
    package static let tensorsName = "adapter_model.safetensors"

    private static let configurationLimit = 4 << 20

    /// Writes an adapter into the folder `path`, which is created where needed, as F32.
    ///
    /// Each file is replaced whole, the tensors first. Throws `FileError`, and `SafetensorsError` for values that are not
    /// finite: an adapter that is there stays then.
    package static func write(_ adapter: PEFTAdapter, to path: String) throws {
        try AtomicFile.createFolder(path)
        var writer = SafetensorsWriter()
        for (index, tensor) in adapter.schema.tensors.enumerated() {
            writer.add(
                tensor.name, shape: [tensor.rows, tensor.columns],
                values: adapter.values[adapter.schema.range(of: index)])
        }
        // The configuration last: a reader looks for it first, and then finds the tensors that go with it.
        try writer.write(to: "\(path)/\(tensorsName)")
        let document = configurationDocument(adapter)
        try AtomicFile.write(document.encoded(indented: true), to: "\(path)/\(configurationName)")
    }

    /// Reads an adapter from the folder `path`.
    ///
    /// - Parameter expected: the schema that the base model's adapter of this configuration has; without one any LoRA
    ///   adapter of decoder projections is read.
    /// - Parameter refusesNotFinite: whether values that are not finite refuse the adapter; `inspect` alone looks at such.
    /// - Throws: `FileError`, `SafetensorsError` or `PEFTError`.
    package static func read(
        _ path: String, refusesNotFinite: Bool = true, expecting expected: ((LoRAConfiguration) -> AdapterSchema)? = nil
    ) throws -> PEFTAdapter {
        let configurationPath = "\(path)/\(configurationName)"
        let bytes = try ReadableFile.contents(of: configurationPath, limit: configurationLimit)
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue.parse(bytes)
        } catch {
            throw PEFTError.invalidConfiguration(file: configurationPath, reason: "\(error)")
        }
        let (configuration, baseModel, revision) = try configuration(from: document, file: configurationPath)
        let file = try SafetensorsFile.open(path: "\(path)/\(tensorsName)")
        let (schema, names) = try factors(of: file, configuration: configuration)
        if let expected, let reason = schema.mismatch(against: expected(configuration)) {
            throw PEFTError.doesNotFit(path: path, reason: reason)
        }
        var values: [Float] = []
        values.reserveCapacity(schema.count)
        for tensor in schema.tensors {
            let factor = try file.floats(named: names[tensor.name] ?? tensor.name)
            if refusesNotFinite, let found = NotFiniteValues.find(in: factor[...]) {
                throw SafetensorsError.notFinite(
                    name: tensor.name, file: file.name, shape: [tensor.rows, tensor.columns], found)
            }
            values.append(contentsOf: factor)
        }
        return PEFTAdapter(
            configuration: configuration, schema: schema, values: values, baseModel: baseModel, revision: revision)
    }
}

extension PEFTDirectory {
    /// The schema of the adapter that `file` holds, and what the file calls each tensor: every tensor must be a factor of a
    /// targeted projection, in pairs that have the configuration's rank. Throws `PEFTError.invalidTensors`.
    static func factors(
        of file: SafetensorsFile, configuration: LoRAConfiguration
    ) throws(PEFTError) -> (schema: AdapterSchema, names: [String: String]) {
        func invalid(_ reason: String) -> PEFTError { .invalidTensors(file: file.name, reason: reason) }
        var tensors: [AdapterSchema.Tensor] = []
        var names: [String: String] = [:]
        for entry in file.tensors {
            let text = String(decoding: entry.name, as: UTF8.self)
            let whole = unwrapped(text)
            if let other = names.updateValue(text, forKey: whole) {
                throw invalid("\(text.prefix(200)) and \(other.prefix(200)) are the same factor")
            }
        }
        for entry in file.tensors {
            let text = String(decoding: entry.name, as: UTF8.self)
            let name = String(text.prefix(200))
            let whole = unwrapped(text)
            if let other = adapterName(in: whole) {
                throw invalid("\(name) belongs to an adapter called \(other); the one called default is read")
            }
            guard let factor = factor(named: Array(whole.utf8)), configuration.includes(factor.projection) else {
                throw invalid("\(name) is not a factor of a projection that target_modules names")
            }
            guard FloatEncoding(rawValue: entry.type) != nil else {
                throw invalid("\(name) has type \(entry.type); F32, F16 and BF16 are read")
            }
            guard entry.shape.count == 2, entry.shape.allSatisfy({ (1...Int(Int32.max)).contains($0) }) else {
                throw invalid("\(name) has shape \(entry.shape), not that of a matrix")
            }
            let rank = factor.isA ? entry.shape[0] : entry.shape[1]
            let expected = configuration.rank(of: factor.projection)
            guard rank == expected else {
                throw invalid("\(name) has rank \(rank) where \(configurationName) says \(expected)")
            }
            let pair = factor.projection.moduleName + (factor.isA ? ".lora_B.weight" : ".lora_A.weight")
            guard names[pair] != nil else { throw invalid("\(name) is there, \(pair) is not") }
            tensors.append(AdapterSchema.Tensor(name: whole, rows: entry.shape[0], columns: entry.shape[1]))
        }
        guard !tensors.isEmpty else { throw invalid("it holds no tensors") }
        return (AdapterSchema(tensors: tensors), names)
    }

    /// PEFT's own name of a factor that may be called otherwise: torch.compile puts `_orig_mod` before the modules it
    /// wraps, data parallel training `module`, and a state taken from a model in memory names the adapter, `default`.
    private static func unwrapped(_ name: String) -> String {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false)
            .filter { $0 != "_orig_mod" && $0 != "module" }
        if parts.count >= 3, parts.last == "weight", parts[parts.count - 2] == "default",
            ["lora_A", "lora_B"].contains(parts[parts.count - 3])
        {
            parts.remove(at: parts.count - 2)
        }
        return parts.joined(separator: ".")
    }

    /// The adapter that an unwrapped name of a factor names, where that is not `default`.
    private static func adapterName(in name: String) -> Substring? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.last == "weight", ["lora_A", "lora_B"].contains(parts[parts.count - 3]) else {
            return nil
        }
        return parts[parts.count - 2].prefix(100)
    }

    /// Takes a tensor's name apart; nil unless it is exactly the name of a factor that this project could have written.
    private static func factor(
        named bytes: [UInt8]
    ) -> (projection: LoRAProjection, isA: Bool)? {
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 9, let layer = Int(parts[4]), (0...100_000).contains(layer),
            let target = LoRAConfiguration.Target(rawValue: String(parts[6])),
            parts[7] == "lora_A" || parts[7] == "lora_B"
        else { return nil }
        // Only for its names, which are made again and compared: the widths do not occur in them.
        let projection = LoRAProjection(layer: layer, target: target, inputSize: 1, outputSize: 1)
        let isA = parts[7] == "lora_A"
        guard Array((isA ? projection.nameOfA : projection.nameOfB).utf8) == bytes else { return nil }
        return (projection, isA)
    }
}

/// A LoRA adapter as a PEFT directory holds it.
package struct PEFTAdapter: Sendable, Equatable {
    /// Rank, alpha, dropout and targets.
    package var configuration: LoRAConfiguration
    /// The factors' names and shapes.
    package var schema: AdapterSchema
    /// All values, in the order of the schema: `schema.count` of them.
    package var values: [Float]
    /// What the adapter was trained on: a path or a model's public name, as PEFT records it.
    package var baseModel: String?
    /// The branch, tag or commit of the base model on the hub; nil where nobody said.
    package var revision: String?

    package init(
        configuration: LoRAConfiguration, schema: AdapterSchema, values: [Float], baseModel: String? = nil,
        revision: String? = nil
    ) {
        precondition(values.count == schema.count, "an adapter has the length its schema says")
        self.configuration = configuration
        self.schema = schema
        self.values = values
        self.baseModel = baseModel
        self.revision = revision
    }
}

extension PEFTAdapter {
    /// Leaves of a base model that is named by a path only the path's last part, which says nothing of a machine.
    package mutating func hidePath() {
        guard let name = baseModel, let first = name.first else { return }
        let parts = name.split(separator: "/")
        // A model of the hub is an organisation and a name.
        guard "/.~".contains(first) || parts.count > 2 || name.contains("\\") else { return }
        baseModel = parts.last.map { String($0.split(separator: "\\").last ?? $0) }
    }
}

/// Why a PEFT directory is refused.
package enum PEFTError: Error, Equatable, CustomStringConvertible {
    /// `adapter_config.json` is not what PEFT writes.
    case invalidConfiguration(file: String, reason: String)
    /// The configuration asks for a feature that this project does not have.
    case unsupported(file: String, setting: String, value: String)
    /// The tensors are not those of a LoRA adapter, or contradict the configuration.
    case invalidTensors(file: String, reason: String)
    /// The adapter was made for another base model.
    case doesNotFit(path: String, reason: String)

    package var description: String {
        switch self {
        case .invalidConfiguration(let file, let reason): "\(file): \(reason)"
        case .unsupported(let file, let setting, let value):
            "\(file): \(setting) is \(value), which is not supported; plain LoRA on projections of decoder layers is"
        case .invalidTensors(let file, let reason): "\(file): \(reason)"
        case .doesNotFit(let path, let reason):
            "\(path): the adapter does not fit this base model: \(reason); use the model that it was trained on"
        }
    }
}
