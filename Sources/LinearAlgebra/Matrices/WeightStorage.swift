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

    /// Values that share a scale; rows consist of whole blocks.
    package var blockLength: Int { isBlocks ? 32 : 1 }

    /// Whether values lie in blocks of a row.
    package var isBlocks: Bool {
        switch self {
        case .float32, .bfloat16, .int8: false
        case .q40, .q41, .q80, .q81: true
        }
    }

    /// The bytes of `count` values, without scales.
    package func bytes(of count: Int) -> Int {
        switch self {
        case .float32: 4 * count
        case .bfloat16: 2 * count
        case .int8, .q80, .q81: count
        case .q40, .q41: count / 2
        }
    }

    /// The bytes of the scales of some rows, minima included.
    package func scaleBytes(rows: Int, columns: Int) -> Int {
        switch self {
        case .float32, .bfloat16: 0
        case .int8: 4 * rows
        case .q40, .q80: rows * columns / 16
        case .q41, .q81: rows * columns / 8
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

        /// How matrices keep them.
        package var storage: WeightStorage {
            switch self {
            case .q40: .q40
            case .q41: .q41
            case .q50, .q80: .q80
            case .q51: .q81
            }
        }

        /// The bytes of a block of 32 values in the file.
        package var blockSize: Int {
            switch self {
            case .q40: 18
            case .q41: 20
            case .q50: 22
            case .q51: 24
            case .q80: 34
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
    package var count: Int { bytes.count / format.blockSize * 32 }

    /// Whether all scales and minima are finite numbers: then all values are.
    package var isFinite: Bool {
        let halves = format == .q41 || format == .q51 ? 2 : 1
        for start in stride(from: 0, to: bytes.count, by: format.blockSize) {
            // The exponent's bits are all set in what is infinite and in what is not a number.
            for half in 0..<halves where bytes[start + 2 * half + 1] & 0x7c == 0x7c { return false }
        }
        return true
    }
}
