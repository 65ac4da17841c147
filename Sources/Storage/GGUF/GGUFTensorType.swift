/// How a GGUF file stores the values of a tensor: single numbers, or blocks of numbers that share scales.
///
/// The numbers are those of `ggml_type`. A block holds `blockLength` values of one row in `blockSize` bytes. The `K`
/// types have blocks of 256 values in 8 or 16 groups, each with a small scale of its own that is itself a multiple of the
/// block's. Types that are not listed here are refused by name.
package enum GGUFTensorType: UInt32, Sendable, Hashable, CaseIterable {
    case float32 = 0
    case float16 = 1
    case q40 = 2
    case q41 = 3
    case q50 = 6
    case q51 = 7
    case q80 = 8
    case q2K = 10
    case q3K = 11
    case q4K = 12
    case q5K = 13
    case q6K = 14
    case bfloat16 = 30

    /// The name that people know it by: `Q4_1`, `Q6_K`, `BF16`.
    package var name: String {
        switch self {
        case .float32: "F32"
        case .float16: "F16"
        case .q40: "Q4_0"
        case .q41: "Q4_1"
        case .q50: "Q5_0"
        case .q51: "Q5_1"
        case .q80: "Q8_0"
        case .q2K: "Q2_K"
        case .q3K: "Q3_K"
        case .q4K: "Q4_K"
        case .q5K: "Q5_K"
        case .q6K: "Q6_K"
        case .bfloat16: "BF16"
        }
    }

    /// The values of one block; 1 where every value stands alone.
    package var blockLength: Int {
        switch self {
        case .float32, .float16, .bfloat16: 1
        case .q40, .q41, .q50, .q51, .q80: 32
        case .q2K, .q3K, .q4K, .q5K, .q6K: 256
        }
    }

    /// The bytes of one block.
    package var blockSize: Int {
        switch self {
        case .float32: 4
        case .float16, .bfloat16: 2
        case .q40: 2 + 16  // scale, 32 × 4 bits
        case .q41: 2 + 2 + 16  // scale, minimum, 32 × 4 bits
        case .q50: 2 + 4 + 16  // scale, 32 fifth bits, 32 × 4 bits
        case .q51: 2 + 2 + 4 + 16  // scale, minimum, 32 fifth bits, 32 × 4 bits
        case .q80: 2 + 32  // scale, 32 × 8 bits
        case .q2K: 16 + 64 + 2 + 2  // 16 scales with minima of 4 bits, 256 × 2 bits, scale, minimum
        case .q3K: 32 + 64 + 12 + 2  // 256 third bits, 256 × 2 bits, 16 scales of 6 bits, scale
        case .q4K: 2 + 2 + 12 + 128  // scale, minimum, 8 scales and 8 minima of 6 bits, 256 × 4 bits
        case .q5K: 2 + 2 + 12 + 32 + 128  // as Q4_K, with 256 fifth bits
        case .q6K: 128 + 64 + 16 + 2  // 256 × 4 bits, 256 × 2 bits, 16 scales of 8 bits, scale
        }
    }

    /// The bytes of `count` values, which are whole blocks; nil where that is more than an `Int` can say.
    package func byteCount(of count: Int) -> Int? {
        precondition(count.isMultiple(of: blockLength), "whole blocks are stored")
        let (bytes, overflow) = (count / blockLength).multipliedReportingOverflow(by: blockSize)
        return overflow ? nil : bytes
    }

    /// Names of types that exist and are not read, so that a refusal can name them.
    static let otherNames: [UInt32: String] = [
        9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
        22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
        35: "TQ2_0", 39: "MXFP4",
    ]
}
