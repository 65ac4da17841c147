/// The settings of a LoRA adapter (Hu et al., 2021), with PEFT's names and meaning.
package struct LoRAConfiguration: Sendable, Hashable {
    /// A projection of a decoder layer that can carry an adapter.
    package enum Target: String, Sendable, Hashable, CaseIterable {
        case query = "q_proj"
        case key = "k_proj"
        case value = "v_proj"
        case output = "o_proj"
        case gate = "gate_proj"
        case up = "up_proj"
        case down = "down_proj"
    }

    /// The rank r of the factors A [r, in] and B [out, r].
    package var rank: Int
    /// The numerator of the scaling alpha / r of the product BA.
    package var alpha: Double
    /// The probability with which a value of the adapter's input is dropped in training.
    package var dropout: Double
    /// The projections that carry an adapter.
    package var targets: Set<Target>

    package init(rank: Int = 8, alpha: Double = 16, dropout: Double = 0, targets: Set<Target>) {
        precondition(rank > 0, "a LoRA rank is positive")
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
        self.targets = targets
    }

    /// alpha / r.
    package var scaling: Double { alpha / Double(rank) }
}
