/// How a safetensors file stores real numbers that this project reads; all little-endian.
package enum FloatEncoding: String, Sendable, Hashable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"

    /// The bytes of one number.
    package var size: Int { self == .float32 ? 4 : 2 }

    /// Appends the numbers that `bytes` encodes to `floats`; the length is a multiple of `size`.
    package func decode(_ bytes: ArraySlice<UInt8>, into floats: inout [Float]) {
        precondition(bytes.count.isMultiple(of: size), "whole numbers are decoded")
        floats.reserveCapacity(floats.count + bytes.count / size)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let low = UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
            switch self {
            case .float32:
                let high = UInt16(bytes[index + 2]) | UInt16(bytes[index + 3]) << 8
                floats.append(Float(bitPattern: UInt32(high) << 16 | UInt32(low)))
            case .bfloat16: floats.append(Float(bitPattern: UInt32(low) << 16))
            case .float16: floats.append(Float(Float16(bitPattern: low)))
            }
            index += size
        }
    }

    /// Appends `floats` to `bytes` in this encoding, rounding to nearest, ties to even.
    package func encode(_ floats: ArraySlice<Float>, into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + floats.count * size)
        for value in floats {
            switch self {
            case .float32:
                let bits = value.bitPattern
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
                }
            case .float16: Self.append(Float16(value).bitPattern, to: &bytes)
            case .bfloat16: Self.append(Self.bfloat16Bits(of: value), to: &bytes)
            }
        }
    }

    private static func append(_ word: UInt16, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: word))
        bytes.append(UInt8(truncatingIfNeeded: word >> 8))
    }

    private static func bfloat16Bits(of value: Float) -> UInt16 {
        let bits = value.bitPattern
        // Rounding must not carry a NaN's payload into infinity.
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }
}
