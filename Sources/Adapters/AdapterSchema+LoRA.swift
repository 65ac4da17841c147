extension AdapterSchema {
    /// The schema of a LoRA adapter: the factors A [rank, input] and B [output, rank] of each projection that the
    /// configuration targets.
    ///
    /// - Parameter projections: the base model's projections, each once; those that are not targeted are passed over.
    package static func lora(configuration: LoRAConfiguration, projections: [LoRAProjection]) -> AdapterSchema {
        var tensors: [Tensor] = []
        for projection in projections where configuration.includes(projection) {
            let rank = configuration.rank(of: projection)
            tensors.append(Tensor(name: projection.nameOfA, rows: rank, columns: projection.inputSize))
            tensors.append(Tensor(name: projection.nameOfB, rows: projection.outputSize, columns: rank))
        }
        return AdapterSchema(tensors: tensors)
    }

    /// How an adapter of this schema fails to fit one of schema `expected`, in words; nil when they are equal.
    package func mismatch(against expected: AdapterSchema) -> String? {
        if self == expected { return nil }
        var shapes: [[UInt8]: Tensor] = [:]
        for tensor in tensors { shapes[Array(tensor.name.utf8)] = tensor }
        for wanted in expected.tensors {
            guard let tensor = shapes.removeValue(forKey: Array(wanted.name.utf8)) else {
                return "\(wanted.name) is missing"
            }
            if tensor != wanted {
                return "\(wanted.name) has shape [\(tensor.rows), \(tensor.columns)] "
                    + "where the model needs [\(wanted.rows), \(wanted.columns)]"
            }
        }
        let rest = shapes.values.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return "\(rest.first ?? "a tensor") is not part of the model's adapter"
    }
}
