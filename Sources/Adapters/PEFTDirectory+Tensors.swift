import Storage

extension PEFTDirectory {
    /// The schema of the adapter that `file` holds: every tensor must be a factor of a targeted projection, in pairs
    /// that have the configuration's rank. Throws `PEFTError.invalidTensors`.
    static func schema(
        of file: SafetensorsFile, configuration: LoRAConfiguration
    ) throws(PEFTError) -> AdapterSchema {
        func invalid(_ reason: String) -> PEFTError { .invalidTensors(file: file.name, reason: reason) }
        var tensors: [AdapterSchema.Tensor] = []
        for entry in file.tensors {
            let name = String(decoding: entry.name.prefix(200), as: UTF8.self)
            guard let factor = factor(named: entry.name), configuration.includes(factor.projection) else {
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
            guard file.contains(pair) else { throw invalid("\(name) is there, \(pair) is not") }
            tensors.append(AdapterSchema.Tensor(name: name, rows: entry.shape[0], columns: entry.shape[1]))
        }
        guard !tensors.isEmpty else { throw invalid("it holds no tensors") }
        return AdapterSchema(tensors: tensors)
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
        let projection = LoRAProjection(layer: layer, target: target, inputSize: 1, outputSize: 1)
        let isA = parts[7] == "lora_A"
        guard Array((isA ? projection.nameOfA : projection.nameOfB).utf8) == bytes else { return nil }
        return (projection, isA)
    }
}
