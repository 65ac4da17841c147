/// Blocks back to numbers. Every formula is applied in single precision in the order in which ggml's reference applies
/// it, so that the values are the same to the last bit.
extension GGUFTensorType {
    /// Appends the values of the whole blocks in `bytes` to `floats`.
    package func decode(_ bytes: Span<UInt8>, into floats: inout [Float]) {
        precondition(bytes.count.isMultiple(of: blockSize), "whole blocks are decoded")
        floats.reserveCapacity(floats.count + bytes.count / blockSize * blockLength)
        var block = 0
        while block < bytes.count {
            switch self {
            case .float32:
                let low = UInt32(Self.word(bytes, block)), high = UInt32(Self.word(bytes, block + 2))
                floats.append(Float(bitPattern: low | high << 16))
            case .float16: floats.append(Self.half(bytes, block))
            case .bfloat16: floats.append(Float(bitPattern: UInt32(Self.word(bytes, block)) << 16))
            case .q80: Self.eightBits(bytes, block, &floats)
            case .q40, .q41, .q50, .q51: fourOrFiveBits(bytes, block, &floats)
            case .q2K: Self.twoBitGroups(bytes, block, &floats)
            case .q3K: Self.threeBitGroups(bytes, block, &floats)
            case .q4K, .q5K: fourOrFiveBitGroups(bytes, block, &floats)
            case .q6K: Self.sixBitGroups(bytes, block, &floats)
            }
            block += blockSize
        }
    }

    private static func word(_ bytes: Span<UInt8>, _ at: Int) -> UInt16 {
        UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
    }

    private static func half(_ bytes: Span<UInt8>, _ at: Int) -> Float {
        Float(Float16(bitPattern: word(bytes, at)))
    }

    private static func eightBits(_ bytes: Span<UInt8>, _ block: Int, _ floats: inout [Float]) {
        let scale = half(bytes, block)
        for index in 0..<32 { floats.append(Float(Int8(bitPattern: bytes[block + 2 + index])) * scale) }
    }

    /// Q4_0, Q4_1, Q5_0 and Q5_1: byte i holds the low bits of value i in its low half and of value i + 16 in its high
    /// half. The types without a minimum are centred on zero.
    private func fourOrFiveBits(_ bytes: Span<UInt8>, _ block: Int, _ floats: inout [Float]) {
        let hasMinimum = self == .q41 || self == .q51
        let hasFifth = self == .q50 || self == .q51
        let scale = Self.half(bytes, block)
        let minimum = hasMinimum ? Self.half(bytes, block + 2) : 0
        let fifths = block + (hasMinimum ? 4 : 2)
        let quanta = fifths + (hasFifth ? 4 : 0)
        let centre = hasMinimum ? 0 : hasFifth ? 16 : 8
        for index in 0..<32 {
            let byte = bytes[quanta + index % 16]
            var value = Int(index < 16 ? byte & 15 : byte >> 4)
            if hasFifth { value |= Int(bytes[fifths + index / 8] >> UInt8(index % 8) & 1) << 4 }
            let scaled = scale * Float(value - centre)
            floats.append(hasMinimum ? scaled + minimum : scaled)
        }
    }

    /// Q2_K: 16 groups of 16 values. The values lie in two halves of 32 bytes, whose four pairs of bits are 32 values
    /// each.
    private static func twoBitGroups(_ bytes: Span<UInt8>, _ block: Int, _ floats: inout [Float]) {
        let scale = half(bytes, block + 80), minimum = half(bytes, block + 82)
        for group in 0..<16 {
            let packed = bytes[block + group]
            let step = scale * Float(packed & 15), offset = minimum * Float(packed >> 4)
            for index in 16 * group..<16 * group + 16 {
                let byte = bytes[block + 16 + 32 * (index / 128) + index % 32]
                floats.append(step * Float(byte >> UInt8(index % 128 / 32 * 2) & 3) - offset)
            }
        }
    }

    /// Q3_K: as Q2_K with a third bit apart, which is kept inverted, and 16 signed scales of 6 bits without minima.
    private static func threeBitGroups(_ bytes: Span<UInt8>, _ block: Int, _ floats: inout [Float]) {
        let quanta = block + 32, scales = block + 96
        let scale = half(bytes, block + 108)
        for group in 0..<16 {
            // Eight bytes hold the low four bits of two scales each, four bytes the high two bits of four scales each.
            let low = bytes[scales + group % 8] >> (group < 8 ? 0 : 4) & 15
            let high = bytes[scales + 8 + group % 4] >> UInt8(group / 4 * 2) & 3
            let step = scale * Float(Int(low | high << 4) - 32)
            for index in 16 * group..<16 * group + 16 {
                let low = bytes[quanta + 32 * (index / 128) + index % 32] >> UInt8(index % 128 / 32 * 2) & 3
                let isHigh = bytes[block + index % 32] >> UInt8(index / 32) & 1 == 1
                floats.append(step * Float(Int(low) - (isHigh ? 0 : 4)))
            }
        }
    }

    /// Q4_K and Q5_K: 8 groups of 32 values. A pair of groups shares 32 bytes, the first their low halves, the second
    /// their high halves.
    private func fourOrFiveBitGroups(_ bytes: Span<UInt8>, _ block: Int, _ floats: inout [Float]) {
        let scale = Self.half(bytes, block), minimum = Self.half(bytes, block + 2)
        let fifths = block + 16
        let quanta = self == .q5K ? fifths + 32 : fifths
        for group in 0..<8 {
            let (small, smallMinimum) = Self.sixBitScales(bytes, block + 4, group)
            let step = scale * Float(small), offset = minimum * Float(smallMinimum)
            for index in 0..<32 {
                let byte = bytes[quanta + 32 * (group / 2) + index]
                var value = group.isMultiple(of: 2) ? byte & 15 : byte >> 4
                if self == .q5K { value |= (bytes[fifths + index] >> UInt8(group) & 1) << 4 }
                floats.append(step * Float(value) - offset)
            }
        }
    }

    /// The scale and the minimum, six bits each, of a group of Q4_K or Q5_K. The first four groups have a byte each for
    /// both; the last four have half a byte each, and their two high bits are the top bits of those bytes.
    private static func sixBitScales(_ bytes: Span<UInt8>, _ at: Int, _ group: Int) -> (scale: UInt8, minimum: UInt8) {
        let scales = at + group % 4, minima = scales + 4, shared = scales + 8
        if group < 4 { return (bytes[scales] & 63, bytes[minima] & 63) }
        return (
            bytes[shared] & 15 | bytes[scales] >> 2 & 48,
            bytes[shared] >> 4 | bytes[minima] >> 2 & 48
        )
    }

    /// Q6_K: 16 groups of 16 values. Each half of 128 values has 64 bytes of low halves, read low then high, and 32 bytes
    /// whose four pairs of bits are the high bits.
    private static func sixBitGroups(_ bytes: Span<UInt8>, _ block: Int, _ floats: inout [Float]) {
        let scale = half(bytes, block + 208)
        for group in 0..<16 {
            let step = scale * Float(Int8(bitPattern: bytes[block + 192 + group]))
            for index in 16 * group..<16 * group + 16 {
                let byte = bytes[block + 64 * (index / 128) + index % 64]
                let low = index % 128 < 64 ? byte & 15 : byte >> 4
                let high = bytes[block + 128 + 32 * (index / 128) + index % 32] >> UInt8(index % 128 / 32 * 2) & 3
                floats.append(step * Float(Int(low | high << 4) - 32))
            }
        }
    }
}
