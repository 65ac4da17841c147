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
        /// q, k and v in one, as Phi-3 has them.
        case queryKeyValue = "qkv_proj"
        /// gate and up in one, as Phi-3 has them.
        case gateUp = "gate_up_proj"
    }

    /// A value for the modules that `modules` names, of `rank_pattern` or `alpha_pattern`.
    package struct Exception<Value: Sendable & Hashable>: Sendable, Hashable {
        /// Which modules.
        package var modules: ModuleName
        /// Their value.
        package var value: Value

        package init(modules: ModuleName, value: Value) {
            self.modules = modules
            self.value = value
        }
    }

    /// The rank r of the factors A [r, in] and B [out, r].
    package var rank: Int
    /// The numerator of the scaling of the product BA.
    package var alpha: Double
    /// The probability with which a value of the adapter's input is dropped in training.
    package var dropout: Double
    /// The projections that carry an adapter, in every layer.
    package var targets: Set<Target>
    /// Single modules that carry an adapter as well, by suffix: `layers.0.self_attn.q_proj`.
    package var modules: [ModuleName] = []
    /// Whether the product is scaled by alpha / √r instead of alpha / r (Kalajdzievski, 2023).
    package var isRankStabilised = false
    /// Modules of another rank; the first that fits counts.
    package var rankExceptions: [Exception<Int>] = []
    /// Modules of another alpha; the first that fits counts.
    package var alphaExceptions: [Exception<Double>] = []

    package init(rank: Int = 8, alpha: Double = 16, dropout: Double = 0, targets: Set<Target>) {
        precondition(rank > 0, "a LoRA rank is positive")
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
        self.targets = targets
    }

    /// Whether `projection` carries an adapter.
    package func includes(_ projection: LoRAProjection) -> Bool {
        targets.contains(projection.target) || modules.contains { $0.fits(projection) }
    }

    /// The rank of the module at `projection`.
    package func rank(of projection: LoRAProjection) -> Int {
        rankExceptions.first { $0.modules.fits(projection) }?.value ?? rank
    }

    /// The alpha of the module at `projection`.
    package func alpha(of projection: LoRAProjection) -> Double {
        alphaExceptions.first { $0.modules.fits(projection) }?.value ?? alpha
    }

    /// What the product BA of the module at `projection` is multiplied with: alpha / r, or alpha / √r.
    package func scaling(of projection: LoRAProjection) -> Double {
        let rank = Double(rank(of: projection))
        // By the root, the product's size stays the same as ranks grow; by the rank itself it shrinks.
        return alpha(of: projection) / (isRankStabilised ? rank.squareRoot() : rank)
    }
}
