package import Adapters
package import Overlay

/// How a swarm exchanges adapters: what a peer sends, how it is encoded, what is let in and how it is averaged. All peers
/// of a swarm have the same.
///
/// The stages are values in their first state; `ExchangePipeline` runs them. The names are those of a topology file's
/// `exchange:` section: what has no name here is refused where the file is read.
package struct ExchangePolicy: Sendable {
    /// How peers average.
    package var mixing: any MixingRule = MetropolisMixing()
    /// Whether all peers count alike, whatever they hold; otherwise each counts its records, as in FedAvg.
    package var weighsUniformly = false
    /// Which factors are trained and exchanged.
    package var factors = Factors.both
    /// How many rows of every A and columns of every B hold the residual: the last of the adapter's. Zero for most modes.
    package var residualRank = 0
    /// What happens to what a peer exchanges before the mixing rule sees it, in this order: what privacy asks for. None by
    /// default.
    package var stages: [any OutgoingStage] = []
    /// Momentum over rounds; nil for none.
    package var outer: OuterMomentum?
    /// Whether local steps follow the mean gradient of the swarm: contributions hold sums of it beside the adapter.
    package var tracksGradients = false
    /// How peers come together in settling, and how they do it faster on the swarm's graph; nil where they only mix.
    package var settling = Settling.plain
    package var chebyshev: ChebyshevSettling?
    /// Whether the next round's local steps are taken while contributions are on their way.
    package var overlaps = false
    /// How values become bytes.
    package var encoding: any PayloadEncoding = SinglePrecision()
    /// When contributions are sent as differences to what receivers have, where the mixing rule allows it.
    package var differences = Differences.never
    /// The share of values that a difference holds in rounds with training, the largest of them; nil for all.
    package var topKShare: Double?
    /// What the peer may send in a round with training; nil for as much as it takes. Each peer has its own.
    package var budget: ExchangeBudget?
    /// The levels of compression between which a budget chooses, from the lightest.
    package var levels: [Compression] = []
    /// What looks at the contributions of a round before they are mixed, in this order. None by default.
    package var filters: [any ContributionFilter] = []
    /// The largest norm of a contribution that is mixed.
    package var normLimit = 1e6
    /// How many rounds apart a neighbour's contribution may be and still be mixed.
    package var staleness = 2
    /// The relative consensus distance at which the swarm is done.
    package var consensusBound = 1e-3

    /// Metropolis–Hastings weights from sample counts, both factors in single precision, nothing against liars but the gate.
    package init() {}

    /// When contributions are sent as differences.
    package enum Differences: Sendable, Hashable {
        case never, whileSettling, always
    }

    /// Whether a contribution of such a round is a difference.
    package func sendsDifferences(whileSettling isSettling: Bool) -> Bool {
        guard mixing.keepsMeanOfCopies else { return false }
        return switch differences {
        case .never: false
        case .whileSettling: isSettling
        case .always: isSettling || mixing.sharesWithEveryone
        }
    }

    /// Whether contributions of a round hold a sum of tracked gradients behind the adapter.
    package func holdsSum(in round: Int, rounds: Int) -> Bool {
        // After the last local steps there is nothing to correct.
        tracksGradients && round < rounds - 1
    }

    /// About how many bytes a contribution's payload has in a round; exact where the round has no differences.
    ///
    /// - Parameter level: what a budget led to, in rounds with training.
    package func payloadBytes(
        in round: Int, of factors: FactorExchange, rounds: Int, level: Compression? = nil
    ) -> Int {
        let (schema, isSettling) = (factors.schema(in: round), round >= rounds)
        if !isSettling, let level {
            return level == .differences
                ? DifferenceCoding.usualByteCount(for: schema) : level.encoding.byteCounts(for: schema).upperBound
        }
        // What came before does not hold the same values, or not all neighbours have it.
        let isFollowed = !isSettling || round > rounds || !factors.changesByRound && mixing.sharesWithEveryone
        if sendsDifferences(whileSettling: isSettling), isFollowed {
            return DifferenceCoding.usualByteCount(for: schema, share: isSettling ? 1 : topKShare ?? 1)
        }
        let values: any PayloadEncoding = isSettling ? SinglePrecision() : encoding
        let vectors = holdsSum(in: round, rounds: rounds) ? 2 : 1
        return mixing.headerByteCount + vectors * values.byteCounts(for: schema).upperBound
    }

    /// The most bytes that a payload of an adapter of `schema` can have, in any round.
    package func mostPayloadBytes(of schema: AdapterSchema) -> Int {
        var counts = [SinglePrecision().byteCounts(for: schema), encoding.byteCounts(for: schema)]
        if sendsDifferences(whileSettling: true) { counts.append(DifferenceCoding.byteCounts(for: schema)) }
        counts += levels.map { $0.encoding.byteCounts(for: schema) }
        // Sums are in the encoding of rounds with training.
        if tracksGradients { counts.append(encoding.byteCounts(for: schema).doubled) }
        return mixing.headerByteCount + counts.map(\.upperBound).max()!
    }

    /// How payloads with this number are read; nil for a number that no peer of the swarm may send. Where copies are rounded
    /// at all, each peer rounds its own as its budget asks for, and others read what comes.
    func encoding(numbered number: UInt16) -> (any PayloadEncoding)? {
        if number == encoding.number { return encoding }
        if number == SinglePrecision().number { return SinglePrecision() }
        guard sendsDifferences(whileSettling: true) else { return nil }
        return Compression.ladder.map(\.encoding).first { $0.number == number }
    }

    /// What a peer with so many records counts: at least one.
    package func weight(ofSampleCount count: Int) -> Int { weighsUniformly ? 1 : max(1, count) }
}

/// What there is to choose from, and its names. A new rule, encoding, filter or stage is registered here: a case, and what it
/// stands for. `planned` are the names that are kept for what is to come.
extension ExchangePolicy {
    /// How a peer averages what it has with what came.
    package enum Mixing: String, Sendable, Hashable, CaseIterable {
        case metropolis
        case pushSum = "push-sum"
        case pairwise
        case onePeerExponential = "one-peer-exponential"
        case onePeerBaseTwo = "one-peer-base-2"
        case allReduce = "all-reduce"

        package static let planned = ["epidemic"]

        var rule: any MixingRule {
            switch self {
            case .metropolis: MetropolisMixing()
            case .pushSum: PushSumMixing()
            case .pairwise: PairwiseMixing()
            case .onePeerExponential: OnePeerMixing<ExponentialTurns>()
            case .onePeerBaseTwo: OnePeerMixing<BaseTwoTurns>()
            case .allReduce: AllReduceMixing()
            }
        }

        /// An edge that the rule exchanges over and `graph` lacks; nil where it has all.
        package func missingEdge(in graph: SwarmGraph) -> SwarmGraph.Edge? {
            switch self {
            case .onePeerExponential: ExponentialTurns.missingEdge(in: graph)
            case .onePeerBaseTwo: BaseTwoTurns.missingEdge(in: graph)
            case .allReduce: AllReduceMixing.missingEdge(in: graph)
            case .metropolis, .pushSum, .pairwise: nil
            }
        }

        /// The family of graphs that has just the rule's edges; nil where any graph will do.
        package var graphKind: String? {
            switch self {
            case .onePeerExponential: "exponential"
            case .onePeerBaseTwo: "base-2"
            case .allReduce: "complete"
            case .metropolis, .pushSum, .pairwise: nil
            }
        }

        /// Whether neighbours may read rounded copies under this rule; else contributions are in single precision.
        package var allowsCopies: Bool { rule.keepsMeanOfCopies }

        /// Whether contributions of rounds with training may be differences to the one before, which all neighbours have.
        package var allowsDifferences: Bool { allowsCopies && rule.sharesWithEveryone && !rule.reduces }

        /// Whether values have to stand by themselves, so that peers can average slices of contributions that they do
        /// not have whole.
        package var averagesSlices: Bool { rule.reduces }
    }

    /// What a peer weighs in the average: its number of records, as in FedAvg, or as much as any other.
    package enum Weights: String, Sendable, Hashable, CaseIterable {
        case samples, uniform
    }

    /// Which LoRA factors are trained and exchanged.
    package typealias Factors = FactorMode

    /// How a contribution is made smaller.
    package enum Compression: String, Sendable, Hashable, CaseIterable {
        case none, bf16, int8, int4, differences
        case topK = "top-k"

        package static let planned: [String] = []

        /// The levels between which a budget chooses, from the lightest to the strongest.
        package static let ladder: [Compression] = [.bf16, .int8, .int4, .differences]

        /// What it does to a value, in words that follow its name.
        package var meaning: String {
            switch self {
            case .none: "single precision"
            case .bf16: "16 bits a value, and differences in settling"
            case .int8: "8 bits a value, and differences in settling"
            case .int4: "4 bits a value, and differences in settling"
            case .differences: "always, about three bits a value"
            case .topK: "differences of the values that changed most, `top-k-share` of all; peers mix more slowly"
            }
        }

        var encoding: any PayloadEncoding {
            switch self {
            case .none, .differences, .topK: SinglePrecision()
            case .bf16: BrainFloat()
            case .int8: BlockIntegers(.eight)
            case .int4: BlockIntegers(.four)
            }
        }

        var differences: Differences {
            switch self {
            case .none: .never
            case .bf16, .int8, .int4: .whileSettling
            case .differences, .topK: .always
            }
        }

        /// Whether contributions of rounds with training refer to those before.
        package var refersBack: Bool { differences == .always }
    }

    /// How peers come together in settling.
    package enum Settling: String, Sendable, Hashable, CaseIterable {
        case plain, chebyshev

        /// What it does, in words that follow its name.
        package var meaning: String {
            switch self {
            case .plain: "mixing as in rounds with training"
            case .chebyshev: "first so many rounds as the graph asks for go further than mixing takes them"
            }
        }
    }

    /// How contributions that lie are kept out, beyond the gate that every contribution passes.
    package enum Robustness: String, Sendable, Hashable, CaseIterable {
        case none

        package static let planned = ["clip", "centred-clipping", "median", "trimmed-mean", "krum"]

        var filters: [any ContributionFilter] {
            switch self {
            case .none: []
            }
        }
    }

    /// The policy of these names. With a budget, `compression` is the lightest of the levels between which it chooses.
    package init(
        mixing: Mixing, weights: Weights, factors: Factors, residualRank: Int = 0, compression: Compression,
        robustness: Robustness, budget: ExchangeBudget? = nil, topKShare: Double? = nil
    ) {
        self.mixing = mixing.rule
        if compression == .topK, mixing == .metropolis, let topKShare {
            self.topKShare = topKShare
            self.mixing = MetropolisMixing(pace: MetropolisMixing.pace(ofShare: topKShare))
        }
        weighsUniformly = weights == .uniform
        self.factors = factors
        self.residualRank = factors == .productResidual ? residualRank : 0
        // Rules that do not reckon with copies get single precision: push-sum's sums would lose what they are for.
        if self.mixing.keepsMeanOfCopies {
            encoding = compression.encoding
            // Of whom only slices are fetched, nobody has a copy that differences could refer to.
            differences = self.mixing.reduces ? .never : compression.differences
        }
        levels = budget == nil ? [] : Self.levels(from: compression, mixing: mixing, factors: factors)
        self.budget = levels.isEmpty ? nil : budget
        filters = robustness.filters
    }
}

extension FactorMode {
    /// Whether the mode goes with a mixing rule. Some rules keep sums over rounds, and products have been tried with the
    /// weights of one rule.
    package func goes(with mixing: ExchangePolicy.Mixing) -> Bool {
        switch self {
        case .both, .freezeA, .shareA: true
        case .product, .productResidual, .alternate: mixing == .metropolis
        }
    }

    /// Whether local steps may begin before a round is mixed: what mixing changes is added to their result afterwards, which
    /// is right where values are averaged one by one and the same ones in every round.
    package var goesWithOverlap: Bool {
        switch self {
        case .both, .freezeA: true
        case .shareA, .product, .productResidual, .alternate: false
        }
    }

    /// Whether the mode goes with a compression: differences refer to the round before, which must hold the same values, and
    /// products want copies that are near to the adapters.
    package func goes(with compression: ExchangePolicy.Compression) -> Bool {
        switch self {
        case .both, .freezeA, .shareA: true
        case .product, .productResidual: compression != .topK
        case .alternate: !compression.refersBack
        }
    }
}
