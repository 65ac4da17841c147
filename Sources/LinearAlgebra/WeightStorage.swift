internal import CKernels

/// How a frozen weight lies in memory.
package enum WeightStorage: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats.
    case float32 = "fp32"
    /// bfloat16: half the memory; exact where the checkpoint is bfloat16 itself.
    case bfloat16 = "bf16"
    /// 8-bit integers with one scale a row, the row's largest magnitude by 127: a quarter of the memory.
    case int8

    /// The bytes of a value.
    var size: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .int8: 1
        }
    }

    /// What the kernels call it.
    var kind: Int32 {
        switch self {
        case .float32: Int32(MURMUR_FLOAT32)
        case .bfloat16: Int32(MURMUR_BFLOAT16)
        case .int8: Int32(MURMUR_INT8)
        }
    }
}
