import Basics

/// How a safetensors file stores real numbers that this project reads; all little-endian.
package enum FloatEncoding: String, Sendable, Hashable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"

    /// The bytes of one number.
    package var size: Int { self == .float32 ? 4 : 2 }

    /// The least magnitude that rounding makes infinite: half a step beyond the largest finite number.
    package var limit: Float {
        switch self {
        case .float32: .infinity
        case .float16: 65_520
        case .bfloat16: Float(bitPattern: 0x7f7f_8000)
        }
    }

    /// Appends the numbers that `bytes` encodes to `floats`; the length is a multiple of `size`.
    package func decode(_ bytes: ArraySlice<UInt8>, into floats: inout [Float]) {
        precondition(bytes.count.isMultiple(of: size), "whole numbers are decoded")
        floats.reserveCapacity(floats.count + bytes.count / size)
        let starts = stride(from: bytes.startIndex, to: bytes.endIndex, by: size)
        // Byte by byte, which is right on processors of either order.
        func word(_ index: Int) -> UInt32 { UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 }
        switch self {
        case .float32:
            floats += [Float](littleEndian: bytes)
        case .bfloat16:
            for index in starts { floats.append(Float(bitPattern: word(index) << 16)) }
        case .float16:
            for index in starts { floats.append(Float(Float16(bitPattern: UInt16(word(index))))) }
        }
    }

    /// Appends `floats` to `bytes` in this encoding, rounding to nearest, ties to even.
    package func encode(_ floats: ArraySlice<Float>, into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + floats.count * size)
        switch self {
        case .float32:
            bytes.append(floats: floats)
        case .float16:
            for value in floats { Self.append(Float16(value).bitPattern, to: &bytes) }
        case .bfloat16:
            for value in floats { Self.append(Self.bfloat16Bits(of: value), to: &bytes) }
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
