package import Adapters
package import Basics
import Overlay

/// The way of adapters out of a peer and into it:
///
///     delta → stages (factors, privacy) → mixing.outgoing → encoding or difference → payload
///     payload → announced length → decoding → gate → filters → mixing.mix → delta
///
/// A value with all that the stages of one peer keep. It is told whom a contribution was offered and who is gone, so that
/// it knows who has what a difference refers to. How payloads travel it does not know.
package struct ExchangePipeline: Sendable {
    /// The stages, in their present state.
    private var policy: ExchangePolicy
    private let schema: AdapterSchema
    private let gate: ContributionGate
    /// What neighbours have of this peer, and it of them. A peer that starts anew has nothing and gives what is whole; the
    /// mean does not depend on what anybody has.
    private var shared: SharedCopy?
    private var held: [PeerID: HeldCopy] = [:]
    private var precision = DifferencePrecision()

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

    /// What the peer publishes in a round in which its adapter is `delta` and the neighbours `present` are there.
    package mutating func outgoing(
        _ delta: AdapterDelta, in round: MixingRound, present: [PeerID] = []
    ) -> [Outgoing] {
        precondition(delta.schema == schema, "a contribution has the swarm's schema")
        var delta = delta
        for index in policy.stages.indices { policy.stages[index].apply(to: &delta, in: round) }
        if policy.sendsDifferences(whileSettling: round.isSettling) {
            return outgoingCopy(delta, in: round, present: present)
        }
        // Without differences adapters that have been rounded never agree.
        let isExact = round.isSettling && policy.encoding.number != SinglePrecision().number
        var contributions: [Outgoing] = []
        for share in policy.mixing.outgoing(delta, in: round) {
            precondition(share.header.count == policy.mixing.headerByteCount, "headers of a rule have one length")
            var sent = share
            let made = whole(share.delta, for: share.audience, after: share.header, in: round, isExact: isExact)
            sent.delta = made.delta
            policy.mixing.sent(sent, in: round)
            contributions.append(made)
        }
        if policy.differences != .never, let only = contributions.first, only.audience == .everyone {
            shared = SharedCopy(delta: only.delta, mark: DifferenceCoding.mark(of: only.delta))
        }
        return contributions
    }

    /// A contribution that can be read by itself.
    private mutating func whole(
        _ delta: AdapterDelta, for audience: MixingAudience, after header: [UInt8] = [], in round: MixingRound,
        isExact: Bool
    ) -> Outgoing {
        var payload = header
        var encoding: any PayloadEncoding = isExact ? SinglePrecision() : policy.encoding
        let seed = UInt64(round.roster.place) << 32 ^ UInt64(round.number)
        let read = encoding.encode(delta, seed: seed, into: &payload)
        if !isExact { policy.encoding = encoding }
        return Outgoing(audience: audience, payload: payload, encoding: encoding.number, delta: read)
    }

    /// The same copy for everybody: as a difference for those that have the last one, whole and exact for the others.
    private mutating func outgoingCopy(
        _ delta: AdapterDelta, in round: MixingRound, present: [PeerID]
    ) -> [Outgoing] {
        if shared == nil, round.number == 0 {
            // Before the first contribution everybody has the seed adapter.
            let nothing = AdapterDelta(zeroOf: schema)
            let members = Set(round.roster.members.map(\.id))
            shared = SharedCopy(delta: nothing, mark: DifferenceCoding.mark(of: nothing), holders: members)
        }
        let limits = SettlingLimits(
            consensusBound: policy.consensusBound, depth: round.roster.depth, rounds: 0, hasCopies: true)
        var contributions: [Outgoing] = []
        if let base = shared, present.contains(where: base.holders.contains),
            let coded = precision.coded(delta, after: base, whileSettling: round.isSettling, limits: limits)
        {
            contributions.append(
                Outgoing(
                    audience: .only(base.holders), payload: coded.payload, encoding: DifferenceCoding.number,
                    delta: coded.read))
            shared = SharedCopy(
                delta: coded.read, mark: coded.mark, holders: base.holders, isSelfContained: round.number == 0)
            let others = present.filter { !base.holders.contains($0) }
            if !others.isEmpty {
                contributions.append(whole(coded.read, for: .only(Set(others)), in: round, isExact: true))
            }
        } else {
            contributions.append(whole(delta, for: .everyone, in: round, isExact: true))
            shared = SharedCopy(delta: delta, mark: DifferenceCoding.mark(of: delta))
        }
        policy.mixing.sent(OutgoingShare(audience: .everyone, delta: contributions[0].delta), in: round)
        return contributions
    }

    /// Whether a neighbour lacks what the last contribution is the difference to.
    package func needsWhole(_ peer: PeerID) -> Bool {
        guard let shared else { return false }
        return !shared.isSelfContained && !shared.holders.contains(peer)
    }

    /// The last contribution once more, for a neighbour that cannot read it as it was; nil where there is nothing else than
    /// what everybody can read.
    package mutating func wholeContribution(for peer: PeerID, in round: MixingRound) -> Outgoing? {
        guard let shared, needsWhole(peer) else { return nil }
        return whole(shared.delta, for: .only([peer]), in: round, isExact: true)
    }

    /// The last contribution was offered to a neighbour.
    package mutating func offered(to peer: PeerID) { shared?.holders.insert(peer) }

    /// A neighbour may no longer have what it was offered.
    package mutating func lost(_ peer: PeerID) { shared?.holders.remove(peer) }

    // MARK: - In

    /// Why a contribution that a manifest announces is not fetched; nil if it may be.
    package func refusal(encoding: UInt16, byteCount: Int) -> ContributionRefusal? {
        let lengths: ClosedRange<Int>
        if encoding == policy.encoding.number {
            lengths = policy.encoding.byteCounts(for: schema)
        } else if encoding == SinglePrecision().number {
            lengths = SinglePrecision().byteCounts(for: schema)
        } else if encoding == DifferenceCoding.number, policy.sendsDifferences(whileSettling: true) {
            lengths = DifferenceCoding.byteCounts(for: schema)
        } else {
            return .encoding(encoding)
        }
        return lengths.contains(byteCount - policy.mixing.headerByteCount) ? nil : .announcedLength
    }

    /// What a neighbour's payload says, if it passes the gate.
    ///
    /// - Parameter sequence: the number of the contribution: what follows refers to the newest.
    /// - Throws: `ContributionRefusal`; `.unknownBase` where it can be read once something else has come.
    package mutating func open(
        _ payload: [UInt8], encoding: UInt16, sequence: UInt64, from origin: PeerID
    ) throws(ContributionRefusal) -> (header: [UInt8], delta: AdapterDelta) {
        if let refusal = refusal(encoding: encoding, byteCount: payload.count) { throw refusal }
        let headerByteCount = policy.mixing.headerByteCount
        let values = payload[headerByteCount...]
        let base = encoding == DifferenceCoding.number ? base(of: values, from: origin) : nil
        if encoding == DifferenceCoding.number, base == nil { throw .unknownBase }
        let copy: HeldCopy
        do throws(PayloadError) {
            if let base {
                let read = try DifferenceCoding.decoded(values, after: base)
                copy = HeldCopy(sequence: sequence, delta: read.delta, mark: read.mark)
            } else if encoding == policy.encoding.number {
                copy = HeldCopy(sequence: sequence, delta: try policy.encoding.decode(values, as: schema))
            } else {
                var exact = SinglePrecision()
                copy = HeldCopy(sequence: sequence, delta: try exact.decode(values, as: schema))
            }
        } catch {
            throw .payload(error)
        }
        try gate.check(copy.delta)
        if policy.differences != .never, held[origin].map({ $0.sequence < sequence }) ?? true { held[origin] = copy }
        return (Array(payload.prefix(headerByteCount)), copy.delta)
    }

    /// What a difference refers to: the newest of its origin that is here, or the seed adapter.
    private mutating func base(of payload: ArraySlice<UInt8>, from origin: PeerID) -> AdapterDelta? {
        guard let wanted = DifferenceCoding.baseMark(of: payload) else { return nil }
        if var copy = held[origin] {
            let mark = copy.mark ?? DifferenceCoding.mark(of: copy.delta)
            copy.mark = mark
            held[origin] = copy
            if mark == wanted { return copy.delta }
        }
        let nothing = AdapterDelta(zeroOf: schema)
        return DifferenceCoding.mark(of: nothing) == wanted ? nothing : nil
    }

    /// Forgets what came from a neighbour that takes part no more.
    package mutating func forget(_ peer: PeerID) {
        held[peer] = nil
        lost(peer)
    }

    /// The mass that the mixing rule holds; nil where it moves none.
    package var mass: MassAccount? { policy.mixing.mass }

    /// Whose contributions are waited for in a round.
    package func sources(in round: MixingRound) -> MixingAudience { policy.mixing.sources(in: round) }

    /// The peer's adapter after a round.
    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        let heard = filtered(heard, own: own, in: round)
        let outcome = policy.mixing.mix(own, with: heard, in: round)
        precision.disagreement = outcome.weights.isEmpty ? .infinity : outcome.disagreement
        return outcome
    }

    /// What a peer that fell behind takes as its own; nil if it cannot take anything.
    package mutating func adopt(
        _ heard: [HeardShare], insteadOf own: AdapterDelta, in round: MixingRound
    ) -> AdapterDelta? {
        let heard = filtered(heard, own: own, in: round)
        precision.restart()
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

    /// What the rule has to be given again when the peer's process starts anew; empty where it keeps nothing. The length of
    /// its state (4), four zeros, then this.
    package var state: [UInt8] {
        let mixing = policy.mixing.state
        guard !mixing.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.append(integer: UInt32(mixing.count))
        bytes.append(integer: UInt32(0))
        return bytes + mixing
    }

    /// Takes over what `state` was.
    ///
    /// - Throws: `ExchangeStateError` where that is not a state of these stages.
    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard !state.isEmpty else { return }
        var reader = ByteReader(state)
        guard let mixing = reader.integer(UInt32.self), reader.integer(UInt32.self) == 0,
            let mixingState = reader.bytes(count: Int(mixing)), reader.isAtEnd
        else { throw ExchangeStateError(description: "the kept state of the exchange is cut short") }
        try policy.mixing.restore(mixingState)
    }
}
