package import Adapters
package import Basics
import Overlay

/// The way of adapters out of a peer and into it:
///
///     delta → factors that travel → stages (privacy) → mixing.outgoing → encoding or difference → payload
///     payload → announced length → decoding → gate → filters → mixing.mix → product of factors → delta
///
/// Where gradients are tracked, a second vector goes the same way beside the adapter (`TrackingStep`).
///
/// A value with all that the stages of one peer keep. It is told whom a contribution was offered and who is gone, so that
/// it knows who has what a difference refers to. How payloads travel it does not know.
package struct ExchangePipeline: Sendable {
    /// The stages, in their present state.
    var policy: ExchangePolicy
    private let schema: AdapterSchema
    /// Which factors are trained and exchanged, round by round.
    package let factors: FactorExchange
    /// Where the factors are; nil for adapters that are no LoRA adapters.
    private let layout: FactorLayout?
    let gate: ContributionGate
    /// For sums over rounds, which are longer than adapters.
    private let sumGate: ContributionGate
    /// Momentum over rounds; nil for none.
    private var outer: OuterStep?
    /// What the swarm's gradients were; nil where nobody tracks them.
    private var tracking: TrackingStep?
    /// Rounds with training.
    private let rounds: Int
    /// How settling is made faster; nil where peers only mix.
    private var chebyshev: ChebyshevStep?
    /// What neighbours have of this peer, and it of them. A peer that starts anew has nothing and gives what is whole; the
    /// mean does not depend on what anybody has.
    private var shared: SharedCopy?
    private var held: [PeerID: HeldCopy] = [:]
    private var precision = DifferencePrecision()
    /// The level of compression that the budget led to in the last round; nil where there is none to choose, and in settling.
    package private(set) var choice: CompressionChoice?
    /// What the last mixing lost; nil where that is not known.
    package internal(set) var loss: FactorLoss?

    /// A pipeline in its first state, for adapters of `schema`.
    ///
    /// - Parameters:
    ///   - layout: where the factors are in an adapter of `schema`.
    ///   - rounds: rounds with training.
    package init(_ policy: ExchangePolicy, schema: AdapterSchema, layout: FactorLayout? = nil, rounds: Int = .max) {
        self.policy = policy
        self.schema = schema
        self.layout = layout
        factors = FactorExchange(
            policy.factors, schema: schema, rounds: rounds, residualRank: policy.residualRank)
        gate = ContributionGate(normLimit: policy.normLimit)
        sumGate = ContributionGate(normLimit: Self.roundsOfSums * policy.normLimit)
        outer = policy.outer.map(OuterStep.init)
        // All rounds with training exchange the same values.
        tracking = policy.tracksGradients ? TrackingStep(factors.schema(in: 0)) : nil
        self.rounds = rounds
        chebyshev = policy.chebyshev.map(ChebyshevStep.init)
    }

    /// A sum of gradients is no longer than so many adapters may be.
    private static let roundsOfSums = 1000.0

    // MARK: - Steps

    /// The adapter with which a round is published whose local steps led from `start` to `end`: all of the way, unless an
    /// outer rate says another part of it.
    package func stepped(from start: AdapterDelta, to end: AdapterDelta) -> AdapterDelta {
        outer?.taken(from: start, to: end) ?? end
    }

    /// The adapter that the next round begins with: `mixed`, which mixing made of `own`, and what outer momentum or, in
    /// settling, Chebyshev's semi-iteration adds. A step of the peer's own, no part of the average.
    package mutating func carried(
        _ mixed: AdapterDelta, from own: AdapterDelta, in round: MixingRound
    ) -> AdapterDelta {
        guard outer != nil || chebyshev != nil && round.isSettling else { return mixed }
        let z = part(of: own, in: round.number)
        var carried = part(of: mixed, in: round.number)
        if let next = outer?.carried(carried, from: z, in: round) { carried = next }
        if let next = chebyshev?.carried(carried, from: z, in: round) { carried = next }
        return mixed.replacing(carried)
    }

    /// What is added to the gradients of a round's local steps; nil where gradients are taken as they are.
    package func correction(in round: MixingRound) -> AdapterDelta? {
        tracking.map { AdapterDelta(zeroOf: schema).replacing($0.correction(in: round)) }
    }

    /// Takes the mean gradient of the round's local steps.
    package mutating func learned(_ gradient: AdapterDelta, in round: MixingRound) {
        let part = part(of: gradient, in: round.number)
        tracking?.learned(part)
    }

    /// Whether a peer goes on with the plain average of a round, as the proof of agreement asks.
    package func goesOnWithAverage(of round: MixingRound) -> Bool { chebyshev?.isAccelerated(round) != true }

    // MARK: - Out

    /// A contribution as it is published: its payload, whom it is for, and what those read in it.
    package struct Outgoing: Sendable {
        package let audience: MixingAudience
        package let payload: [UInt8]
        /// The number of the encoding.
        package let encoding: UInt16
        /// What receivers decode.
        package let delta: AdapterDelta
        /// What they decode of the sum of tracked gradients; nil where it holds none.
        package var tracked: AdapterDelta?
    }

    /// What the peer publishes in a round in which its adapter is `delta` and the neighbours `present` are there.
    package mutating func outgoing(
        _ delta: AdapterDelta, in round: MixingRound, present: [PeerID] = []
    ) -> [Outgoing] {
        precondition(delta.schema == schema, "a contribution has the swarm's schema")
        var delta = part(of: delta, in: round.number)
        for index in policy.stages.indices { policy.stages[index].apply(to: &delta, in: round) }
        choice = nil
        if policy.sendsDifferences(whileSettling: round.isSettling) {
            return outgoingCopy(delta, in: round, present: present)
        }
        let shares = policy.mixing.outgoing(delta, in: round)
        if !round.isSettling, let budget = policy.budget {
            beginCopies(as: delta.schema, in: round)
            let readers = readers(of: shares, as: delta.schema, in: round, present: present)
            choice = policy.choice(
                for: delta.schema, readers: readers, limit: budget.limit(training: round.training))
            if let level = choice?.level {
                if level == .differences { return outgoingCopy(delta, in: round, present: present) }
                policy.encoding = level.encoding
            }
        }
        // Without differences adapters that have been rounded never agree.
        let isExact = round.isSettling && policy.encoding.number != SinglePrecision().number
        var contributions: [Outgoing] = []
        for share in shares {
            precondition(share.header.count == policy.mixing.headerByteCount, "headers of a rule have one length")
            var sent = share
            let made = whole(share.delta, for: share.audience, after: share.header, in: round, isExact: isExact)
            sent.delta = made.delta
            policy.mixing.sent(sent, in: round)
            contributions.append(tracked(made, in: round))
        }
        if policy.differences != .never, let only = contributions.first, only.audience == .everyone {
            shared = SharedCopy(delta: only.delta, mark: DifferenceCoding.mark(of: only.delta))
        }
        return contributions
    }

    /// A contribution of a round, with the sum of tracked gradients behind the adapter where one belongs there.
    private mutating func tracked(_ made: Outgoing, in round: MixingRound) -> Outgoing {
        guard holdsSum(round.number), !round.isFinal, let sum = tracking?.summed(in: round) else { return made }
        var payload = made.payload
        let seed = UInt64(round.roster.place) << 32 ^ UInt64(round.number)
        let read = policy.encoding.encode(sum, seed: ~seed, into: &payload)
        tracking?.told(read, in: round)
        return Outgoing(
            audience: made.audience, payload: payload, encoding: made.encoding, delta: made.delta, tracked: read)
    }

    /// Whether contributions of a round hold a sum of tracked gradients.
    private func holdsSum(_ round: Int) -> Bool { policy.holdsSum(in: round, rounds: rounds) }

    /// Who gets the round's contributions. Neighbours that are away count too; those that come back need the whole, which
    /// comes on top.
    private func readers(
        of shares: [OutgoingShare], as schema: AdapterSchema, in round: MixingRound, present: [PeerID]
    ) -> ContributionReaders {
        let count = shares.reduce(0) { sum, share in
            switch share.audience {
            case .everyone: sum + round.roster.degree
            case .only(let peers): sum + peers.count
            }
        }
        let holders = shared.flatMap { $0.delta.schema == schema ? $0.holders : nil } ?? []
        let following = present.count(where: holders.contains)
        let lacking = present.count - following
        return ContributionReaders(count: count, following: following > 0 ? max(0, count - lacking) : 0)
    }

    /// Before the first contribution everybody has the seed adapter.
    private mutating func beginCopies(as schema: AdapterSchema, in round: MixingRound) {
        guard shared == nil, round.number == 0 else { return }
        let nothing = AdapterDelta(zeroOf: schema)
        let members = Set(round.roster.members.map(\.id))
        shared = SharedCopy(delta: nothing, mark: DifferenceCoding.mark(of: nothing), holders: members)
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
        beginCopies(as: delta.schema, in: round)
        let limits = SettlingLimits(
            consensusBound: policy.consensusBound, depth: round.roster.depth, rounds: 0, hasCopies: true)
        var contributions: [Outgoing] = []
        // What the round before held may be another factor.
        if let base = shared, base.delta.schema == delta.schema, present.contains(where: base.holders.contains),
            let coded = precision.coded(
                delta, after: base, whileSettling: round.isSettling, limits: limits, share: policy.topKShare ?? 1)
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

    /// Why a contribution of a round that a manifest announces is not fetched; nil if it may be.
    package func refusal(encoding: UInt16, byteCount: Int, round: Int = 0) -> ContributionRefusal? {
        let schema = factors.schema(in: round)
        let lengths: ClosedRange<Int>
        if holdsSum(round), encoding == DifferenceCoding.number { return .encoding(encoding) }
        if encoding == DifferenceCoding.number, policy.sendsDifferences(whileSettling: true) {
            lengths = DifferenceCoding.byteCounts(for: schema)
        } else if let encoding = policy.encoding(numbered: encoding) {
            lengths = encoding.byteCounts(for: schema)
        } else {
            return .encoding(encoding)
        }
        let expected = holdsSum(round) ? lengths.doubled : lengths
        return expected.contains(byteCount - policy.mixing.headerByteCount) ? nil : .announcedLength
    }

    /// What a payload says.
    package struct Opened: Sendable {
        /// What the mixing rule says beside the values.
        package let header: [UInt8]
        package let delta: AdapterDelta
        /// The sum of tracked gradients; nil where the round has none.
        package let tracked: AdapterDelta?
    }

    /// What a neighbour's payload says, if it passes the gate.
    ///
    /// - Parameters:
    ///   - sequence: the number of the contribution: what follows refers to the newest.
    ///   - round: its round, which says what it holds.
    /// - Throws: `ContributionRefusal`; `.unknownBase` where it can be read once something else has come.
    package mutating func open(
        _ payload: [UInt8], encoding: UInt16, sequence: UInt64, round: Int = 0, from origin: PeerID
    ) throws(ContributionRefusal) -> Opened {
        if let refusal = refusal(encoding: encoding, byteCount: payload.count, round: round) { throw refusal }
        let schema = factors.schema(in: round)
        let headerByteCount = policy.mixing.headerByteCount
        let sumByteCount = holdsSum(round) ? (payload.count - headerByteCount) / 2 : 0
        let values = payload[headerByteCount..<payload.count - sumByteCount]
        let base = encoding == DifferenceCoding.number ? base(of: values, as: schema, from: origin) : nil
        if encoding == DifferenceCoding.number, base == nil { throw .unknownBase }
        let copy: HeldCopy
        var tracked: AdapterDelta?
        do throws(PayloadError) {
            if let base {
                let read = try DifferenceCoding.decoded(values, after: base)
                copy = HeldCopy(sequence: sequence, delta: read.delta, mark: read.mark)
            } else {
                guard var own = policy.encoding(numbered: encoding) else {
                    throw PayloadError.malformed("its encoding")
                }
                copy = HeldCopy(sequence: sequence, delta: try own.decode(values, as: schema))
                if sumByteCount > 0 { tracked = try own.decode(payload.suffix(sumByteCount), as: schema) }
                if own.number == policy.encoding.number { policy.encoding = own }
            }
        } catch {
            throw .payload(error)
        }
        try gate.check(copy.delta)
        if let tracked { try sumGate.check(tracked) }
        if policy.differences != .never, held[origin].map({ $0.sequence < sequence }) ?? true { held[origin] = copy }
        return Opened(header: Array(payload.prefix(headerByteCount)), delta: copy.delta, tracked: tracked)
    }

    /// A neighbour's contribution says what this peer's own says, and is not fetched for that. What follows may refer
    /// to it.
    package mutating func heard(_ delta: AdapterDelta, sequence: UInt64, from origin: PeerID) {
        guard policy.differences != .never, held[origin].map({ $0.sequence < sequence }) ?? true else { return }
        held[origin] = HeldCopy(sequence: sequence, delta: delta)
    }

    /// What a difference refers to: the newest of its origin that is here, or the seed adapter.
    private mutating func base(
        of payload: ArraySlice<UInt8>, as schema: AdapterSchema, from origin: PeerID
    ) -> AdapterDelta? {
        guard let wanted = DifferenceCoding.baseMark(of: payload) else { return nil }
        if var copy = held[origin], copy.delta.schema == schema {
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
        tracking?.forget(peer)
        lost(peer)
    }

    /// The mass that the mixing rule holds; nil where it moves none.
    package var mass: MassAccount? { policy.mixing.mass }

    /// What there is of the edges where gradients are tracked; none elsewhere. For checkers.
    package var trackedEdges: [PeerID: TrackedEdge] { tracking?.edges ?? [:] }

    /// Whether a contribution that calls itself final holds the adapter that its origin ends with.
    package func isFinalAdapter(_ share: HeardShare) -> Bool { policy.mixing.isFinalAdapter(share) }

    /// Whose contributions are waited for in a round.
    package func sources(in round: MixingRound) -> MixingAudience { policy.mixing.sources(in: round) }

    /// The peer's adapter after a round. What was heard holds all that is mixed in it (`FactorExchange.serves`).
    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        let part = part(of: own, in: round.number)
        let heard = filtered(Self.newest(of: heard, as: part.schema), own: part, in: round)
        chebyshev?.hears(heard, in: round)
        if holdsSum(round.number) { tracking?.hears(heard, in: round) } else { tracking?.end() }
        var outcome = policy.mixing.mix(part, with: heard, in: round)
        precision.measured(
            outcome.weights.isEmpty ? .infinity : outcome.disagreement,
            whileSettling: round.isSettling, isHalting: factors.mode == .productResidual)
        loss = mixProducts(into: &outcome, part, heard, in: round)
        outcome.delta = own.replacing(outcome.delta)
        return outcome
    }

    /// The adapter, nearer to those of neighbours that have finished, where mixing does not bring it there: they hold what
    /// the swarm has agreed on and give no mass any more. A peer that comes back with old mass would else move those that
    /// have not finished away from those that have, for ever. To the rule this is a local step.
    package mutating func step(
        _ own: AdapterDelta, towards finals: [HeardShare], in round: MixingRound
    ) -> AdapterDelta {
        let finals = finals.filter { policy.mixing.isFinalAdapter($0) }
        guard policy.mixing.movesMass, !finals.isEmpty else { return own }
        let before = part(of: own, in: round.number)
        var after = before
        for final in filtered(Self.newest(of: finals, as: before.schema), own: before, in: round) {
            guard let member = round.roster[final.origin] else { continue }
            let weight = MetropolisMixing.weight(
                count: round.weight, degree: round.roster.degree, otherCount: final.weight,
                otherDegree: member.degree)
            for index in after.values.indices {
                after[index] += Float(weight) * (final.delta.values[index] - before.values[index])
            }
        }
        return own.replacing(after)
    }

    /// What a peer that fell behind takes as its own; nil if it cannot take anything. Of one neighbour there may be several
    /// contributions where each holds a part.
    package mutating func adopt(
        _ heard: [HeardShare], insteadOf own: AdapterDelta, in round: MixingRound
    ) -> AdapterDelta? {
        precision.restart()
        outer?.restart()
        chebyshev?.restart()
        tracking?.adopt(heard)
        var adopted: AdapterDelta?
        for part in factors.parts {
            guard let old = own.restricted(to: part) else { preconditionFailure("parts are of the adapter") }
            let heard = filtered(Self.newest(of: heard, as: part), own: old, in: round)
            guard let mean = policy.mixing.adopt(heard, in: round) else { continue }
            adopted = (adopted ?? own).replacing(mean)
        }
        return adopted
    }

    /// The adapter that a neighbour's contribution stands for: the own one with what was exchanged replaced. Changes
    /// nothing here, also where the rule moves mass.
    ///
    /// - Returns: nil where the contribution holds other factors than the round exchanges, or the rule can make no
    ///   adapter of it alone.
    package func adapter(
        of share: HeardShare, insteadOf own: AdapterDelta, in round: MixingRound
    ) -> AdapterDelta? {
        guard let part = Self.newest(of: [share], as: part(of: own, in: round.number).schema).first else { return nil }
        // A copy, which takes the share's mass and is thrown away.
        var mixing = policy.mixing
        guard let adopted = mixing.adopt([part], in: round), adopted.isFinite else { return nil }
        return own.replacing(adopted)
    }

    /// The newest contribution of each origin that holds `part`, cut down to it, in the order of the first ones.
    private static func newest(of heard: [HeardShare], as part: AdapterSchema) -> [HeardShare] {
        var newest: [HeardShare] = []
        for var share in heard {
            guard let delta = share.delta.restricted(to: part) else { continue }
            share.delta = delta
            if let place = newest.firstIndex(where: { $0.origin == share.origin }) {
                if newest[place].round <= share.round { newest[place] = share }
            } else {
                newest.append(share)
            }
        }
        return newest
    }

    /// Measures what averaging factors loses, and makes it good where the swarm averages products and these are no larger
    /// than what they are made of.
    ///
    /// In settling that ends as soon as neighbours are near: agreement is proved for averages of values, and what the
    /// products add falls with the square of the distance. Once the swarm is within its bound, nobody's neighbour is further
    /// away than that (docs/mathematics.md, "When the swarm agrees"), so that nobody begins with it again.
    private func mixProducts(
        into outcome: inout MixingOutcome, _ own: AdapterDelta, _ heard: [HeardShare], in round: MixingRound
    ) -> FactorLoss? {
        // Rules that keep sums do not say what they averaged.
        guard let layout, policy.mixing.keepsMeanOfCopies, own.schema == layout.schema, !outcome.weights.isEmpty else {
            return nil
        }
        var terms: [FactorLayout.Term] = [(outcome.keptWeight, outcome.read ?? own)]
        for (origin, weight) in outcome.weights {
            guard let share = heard.first(where: { $0.origin == origin }) else { return nil }
            terms.append((weight, share.delta))
        }
        let bias = layout.bias(of: terms)
        let isNear = round.isSettling && outcome.disagreement <= 2 * policy.consensusBound
        guard factors.mode.averagesProducts, !isNear else {
            return FactorLoss(averaging: bias, left: bias.whole, isMadeGood: false)
        }
        var merged = outcome.delta
        let left = layout.merge(terms, into: &merged).whole
        // As of an average: nobody's adapter becomes larger than the largest that it was made of. Products of strange factors
        // may be, and would be larger again in every round.
        guard layout.isNoLarger(merged, than: [own] + terms.map(\.delta)) else {
            return FactorLoss(averaging: bias, left: bias.whole, isMadeGood: false)
        }
        outcome.delta = merged
        return FactorLoss(averaging: bias, left: left, isMadeGood: true)
    }

    /// What of an adapter is exchanged in a round.
    package func part(of delta: AdapterDelta, in round: Int) -> AdapterDelta {
        guard let part = delta.restricted(to: factors.schema(in: round)) else {
            preconditionFailure("what is exchanged is a part of the adapter")
        }
        return part
    }

    private mutating func filtered(
        _ heard: [HeardShare], own: AdapterDelta, in round: MixingRound
    ) -> [HeardShare] {
        var heard = heard
        for index in policy.filters.indices { heard = policy.filters[index].filtered(heard, own: own, in: round) }
        return heard
    }

    // MARK: - State

    /// What has to be given again when the peer's process starts anew; empty where nothing is kept. The lengths of the mixing
    /// rule's state and of the outer momentum's (4 each), then these. Where gradients are tracked, which goes with neither,
    /// the tracking's state stands alone.
    package var state: [UInt8] {
        if let tracking { return tracking.state }
        let (mixing, outer) = (policy.mixing.state, outer?.state ?? [])
        guard !mixing.isEmpty || !outer.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.append(integer: UInt32(mixing.count))
        bytes.append(integer: UInt32(outer.count))
        return bytes + mixing + outer
    }

    /// Takes over what `state` was.
    ///
    /// - Throws: `ExchangeStateError` where that is not a state of these stages.
    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard !state.isEmpty else { return }
        if tracking != nil {
            guard tracking?.restore(state) == true else {
                throw ExchangeStateError(
                    description: "the kept state of tracked gradients is damaged, or there was none")
            }
            return
        }
        var reader = ByteReader(state)
        guard let mixing = reader.integer(UInt32.self), let momentum = reader.integer(UInt32.self),
            let mixingState = reader.bytes(count: Int(mixing)), let outerState = reader.bytes(count: Int(momentum)),
            reader.isAtEnd
        else { throw ExchangeStateError(description: "the kept state of the exchange is cut short") }
        try policy.mixing.restore(mixingState)
        guard !outerState.isEmpty else { return }
        // Where there is momentum, all rounds with training exchange the same values.
        let schema = factors.schema(in: 0)
        guard outer?.restore(outerState, as: schema) == true else {
            throw ExchangeStateError(description: "the kept state of outer momentum is damaged, or there is none now")
        }
    }
}
