package import Adapters

/// What every contribution has to pass before it is mixed, whatever else is done against liars.
package struct ContributionGate: Sendable, Hashable {
    /// The adapter's schema.
    package let schema: AdapterSchema
    /// The largest Euclidean norm. Adapters that were trained stay far below; values gone astray do not.
    package var normLimit: Double

    package init(schema: AdapterSchema, normLimit: Double = 1e6) {
        self.schema = schema
        self.normLimit = normLimit
    }

    /// The contribution that `payload` holds: its values in single precision, least significant byte first, tensor
    /// after tensor in the schema's order.
    ///
    /// - Throws: `ContributionRefusal`.
    package func open(_ payload: [UInt8]) throws(ContributionRefusal) -> AdapterDelta {
        guard payload.count == 4 * schema.count else {
            throw .length(bytes: payload.count, expected: 4 * schema.count)
        }
        var values = [Float](repeating: 0, count: schema.count)
        var square = 0.0
        for index in values.indices {
            let at = 4 * index
            let low = UInt32(payload[at]) | UInt32(payload[at + 1]) << 8
            let high = UInt32(payload[at + 2]) << 16 | UInt32(payload[at + 3]) << 24
            let value = Float(bitPattern: low | high)
            values[index] = value
            square += Double(value) * Double(value)
        }
        // A single NaN or infinity makes the sum one too: the squares of finite floats cannot overflow a double.
        guard square.isFinite else { throw .notFinite }
        guard square.squareRoot() <= normLimit else { throw .norm(square.squareRoot(), limit: normLimit) }
        return AdapterDelta(schema: schema, values: values)
    }

    /// The payload that `open` reads back to the same values.
    package func payload(of delta: AdapterDelta) -> [UInt8] {
        precondition(delta.schema == schema, "a contribution has the swarm's schema")
        var bytes = [UInt8](repeating: 0, count: 4 * delta.values.count)
        for (index, value) in delta.values.enumerated() {
            let bits = value.bitPattern
            bytes[4 * index] = UInt8(truncatingIfNeeded: bits)
            bytes[4 * index + 1] = UInt8(truncatingIfNeeded: bits >> 8)
            bytes[4 * index + 2] = UInt8(truncatingIfNeeded: bits >> 16)
            bytes[4 * index + 3] = UInt8(truncatingIfNeeded: bits >> 24)
        }
        return bytes
    }
}

/// Why a contribution is not mixed.
package enum ContributionRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The payload is not as long as the schema says.
    case length(bytes: Int, expected: Int)
    /// A value is NaN or infinite.
    case notFinite
    /// The norm is larger than the limit.
    case norm(Double, limit: Double)

    package var description: String {
        switch self {
        case .length(let bytes, let expected):
            "the contribution has \(bytes) bytes where the adapter's schema asks for \(expected)"
        case .notFinite: "a value of the contribution is not finite"
        case .norm(let norm, let limit): "the contribution's norm \(norm) is above the limit of \(limit)"
        }
    }
}
