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
    /// Each file is replaced whole, the tensors first. Throws `FileError`.
    package static func write(_ adapter: PEFTAdapter, to path: String) throws {
        try AtomicFile.createFolder(path)
        var writer = SafetensorsWriter()
        for (index, tensor) in adapter.schema.tensors.enumerated() {
            writer.add(
                tensor.name, shape: [tensor.rows, tensor.columns],
                values: adapter.values[adapter.schema.range(of: index)])
        }
        try writer.write(to: "\(path)/\(tensorsName)")
        let document = configurationDocument(adapter)
        try AtomicFile.write(document.encoded(indented: true), to: "\(path)/\(configurationName)")
    }

    /// Reads an adapter from the folder `path`.
    ///
    /// - Parameter expected: the schema that the base model's adapter of this configuration has; without one any LoRA
    ///   adapter of decoder projections is read.
    /// - Throws: `FileError`, `SafetensorsError` or `PEFTError`.
    package static func read(
        _ path: String, expecting expected: ((LoRAConfiguration) -> AdapterSchema)? = nil
    ) throws -> PEFTAdapter {
        let configurationPath = "\(path)/\(configurationName)"
        let bytes = try ReadableFile.contents(of: configurationPath, limit: configurationLimit)
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue.parse(bytes)
        } catch {
            throw PEFTError.invalidConfiguration(file: configurationPath, reason: "\(error)")
        }
        let (configuration, baseModel) = try configuration(from: document, file: configurationPath)
        let file = try SafetensorsFile.open(path: "\(path)/\(tensorsName)")
        let schema = try schema(of: file, configuration: configuration)
        if let expected, let reason = schema.mismatch(against: expected(configuration)) {
            throw PEFTError.doesNotFit(path: path, reason: reason)
        }
        var values: [Float] = []
        values.reserveCapacity(schema.count)
        for tensor in schema.tensors {
            values.append(contentsOf: try file.floats(named: tensor.name))
        }
        return PEFTAdapter(configuration: configuration, schema: schema, values: values, baseModel: baseModel)
    }
}
