package import Adapters
import Basics

/// How a contribution's values become bytes, and bytes values again, each contribution by itself. What is sent as the
/// difference to what receivers have is `DifferenceCoding`'s.
///
/// Payloads come from the network: `decode` throws at whatever is no payload of the schema, and allocates no more than the
/// schema asks for.
package protocol PayloadEncoding: Sendable {
    /// The number that manifests give it. It never changes its meaning.
    var number: UInt16 { get }

    /// Bytes of every value, where each stands by itself and its place follows from its number; nil elsewhere.
    var bytesOfValue: Int? { get }

    /// How many bytes the values of an adapter of `schema` take, at least and at most. Nothing longer is fetched.
    func byteCounts(for schema: AdapterSchema) -> ClosedRange<Int>

    /// Appends the values to a payload.
    ///
    /// - Parameter seed: what stochastic rounding draws from: another one for every peer and round.
    /// - Returns: what receivers will read, which is what the averaging has to reckon with.
    mutating func encode(_ delta: AdapterDelta, seed: UInt64, into payload: inout [UInt8]) -> AdapterDelta

    /// The values that the bytes of a neighbour's payload hold.
    mutating func decode(_ bytes: ArraySlice<UInt8>, as schema: AdapterSchema) throws(PayloadError) -> AdapterDelta
}

extension PayloadEncoding {
    package var bytesOfValue: Int? { nil }
}

/// Why bytes are no payload.
package enum PayloadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// They are not as many as the schema says.
    case length(bytes: Int, expected: ClosedRange<Int>)
    /// Their content contradicts itself.
    case malformed(String)

    package var description: String {
        switch self {
        case .length(let bytes, let expected):
            "the contribution has \(bytes) bytes where the adapter's schema asks for \(Self.text(expected))"
        case .malformed(let reason): "the contribution's bytes are malformed: \(reason)"
        }
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
}

/// Every value in single precision, least significant byte first, tensor after tensor in the schema's order. Nothing is
/// lost and nothing kept.
package struct SinglePrecision: PayloadEncoding {
    private static let bytesOfValue = 4

    package init() {}

    package var bytesOfValue: Int? { Self.bytesOfValue }

    package var number: UInt16 { 1 }

    package func byteCounts(for schema: AdapterSchema) -> ClosedRange<Int> {
        let count = Self.bytesOfValue * schema.count
        return count...count
    }

    package mutating func encode(_ delta: AdapterDelta, seed: UInt64, into payload: inout [UInt8]) -> AdapterDelta {
        payload.append(floats: delta.values[...])
        return delta
    }

    package mutating func decode(
        _ bytes: ArraySlice<UInt8>, as schema: AdapterSchema
    ) throws(PayloadError) -> AdapterDelta {
        let expected = byteCounts(for: schema)
        guard expected.contains(bytes.count) else { throw .length(bytes: bytes.count, expected: expected) }
        return AdapterDelta(schema: schema, values: [Float](littleEndian: bytes))
    }
}
