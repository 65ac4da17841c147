internal import CKernels

/// What the large products are computed in. Sums, norms, softmax, the adapter's own products, gradients and the optimiser
/// are 32-bit floats in any case.
package enum ProductPrecision: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats.
    case float32 = "fp32"
    /// Factors rounded to bfloat16, sums in 32-bit floats.
    case bfloat16 = "bf16"

    /// The fastest on this processor: bfloat16 where it has instructions for that.
    package static var fastest: ProductPrecision { murmur_kernel_level() >= 3 ? .bfloat16 : .float32 }
}
