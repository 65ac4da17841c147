import CKernels

/// How a frozen weight lies in memory.
package enum WeightStorage: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats.
    case float32 = "fp32"
    /// bfloat16: half the memory; exact where the checkpoint is bfloat16 itself.
    case bfloat16 = "bf16"
    /// 8-bit integers with one scale a row, the row's largest magnitude by 127: a quarter of the memory.
    case int8
    /// Blocks of 32 values of four bits with a scale in half precision: 4.5 bits a value. As llama.cpp's type of the name.
    case q40 = "q4_0"
    /// The same with a minimum beside the scale: 5 bits.
    case q41 = "q4_1"
    /// Blocks of 32 values of eight bits with a scale: 8.5 bits.
    case q80 = "q8_0"
    /// The same with a minimum beside the scale: 9 bits. llama.cpp's type of the name keeps a sum there.
    case q81 = "q8_1"
    /// Blocks of 256 values of two bits with 16 scales and minima of four bits: 2.625 bits. As all K types llama.cpp's.
    case q2K = "q2_k"
    /// Three bits with 16 scales, each kept in a byte: 3.5625 bits.
    case q3K = "q3_k"
    /// Four bits with 8 scales and minima, each kept in a byte: 4.625 bits.
    case q4K = "q4_k"
    /// The same with five bits: 5.625 bits.
    case q5K = "q5_k"
    /// Six bits with 16 scales of eight bits: 6.5625 bits.
    case q6K = "q6_k"

    /// The values of a block; rows consist of whole blocks.
    package var blockLength: Int {
        switch self {
        case .float32, .bfloat16, .int8: 1
        case .q40, .q41, .q80, .q81: 32
        case .q2K, .q3K, .q4K, .q5K, .q6K: 256
        }
    }

    /// Whether values lie in blocks of a row.
    package var isBlocks: Bool { blockLength > 1 }

    /// The bytes of `count` values, without scales.
    package func bytes(of count: Int) -> Int {
        switch self {
        case .float32: 4 * count
        case .bfloat16: 2 * count
        case .int8, .q80, .q81: count
        case .q40, .q41, .q4K: count / 2
        case .q2K: count / 4
        case .q3K: count * 3 / 8
        case .q5K: count * 5 / 8
        case .q6K: count * 3 / 4
        }
    }

    /// The bytes of the scales of some rows, minima included.
    package func scaleBytes(rows: Int, columns: Int) -> Int {
        switch self {
        case .float32, .bfloat16: 0
        case .int8: 4 * rows
        case .q40, .q80: rows * columns / 16
        case .q41, .q81: rows * columns / 8
        case .q2K, .q4K, .q5K: rows * columns / 256 * 20
        case .q3K, .q6K: rows * columns / 256 * 18
        }
    }

    /// What the kernels call it.
    var kind: Int32 {
        switch self {
        case .float32: Int32(MURMUR_FLOAT32)
        case .bfloat16: Int32(MURMUR_BFLOAT16)
        case .int8: Int32(MURMUR_INT8)
        case .q40: Int32(MURMUR_Q4_0)
        case .q41: Int32(MURMUR_Q4_1)
        case .q80: Int32(MURMUR_Q8_0)
        case .q81: Int32(MURMUR_Q8_1)
        case .q2K: Int32(MURMUR_Q2_K)
        case .q3K: Int32(MURMUR_Q3_K)
        case .q4K: Int32(MURMUR_Q4_K)
        case .q5K: Int32(MURMUR_Q5_K)
        case .q6K: Int32(MURMUR_Q6_K)
        }
    }
}

/// Rows of a weight in the blocks in which a GGUF file has them, block after block.
package struct WeightBlocks: Sendable {
    /// The types whose blocks are kept, by their numbers in the file. Five-bit values are kept in eight bits.
    package enum Format: Int32, Sendable, Hashable, CaseIterable {
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

        /// How matrices keep them.
        package var storage: WeightStorage {
            switch self {
            case .q40: .q40
            case .q41: .q41
            case .q50, .q80: .q80
            case .q51: .q81
            case .q2K: .q2K
            case .q3K: .q3K
            case .q4K: .q4K
            case .q5K: .q5K
            case .q6K: .q6K
            }
        }

        /// The values of a block.
        package var blockLength: Int { storage.blockLength }

        /// The bytes of a block in the file.
        package var blockSize: Int {
            switch self {
            case .q40: 18
            case .q41: 20
            case .q50: 22
            case .q51: 24
            case .q80: 34
            case .q2K: 84
            case .q3K: 110
            case .q4K: 144
            case .q5K: 176
            case .q6K: 210
            }
        }

        /// Where a block's numbers in half precision stand: its scale, and the minimum of those that have one.
        package var halves: [Int] {
            switch self {
            case .q40, .q50, .q80: [0]
            case .q41, .q51, .q4K, .q5K: [0, 2]
            case .q2K: [80, 82]
            case .q3K: [108]
            case .q6K: [208]
            }
        }
    }

    package let format: Format
    package let bytes: [UInt8]

    package init(format: Format, bytes: [UInt8]) {
        precondition(bytes.count.isMultiple(of: format.blockSize), "whole blocks")
        self.format = format
        self.bytes = bytes
    }

    /// The number of values.
    package var count: Int { bytes.count / format.blockSize * format.blockLength }

    /// Whether all scales and minima are finite numbers: then all values are.
    package var isFinite: Bool {
        let halves = format.halves
        for start in stride(from: 0, to: bytes.count, by: format.blockSize) {
            // The exponent's bits are all set in what is infinite and in what is not a number.
            for half in halves where bytes[start + half + 1] & 0x7c == 0x7c { return false }
        }
        return true
    }
}
