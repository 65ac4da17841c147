import Basics

/// What an adapter consists of: its tensors by PEFT name and shape, in a fixed order.
///
/// Two adapters can be averaged when their schemas are equal. The order is that of the names' UTF-8 bytes, so that every
/// peer lays the values out alike.
package struct AdapterSchema: Sendable, Hashable {
    /// One factor of one LoRA module.
    package struct Tensor: Sendable, Hashable {
        /// The name in `adapter_model.safetensors`, for example
        /// `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`.
        package let name: String
        /// Rows: the rank for `lora_A`, the output size for `lora_B`.
        package let rows: Int
        /// Columns: the input size for `lora_A`, the rank for `lora_B`.
        package let columns: Int

        package init(name: String, rows: Int, columns: Int) {
            precondition(rows > 0 && columns > 0, "a tensor has a positive shape")
            self.name = name
            self.rows = rows
            self.columns = columns
        }

        /// The number of values.
        package var count: Int { rows * columns }
    }

    /// The tensors, ordered by the bytes of their names.
    package let tensors: [Tensor]
    /// Where each tensor's values begin in the flat vector; one more entry than tensors, the last is `count`.
    package let offsets: [Int]

    /// Orders `tensors` by name. Names must be unique.
    package init(tensors: [Tensor]) {
        let ordered = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var offsets = [0]
        for (index, tensor) in ordered.enumerated() {
            precondition(index == 0 || ordered[index - 1].name != tensor.name, "tensor names are unique")
            offsets.append(offsets[index] + tensor.count)
        }
        self.tensors = ordered
        self.offsets = offsets
    }

    /// The number of values of an adapter of this schema.
    package var count: Int { offsets[tensors.count] }

    /// The part of the flat vector that holds tensor `index`, row-major.
    package func range(of index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }

    /// An unambiguous encoding, the input of the schema digest that a manifest carries: for each tensor the length of
    /// the name (UInt32), its UTF-8 bytes, rows and columns (UInt32), all little-endian.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for tensor in tensors {
            bytes.append(integer: UInt32(tensor.name.utf8.count))
            bytes.append(contentsOf: tensor.name.utf8)
            bytes.append(integer: UInt32(tensor.rows))
            bytes.append(integer: UInt32(tensor.columns))
        }
        return bytes
    }

    /// How an adapter of this schema fails to fit one of schema `expected`, in words; nil when they are equal.
    package func mismatch(against expected: AdapterSchema) -> String? {
        if self == expected { return nil }
        // By bytes: Swift's strings are equal by canonical equivalence, which would make two names one.
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
