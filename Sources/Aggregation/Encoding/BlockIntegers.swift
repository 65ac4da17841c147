package import Adapters
import Basics

/// Values as whole multiples of a step, one step for each block of 64: 8.25 bits a value in the wide form, 4.25 in the
/// narrow one.
///
/// Rounding is stochastic: a value between two multiples becomes the upper one with the probability of its distance from
/// the lower, so that it stays the same on average. What is drawn follows from the seed.
package struct BlockIntegers: PayloadEncoding {
    /// Values of a block; a tensor's last may be shorter.
    static let blockLength = 64

    /// How wide the integers are.
    package enum Width: Sendable, Hashable {
        /// A byte: −127 to 127.
        case eight
        /// Half a byte: −7 to 7.
        case four
    }

    private let width: Width

    package init(_ width: Width) { self.width = width }

    package var number: UInt16 { width == .eight ? 3 : 4 }

    private var limit: Int { width == .eight ? 127 : 7 }

    /// Of a block: its step (2 bytes), then its integers.
    private func byteCount(ofBlock count: Int) -> Int { 2 + (width == .eight ? count : (count + 1) / 2) }

    package func byteCounts(for schema: AdapterSchema) -> ClosedRange<Int> {
        var count = 0
        for tensor in schema.tensors {
            let (whole, rest) = tensor.count.quotientAndRemainder(dividingBy: Self.blockLength)
            count += whole * byteCount(ofBlock: Self.blockLength) + (rest > 0 ? byteCount(ofBlock: rest) : 0)
        }
        return count...count
    }

    /// The places of each block, tensor after tensor.
    private static func forEachBlock<Failure: Error>(
        of schema: AdapterSchema, _ body: (Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        for tensor in schema.tensors.indices {
            var range = schema.range(of: tensor)
            while !range.isEmpty {
                let block = range.prefix(blockLength)
                try body(block)
                range = block.upperBound..<range.upperBound
            }
        }
    }

    /// The least brain float that is not below `value`, which is not negative: its upper half.
    private static func roundedUp(_ value: Float) -> UInt16 {
        // The largest finite brain float: rounding up must not go beyond it.
        let bits = min(value, Float(bitPattern: 0x7f7f_0000)).bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0xffff) >> 16)
    }

    package mutating func encode(_ delta: AdapterDelta, seed: UInt64, into payload: inout [UInt8]) -> AdapterDelta {
        var read = delta.values
        var generator = SeededGenerator(seed: seed)
        payload.reserveCapacity(payload.count + byteCounts(for: delta.schema).upperBound)
        Self.forEachBlock(of: delta.schema) { block in
            let largest = block.reduce(Float(0)) { max($0, abs(read[$1])) }
            let upper = Self.roundedUp(largest / Float(limit))
            let step = Float(bitPattern: UInt32(upper) << 16)
            payload.append(integer: upper)
            var half: UInt8?
            for place in block {
                let integer = step > 0 ? drawn(read[place], step: step, using: &generator) : 0
                read[place] = Float(integer) * step
                switch width {
                case .eight: payload.append(UInt8(bitPattern: Int8(integer)))
                case .four:
                    let nibble = UInt8(integer + 8)
                    if let low = half { payload.append(low | nibble << 4) }
                    half = half == nil ? nibble : nil
                }
            }
            // Above an odd last integer stands 8, which is zero.
            if let low = half { payload.append(low | 0x80) }
        }
        return AdapterDelta(schema: delta.schema, values: read)
    }

    /// One of the two whole numbers around `value / step`.
    private func drawn(_ value: Float, step: Float, using generator: inout SeededGenerator) -> Int {
        let integer = (Double(value) / Double(step) + generator.uniform()).rounded(.down)
        return Int(max(-Double(limit), min(Double(limit), integer)))
    }

    package mutating func decode(
        _ bytes: ArraySlice<UInt8>, as schema: AdapterSchema
    ) throws(PayloadError) -> AdapterDelta {
        let expected = byteCounts(for: schema)
        guard expected.contains(bytes.count) else { throw .length(bytes: bytes.count, expected: expected) }
        var values = [Float](repeating: 0, count: schema.count)
        var place = bytes.startIndex
        try Self.forEachBlock(of: schema) { (block: Range<Int>) throws(PayloadError) in
            let step = Float(bitPattern: (UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8) << 16)
            guard step.isFinite, step >= 0 else { throw .malformed("a block's step is \(step)") }
            place += 2
            for (number, index) in block.enumerated() {
                let integer: Int
                switch width {
                case .eight: integer = Int(Int8(bitPattern: bytes[place + number]))
                case .four: integer = Int(bytes[place + number / 2] >> UInt8(number % 2 * 4) & 15) - 8
                }
                guard abs(integer) <= limit else { throw .malformed("an integer is \(integer)") }
                values[index] = Float(integer) * step
            }
            place += byteCount(ofBlock: block.count) - 2
        }
        return AdapterDelta(schema: schema, values: values)
    }
}
