package import Adapters

/// What a peer may send in a round with training, to all its neighbours together. It keeps to it by taking the lightest
/// level of compression that fits.
///
/// Every peer has a budget of its own: a contribution names its encoding, and neighbours read all of them. In settling it
/// does not hold: how finely differences are rounded there follows from the proof of agreement.
package struct ExchangeBudget: Sendable, Hashable {
    /// Bytes a round; nil where only the uplink counts.
    package var bytes: Int?
    /// Bits a second that the peer can send; nil where only bytes count. Contributions may take as long to send as the
    /// round's local steps took.
    package var uplink: Double?

    /// - Returns: nil where there is neither.
    package init?(bytes: Int?, uplink: Double?) {
        guard bytes != nil || uplink != nil else { return nil }
        self.bytes = bytes
        self.uplink = uplink
    }

    /// Bytes that may be sent in a round whose local steps took so long; none where there is an uplink and nobody has
    /// measured yet how long they take.
    package func limit(training: Duration?) -> Int {
        let seconds = training.map { Double($0.components.seconds) + Double($0.components.attoseconds) * 1e-18 } ?? 0
        // More than any payload, and far from the largest integer.
        let sendable = uplink.map { min(1e15, $0 / 8 / Self.datagramFactor * seconds) } ?? 1e15
        return min(bytes ?? .max, Int(sendable))
    }

    /// What the headers of UDP and IP add to datagrams of the size that fits into an Ethernet frame.
    package static let datagramFactor = 1.02
    /// What a contribution takes besides its payload: the signed manifest, and what goes with it.
    package static let bytesOfManifest = 330.0
    /// Bytes sent a byte of a payload at most: packets' own bytes, padding, and the acknowledgements that come back.
    package static let packetFactor = 1.076

    /// Bytes of datagrams that carry a payload to one neighbour, at most, where nothing is lost.
    static func cost(ofPayload count: Int) -> Int { Int(bytesOfManifest + packetFactor * Double(count)) }
}

/// Who is to get a contribution, as far as its price depends on it.
package struct ContributionReaders: Sendable, Hashable {
    /// How many neighbours get it.
    package var count: Int
    /// How many of them have the last one, so that a difference says enough; the others need the whole.
    package var following: Int

    package init(count: Int, following: Int) {
        self.count = count
        self.following = following
    }
}

/// The level of compression that a budget led to in a round.
package struct CompressionChoice: Sendable, Hashable {
    /// The level.
    package var level: ExchangePolicy.Compression
    /// Bytes of datagrams that carry the contribution to all neighbours, about.
    package var bytes: Int
    /// What the budget allows.
    package var limit: Int

    /// Whether the budget is kept.
    package var fits: Bool { bytes <= limit }
}

extension ExchangePolicy {
    /// The levels between which a budget chooses, from the lightest, `lightest`, to the strongest. Differences need
    /// neighbours that all have the last contribution, of the same values.
    package static func levels(
        from lightest: Compression, mixing: Mixing, factors: Factors
    ) -> [Compression] {
        guard mixing.allowsCopies else { return [] }
        return Compression.ladder.drop { $0 != lightest }.filter { level in
            level != .differences || mixing.allowsDifferences && factors.goes(with: level)
        }
    }

    /// The lightest of the levels whose contribution keeps within `limit` bytes; the cheapest where none does. Nil where
    /// there is no budget.
    package func choice(
        for schema: AdapterSchema, readers: ContributionReaders, limit: Int
    ) -> CompressionChoice? {
        guard budget != nil else { return nil }
        let choices = levels.map { level in
            CompressionChoice(level: level, bytes: Self.bytes(of: level, for: schema, readers: readers), limit: limit)
        }
        return choices.first(where: \.fits) ?? choices.min { $0.bytes < $1.bytes }
    }

    /// Bytes of datagrams that carry a contribution of a level to all its readers, about.
    private static func bytes(
        of level: Compression, for schema: AdapterSchema, readers: ContributionReaders
    ) -> Int {
        guard level == .differences else {
            let payload = level.encoding.byteCounts(for: schema).upperBound
            return readers.count * ExchangeBudget.cost(ofPayload: payload)
        }
        let whole = SinglePrecision().byteCounts(for: schema).upperBound
        return readers.following * ExchangeBudget.cost(ofPayload: DifferenceCoding.usualByteCount(for: schema))
            + (readers.count - readers.following) * ExchangeBudget.cost(ofPayload: whole)
    }
}
