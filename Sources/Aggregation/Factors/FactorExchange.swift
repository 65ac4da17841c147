package import Adapters

/// What becomes of the two factors of LoRA modules. docs/mathematics.md, "Factors".
package enum FactorMode: String, Sendable, Hashable, CaseIterable {
    /// A and B travel in every round and are averaged, as FedIT does.
    case both
    /// The same values travel; they are averaged as products (`FactorLayout.merge`).
    case product
    /// As `product`; what the rank cannot hold is kept in further rows of A and columns of B, which are not trained.
    case productResidual = "product-residual"
    /// B in even rounds, A in odd ones (RoLoRA): of B = 0 the gradient of A is zero, so that B begins.
    case alternate
    /// A stays the seed adapter's; B is trained and travels (FFA-LoRA).
    case freezeA = "freeze-a"
    /// Both are trained, A travels, every peer keeps a B of its own (FedSA-LoRA).
    case shareA = "share-a"

    package static let planned: [String] = []

    /// Whether products are averaged and cut.
    package var averagesProducts: Bool { self == .product || self == .productResidual }

    /// What is exchanged, in words that follow its name.
    package var meaning: String {
        switch self {
        case .both: "A and B, each averaged"
        case .product: "both; the products BA are averaged and cut to the rank"
        case .productResidual: "as product; what is cut off is kept beside, in `residual-rank` more rows and columns"
        case .alternate: "B in even rounds, A in odd ones"
        case .freezeA: "B; A stays as it began"
        case .shareA: "A; each peer has a B of its own"
        }
    }
}

/// Which LoRA factors of a swarm are trained in a round, and which travel. It follows from the mode and the round's number,
/// so that all peers agree, and a contribution's round says what is in it.
package struct FactorExchange: Sendable {
    package let mode: FactorMode
    /// How many of the last rows of every A and columns of every B are not trained: those of the residual.
    package let residualRank: Int
    /// Rounds with training.
    private let rounds: Int
    private let whole: AdapterSchema
    private let onlyA: AdapterSchema
    private let onlyB: AdapterSchema

    /// - Parameters:
    ///   - schema: of the whole adapter, with its residual.
    ///   - rounds: rounds with training; settling rounds follow.
    package init(_ mode: FactorMode, schema: AdapterSchema, rounds: Int, residualRank: Int = 0) {
        self.mode = mode
        self.residualRank = residualRank
        self.rounds = rounds
        whole = schema
        onlyA = schema.part(.a)
        onlyB = schema.part(.b)
    }

    /// What is trained in a round.
    package func trained(in round: Int) -> LoRAFactors {
        switch mode {
        case .both, .product, .productResidual, .shareA: .both
        case .freezeA: .b
        case .alternate: round % 2 == 0 ? .b : .a
        }
    }

    /// What travels in a round. In settling rounds of `alternate` both do: peers differ in both by then, and agreement is
    /// on the whole adapter.
    package func travelling(in round: Int) -> LoRAFactors {
        switch mode {
        case .both, .product, .productResidual: .both
        case .freezeA: .b
        case .shareA: .a
        case .alternate: round < rounds ? trained(in: round) : .both
        }
    }

    /// What a contribution of a round consists of.
    package func schema(in round: Int) -> AdapterSchema { schema(of: travelling(in: round)) }

    /// What contributions consist of, all rounds together: all that peers agree on in the end.
    package var shared: AdapterSchema {
        switch mode {
        case .both, .product, .productResidual, .alternate: whole
        case .freezeA: onlyB
        case .shareA: onlyA
        }
    }

    /// The same by parts that may come in different contributions.
    var parts: [AdapterSchema] { mode == .alternate ? [onlyA, onlyB] : [shared] }

    /// Whether a contribution of round `other` holds all that is mixed in `round`.
    package func serves(_ other: Int, in round: Int) -> Bool {
        travelling(in: other).isSuperset(of: travelling(in: round))
    }

    /// Whether contributions of different rounds hold different values.
    package var changesByRound: Bool { mode == .alternate }

    /// The adapter after local steps, with what was not to be trained as it was before.
    package func keepingFrozen(_ after: AdapterDelta, of before: AdapterDelta, in round: Int) -> AdapterDelta {
        let frozen = whole.frozenRanges(factors: trained(in: round), residualRank: residualRank)
        guard !frozen.isEmpty else { return after }
        var values = after.values
        for range in frozen { values.replaceSubrange(range, with: before.values[range]) }
        return AdapterDelta(schema: after.schema, values: values)
    }

    private func schema(of factors: LoRAFactors) -> AdapterSchema {
        factors == .both ? whole : factors == .a ? onlyA : onlyB
    }
}
