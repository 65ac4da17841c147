package import Aggregation

extension SwarmTopology {
    /// `exchange:` what peers send each other and how they mix it. What there is to choose from stands in `ExchangePolicy`.
    package struct Exchange: KeyedSection, Hashable {
        package typealias Mixing = ExchangePolicy.Mixing
        package typealias Weights = ExchangePolicy.Weights
        package typealias Factors = ExchangePolicy.Factors
        package typealias Compression = ExchangePolicy.Compression
        package typealias Robustness = ExchangePolicy.Robustness
        package typealias Settling = ExchangePolicy.Settling

        package var mixing = Mixing.metropolis
        package var weights = Weights.samples
        package var factors = Factors.both
        /// Nil: three times the adapter's rank.
        package var residualRank: Int?
        package var compression = Compression.bf16
        package var topKShare = 0.25
        /// Bytes a round; nil: as many as it takes.
        package var budget: Double?
        /// Bits a second; nil: a round may take as long to send as it takes.
        package var uplink: Double?
        package var robustness = Robustness.none
        /// Nil: none.
        package var outer: OuterMomentum?
        package var tracking = false
        package var settling = Settling.plain
        package var overlap = false
        package var staleness = 2
        package var consensusBound = 1e-3
        /// Every so many rounds; nil: never.
        package var gain: Int?
        package var gainRecords = 64
        /// Seconds; nil: neighbours that are away are not waited for, slow ones as long as lately.
        package var patience: Double?
        /// Seconds; nil: adaptive.
        package var roundDeadline: Double?

        package init() {}

        package static let defaults = Exchange()
        package static let keys: [SectionKey<Self>] = [
            .shared(
                "mixing", \.mixing, .choice(planned: Mixing.planned),
                "How a peer averages what it has with what came.", "`docs/mathematics.md` tells it."),
            .shared(
                "weights", \.weights, .choice(), "What a peer weighs in the average.",
                "`samples`: its number of records, as in FedAvg; `uniform`: as much as any other."),
            .shared(
                "factors", \.factors, .choice(planned: Factors.planned),
                "Which LoRA factors are trained and exchanged, and whether their products are averaged.",
                Factors.allCases.map { "`\($0.rawValue)`: \($0.meaning). " }.joined()
                    + "`docs/mathematics.md`, \"Factors\"."),
            .shared(
                "residual-rank", \.residualRank, .optional(.rank), "The rank of what is kept beside the adapter.",
                "Contributions and adapters have this rank more. What it cannot hold either is lost."
            ).otherwise("three times the rank").only(for: "factors: product-residual") {
                $0.factors == .productResidual
            },
            .shared(
                "compression", \.compression, .choice(planned: Compression.planned),
                "How a contribution is made smaller.",
                Compression.allCases.map { "`\($0.rawValue)`: \($0.meaning). " }.joined()
                    + "`docs/mathematics.md`, \"Copies\"."),
            .shared(
                "top-k-share", \.topKShare, .number(0.001...0.5),
                "The share of values that a contribution of `top-k` holds.",
                "Peers take of their neighbours twice this share of what the average says: small shares mix slowly. "
                    + "`docs/mathematics.md`, \"Copies\"."
            ).only(for: "compression: top-k") { $0.compression == .topK },
            .local(
                "budget", \.budget, .optional(.byteCount),
                "What a peer sends in a round with training at most, to all neighbours together.",
                "It takes the lightest level of compression that fits, from `compression` on: bf16, int8, int4, "
                    + "differences. What is lost and sent again comes on top. `docs/mathematics.md`, \"A budget\"."
            ).otherwise("none"),
            .local(
                "uplink", \.uplink, .optional(.bitRate),
                "What a peer can send: its contributions take no longer than its local steps took.",
                "Chooses a level as `budget` does; with both, the smaller one counts."
            ).otherwise("none"),
            .shared(
                "robustness", \.robustness,
                .choice(planned: Robustness.planned),
                "How contributions that lie are kept out.",
                "Beyond the gate that every contribution passes: right length, finite, bounded norm."),
            .shared(
                "outer", \.outer, .outer, "Momentum over rounds: DiLoCo's outer optimiser without a server.",
                "A peer goes on with the average and so much of its own last move. `momentum` is what is left of a move a "
                    + "round later (0.5 unless given), `rate` what is taken of local steps (1). "
                    + "`docs/mathematics.md`, \"Outer momentum\"."),
            .shared(
                "tracking", \.tracking, .flag,
                "Whether local steps follow the mean gradient of all peers, and not that of the own records alone.",
                "Contributions of rounds with training are twice as long: a sum of gradients travels beside the adapter. "
                    + "For peers with unequal records on sparse graphs. `docs/mathematics.md`, \"Gradient tracking\"."),
            .shared(
                "settling", \.settling, .choice(),
                "How peers that only mix come together, after the last round with training.",
                Settling.allCases.map { "`\($0.rawValue)`: \($0.meaning). " }.joined()
                    + "It pays on sparse graphs, and `murmur topology audit` says by how much. "
                    + "`docs/mathematics.md`, \"Settling faster\"."),
            .shared(
                "overlap", \.overlap, .flag,
                "Whether peers train on while contributions are on their way.",
                "A round takes the longer of training and sending, not their sum; what came is added one round later. "
                    + "`docs/mathematics.md`, \"Overlap\"."),
            .shared(
                "staleness", \.staleness, .integer(0...1000),
                "How many rounds apart a neighbour's contribution may be and still be mixed.",
                "A peer that is further behind takes its neighbours' mean as its own."),
            .shared(
                "consensus-bound", \.consensusBound, .number(1e-6..<1),
                "The relative distance from the mean at which the swarm is done."),
            .shared(
                "gain", \.gain, .optional(.integer(1...1_000_000)),
                "Every how many rounds each peer measures what it gained from whom, on its `data.validation`.",
                "It tells the others a count and mean losses, nothing of the records; all of them show the matrix. "
                    + "`docs/fedit.md`, \"Who gained from whom\"."
            ).otherwise("never"),
            .local(
                "gain-records", \.gainRecords, .integer(1...10_000),
                "On how many validation records gains are measured, at most.",
                "They are gone through once for each neighbour, and three times more."
            ).only(for: "a swarm that measures gains: give gain") { $0.gain != nil },
            .shared(
                "patience", \.patience, .optional(.number(above: 0, to: 604_800, unit: "seconds")),
                "How long rounds wait for a neighbour that is away, or slower than it was.",
                "For few peers whose every round counts: a network that is down for minutes, a restart. Without it, "
                    + "rounds with training go on without who is away."
            ).otherwise("none"),
            .local(
                "round-deadline", \.roundDeadline, .optional(.number(above: 0, to: 604_800, unit: "seconds")),
                "How long a peer at most waits for neighbours after its own training.",
                "Too short a deadline makes a slow peer's work be passed over."
            ).otherwise("adaptive"),
        ]
    }
}

extension SwarmTopology.Exchange {
    /// The section, with what follows from its keys together: rules that allow no copies send single precision, and
    /// some factors go with some rules only.
    static func readTogether(_ place: TopologyValue) throws -> Self {
        var exchange = try Self.read(place)
        try refuseFactors(of: exchange, place)
        try refuseSlices(of: exchange, place)
        try refuseBudget(of: exchange, place)
        try refuseOuter(of: exchange, place)
        try refuseTracking(of: exchange, place)
        try refuseSettling(of: exchange, place)
        let compression = try place.section(keys: Self.keys.map(\.name))["compression"]
        if exchange.mixing.allowsCopies {
            if let compression, exchange.compression.refersBack, !exchange.mixing.allowsDifferences {
                throw compression.error(
                    "\"\(exchange.compression.rawValue)\" does not go with mixing: \(exchange.mixing.rawValue), under which neighbours do not "
                        + "all have the last contribution; give bf16, int8, int4 or none")
            }
            return exchange
        }
        if let compression, exchange.compression != .none {
            throw compression.error(
                "\"\(exchange.compression.rawValue)\" does not go with mixing: \(exchange.mixing.rawValue), which sends "
                    + "single precision; give none, or leave it out")
        }
        exchange.compression = .none
        return exchange
    }

    /// Peers that average slices have nobody's contribution whole, and values must stand by themselves.
    private static func refuseSlices(of exchange: Self, _ place: TopologyValue) throws {
        guard exchange.mixing.averagesSlices else { return }
        let keys = try place.section(keys: Self.keys.map(\.name))
        let name = "mixing: \(exchange.mixing.rawValue)"
        if let key = keys["compression"], ![.none, .bf16].contains(exchange.compression) {
            throw key.error(
                "\"\(exchange.compression.rawValue)\" does not go with \(name), under which peers average slices of values "
                    + "that stand by themselves; give bf16 or none")
        }
        for name in ["budget", "uplink"] {
            guard let key = keys[name] else { continue }
            throw key.error(
                "\(name) does not go with mixing: \(exchange.mixing.rawValue), which has no stronger level than bf16")
        }
        if exchange.overlap, let key = keys["overlap"] {
            throw key.error("overlap does not go with \(name), with which it was not tried")
        }
        if exchange.gain != nil, let key = keys["gain"] {
            throw key.error(
                "gain is measured on neighbours' contributions, which do not arrive whole with \(name); give metropolis"
            )
        }
    }

    /// A budget chooses between levels of compression: there have to be some.
    private static func refuseBudget(of exchange: Self, _ place: TopologyValue) throws {
        let keys = try place.section(keys: Self.keys.map(\.name))
        for name in ["budget", "uplink"] {
            guard let key = keys[name] else { continue }
            guard exchange.mixing.allowsCopies else {
                throw key.error(
                    "\(name) does not go with mixing: \(exchange.mixing.rawValue), which sends single precision only")
            }
            guard exchange.compression != .none else {
                throw key.error(
                    "\(name) does not go with compression: none, under which the swarm agrees to the last bit; leave "
                        + "compression out, or give the lightest level that \(name) may choose")
            }
            let levels = ExchangePolicy.levels(
                from: exchange.compression, mixing: exchange.mixing, factors: exchange.factors)
            guard levels.count > 1 else {
                throw key.error(
                    "\(name) has nothing to choose from: after compression: \(exchange.compression.rawValue) there is no "
                        + "stronger level"
                        + (exchange.compression.refersBack
                            ? ""
                            : " with mixing: \(exchange.mixing.rawValue) and factors: \(exchange.factors.rawValue)"))
            }
        }
    }

    private static func refuseOuter(of exchange: Self, _ place: TopologyValue) throws {
        guard exchange.outer != nil, let outer = try place.section(keys: Self.keys.map(\.name))["outer"],
            let obstacle = OuterMomentum.obstacle(
                mixing: exchange.mixing, factors: exchange.factors, compression: exchange.compression,
                overlaps: exchange.overlap)
        else { return }
        throw outer.error("outer does not go with \(obstacle)")
    }

    private static func refuseTracking(of exchange: Self, _ place: TopologyValue) throws {
        guard exchange.tracking, let tracking = try place.section(keys: Self.keys.map(\.name))["tracking"],
            let obstacle = GradientTracking.obstacle(
                mixing: exchange.mixing, factors: exchange.factors, compression: exchange.compression,
                hasOuter: exchange.outer != nil, hasBudget: exchange.budget != nil || exchange.uplink != nil,
                overlaps: exchange.overlap)
        else { return }
        throw tracking.error("tracking does not go with \(obstacle)")
    }

    private static func refuseSettling(of exchange: Self, _ place: TopologyValue) throws {
        guard exchange.settling == .chebyshev,
            let settling = try place.section(keys: Self.keys.map(\.name))["settling"],
            let obstacle = ChebyshevSettling.obstacle(mixing: exchange.mixing, factors: exchange.factors)
        else { return }
        throw settling.error("chebyshev does not go with \(obstacle)")
    }

    private static func refuseFactors(of exchange: Self, _ place: TopologyValue) throws {
        let keys = try place.section(keys: Self.keys.map(\.name))
        if exchange.overlap, !exchange.factors.goesWithOverlap, let overlap = keys["overlap"] {
            throw overlap.error(
                "overlap goes with factors: both or freeze-a, not with \(exchange.factors.rawValue)")
        }
        guard let factors = keys["factors"] else { return }
        let name = "\"\(exchange.factors.rawValue)\""
        if !exchange.factors.goes(with: exchange.mixing) {
            throw factors.error("\(name) goes with mixing: metropolis only, not with \(exchange.mixing.rawValue)")
        }
        if !exchange.factors.goes(with: exchange.compression) {
            throw factors.error(
                "\(name) does not go with compression: \(exchange.compression.rawValue), "
                    + (exchange.factors == .alternate
                        ? "whose differences refer to the round before: that held the other factor"
                        : "whose copies are too far behind the adapters for products"))
        }
    }
}
