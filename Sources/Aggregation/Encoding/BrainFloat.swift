package import Adapters

/// Every value as a brain float, the upper half of a single: eight bits of exponent and eight of precision, rounded to the
/// nearest, ties to the even one. Half the bytes of single precision, and off by 2⁻⁹ of a value at most.
package struct BrainFloat: PayloadEncoding {
    private static let bytesOfValue = 2

    package init() {}

    package var bytesOfValue: Int? { Self.bytesOfValue }

    package var number: UInt16 { 2 }

    package func byteCounts(for schema: AdapterSchema) -> ClosedRange<Int> {
        let count = Self.bytesOfValue * schema.count
        return count...count
    }

    /// The upper half of the single that is nearest to `value` of those whose lower half is zero. What would become infinite
    /// stays the largest.
    static func rounded(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        // Half of the last bit that stays, less one where that bit is zero: what lies in the middle goes to the even
        // one.
        let upper = (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16
        let isLost = value.isFinite && upper & 0x7f80 == 0x7f80
        return UInt16(truncatingIfNeeded: isLost ? upper & 0x8000 | 0x7f7f : upper)
    }

    package mutating func encode(_ delta: AdapterDelta, seed: UInt64, into payload: inout [UInt8]) -> AdapterDelta {
        let start = payload.count
        payload.append(contentsOf: repeatElement(0, count: Self.bytesOfValue * delta.values.count))
        var read = delta.values
        var values = read.mutableSpan
        var whole = payload.mutableSpan
        var target = whole.mutableBytes
        for index in 0..<values.count {
            let upper = Self.rounded(values[index])
            target.storeBytes(
                of: upper.littleEndian, toByteOffset: start + Self.bytesOfValue * index, as: UInt16.self)
            values[index] = Float(bitPattern: UInt32(upper) << 16)
        }
        return AdapterDelta(schema: delta.schema, values: read)
    }

    package mutating func decode(
        _ bytes: ArraySlice<UInt8>, as schema: AdapterSchema
    ) throws(PayloadError) -> AdapterDelta {
        let expected = byteCounts(for: schema)
        guard expected.contains(bytes.count) else { throw .length(bytes: bytes.count, expected: expected) }
        var values = [Float](repeating: 0, count: schema.count)
        let source = bytes.span.bytes
        var target = values.mutableSpan
        for index in 0..<target.count {
            let upper = source.unsafeLoadUnaligned(fromByteOffset: Self.bytesOfValue * index, as: UInt16.self)
            target[index] = Float(bitPattern: UInt32(UInt16(littleEndian: upper)) << 16)
        }
        return AdapterDelta(schema: schema, values: values)
    }
}
