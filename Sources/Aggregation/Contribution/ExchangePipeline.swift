package import Adapters
package import Basics

/// The way of adapters out of a peer and into it:
///
///     delta → stages (factors, privacy) → mixing.outgoing → encoding.encode → payload
///     payload → announced length → encoding.decode → gate → filters → mixing.mix → delta
///
/// A value with all that the stages of one peer keep. Which peers there are, and how payloads travel, it does not know.
package struct ExchangePipeline: Sendable {
    /// The stages, in their present state.
    private var policy: ExchangePolicy
    private let schema: AdapterSchema
    private let gate: ContributionGate

    /// A pipeline in its first state, for adapters of `schema`.
    package init(_ policy: ExchangePolicy, schema: AdapterSchema) {
        self.policy = policy
        self.schema = schema
        gate = ContributionGate(normLimit: policy.normLimit)
    }

    // MARK: - Out

    /// A contribution as it is published: its payload, whom it is for, and what those read in it.
    package struct Outgoing: Sendable {
        package let audience: MixingAudience
        package let payload: [UInt8]
        /// The number of the encoding.
        package let encoding: UInt16
        /// What receivers decode.
        package let delta: AdapterDelta
    }

    /// What the peer publishes in a round in which its adapter is `delta`.
    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [Outgoing] {
        precondition(delta.schema == schema, "a contribution has the swarm's schema")
        var delta = delta
        for index in policy.stages.indices { policy.stages[index].apply(to: &delta, in: round) }
        var contributions: [Outgoing] = []
        for share in policy.mixing.outgoing(delta, in: round) {
            precondition(share.header.count == policy.mixing.headerByteCount, "headers of a rule have one length")
            var sent = share
            var payload = share.header
            sent.delta = policy.encoding.encode(share.delta, for: share.audience, into: &payload)
            policy.mixing.sent(sent, in: round)
            contributions.append(
                Outgoing(
                    audience: share.audience, payload: payload, encoding: policy.encoding.number, delta: sent.delta))
        }
        return contributions
    }

    // MARK: - In

    /// Why a contribution that a manifest announces is not fetched; nil if it may be.
    package func refusal(encoding: UInt16, byteCount: Int) -> ContributionRefusal? {
        if encoding != policy.encoding.number { return .encoding(encoding) }
        let values = policy.encoding.byteCounts(for: schema)
        return values.contains(byteCount - policy.mixing.headerByteCount) ? nil : .announcedLength
    }

    /// What a neighbour's payload says, if it passes the gate.
    ///
    /// - Throws: `ContributionRefusal`.
    package mutating func open(
        _ payload: [UInt8], from origin: PeerID
    ) throws(ContributionRefusal) -> (header: [UInt8], delta: AdapterDelta) {
        let headerByteCount = policy.mixing.headerByteCount
        guard payload.count >= headerByteCount else { throw .announcedLength }
        let delta: AdapterDelta
        do throws(PayloadError) {
            delta = try policy.encoding.decode(payload[headerByteCount...], as: schema, from: origin)
        } catch {
            throw .payload(error)
        }
        try gate.check(delta)
        return (Array(payload.prefix(headerByteCount)), delta)
    }

    /// Whose contributions are waited for in a round.
    package func sources(in round: MixingRound) -> MixingAudience { policy.mixing.sources(in: round) }

    /// The peer's adapter after a round.
    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        let heard = filtered(heard, own: own, in: round)
        return policy.mixing.mix(own, with: heard, in: round)
    }

    /// What a peer that fell behind takes as its own; nil if it cannot take anything.
    package mutating func adopt(
        _ heard: [HeardShare], insteadOf own: AdapterDelta, in round: MixingRound
    ) -> AdapterDelta? {
        let heard = filtered(heard, own: own, in: round)
        return policy.mixing.adopt(heard, in: round)
    }

    private mutating func filtered(
        _ heard: [HeardShare], own: AdapterDelta, in round: MixingRound
    ) -> [HeardShare] {
        var heard = heard
        for index in policy.filters.indices { heard = policy.filters[index].filtered(heard, own: own, in: round) }
        return heard
    }

    // MARK: - State

    /// What the stages have to be given again when the peer's process starts anew; empty where they keep nothing. The
    /// lengths of the rule's and the encoding's state (4 each), then these.
    package var state: [UInt8] {
        let (mixing, encoding) = (policy.mixing.state, policy.encoding.state)
        guard !mixing.isEmpty || !encoding.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.append(integer: UInt32(mixing.count))
        bytes.append(integer: UInt32(encoding.count))
        return bytes + mixing + encoding
    }

    /// Takes over what `state` was.
    ///
    /// - Throws: `ExchangeStateError` where that is not a state of these stages.
    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard !state.isEmpty else { return }
        var reader = ByteReader(state)
        guard let mixing = reader.integer(UInt32.self), let encoding = reader.integer(UInt32.self),
            let mixingState = reader.bytes(count: Int(mixing)), let encodingState = reader.bytes(count: Int(encoding)),
            reader.isAtEnd
        else { throw ExchangeStateError(description: "the kept state of the exchange is cut short") }
        try policy.mixing.restore(mixingState)
        try policy.encoding.restore(encodingState)
    }
}
