package import Adapters
import Basics
package import Overlay

/// Push-sum with running sums: the exact weighted mean, whatever is lost, late, doubled or missed.
///
/// Every peer holds mass: a weight w, at first its sample count n, and a numerator x, at first n times its adapter. Its
/// adapter is z = x / w. In a round it gives each of its neighbours that are at work a part of both, and keeps the rest
/// (Kempe, Dobra and Gehrke, "Gossip-based computation of aggregate information", FOCS 2003; with gradient steps in
/// between: Assran et al., "Stochastic gradient push", ICML 2019). Local steps add n · step to x. What is sent is not the part
/// but the sum of all parts that this neighbour was ever given (Vaidya, Hadjicostis and Domínguez-García, arXiv 1109.6392):
/// who misses a contribution has its mass with the next one. So Σ x and Σ w, in peers and on their way, change by training
/// alone, and z goes to Σ n z / Σ n.
///
/// Deviations from these sources:
/// - Peer i gives j the Metropolis–Hastings weight `w_ij`, not an equal part. As `n_i w_ij = n_j w_ji`, everybody is given
///   as much as it gives: while nothing is missing, w stays n, and the rule is Metropolis averaging.
/// - While a peer holds less than n, because what it gave has not come back yet, a step would move its adapter n / w times
///   as far as the trainer went. It moves as far as the trainer went; the rest of the step is owed to x, and is added as
///   the weight comes back.
/// - The values of a contribution are the mean of all parts, sums' numerator over sums' weight, so that they pass the norm
///   gate of an adapter; the weight stands in the header. Sums are what the receiver reads in single precision. The
///   sender deducts exactly that, and keeps what rounding left.
/// - Sums that have grown long lose digits. Then a neighbour gets no new mass until it says that it has taken all, which
///   every contribution says, and the sums begin at zero again.
/// - A neighbour that was not heard for some rounds gets no more mass, which would wait with it and come back stale. It gets
///   the adapter as it is, without mass, to catch up by.
/// - A peer that lost its state begins with its sample count anew. What the other peers had given it is lost with it. Where
///   its clock was set back besides, neighbours take it for an older state of itself; it hears from them that they know a
///   later one, and begins once more after that.
package struct PushSumMixing: MixingRule {
    /// Rounds after which a neighbour that was not heard gets no more mass.
    var patience = 3

    /// Running sums of what one peer gave another, as the receiver reads them: numerators are `mean · weight`.
    private struct Sums: Sendable {
        var weight = 0.0
        var mean: [Float] = []

        /// The numerator of value `index`.
        func numerator(_ index: Int) -> Double { mean.isEmpty ? 0 : Double(mean[index]) * weight }
    }

    /// Sums of so many parts begin anew: single precision then still holds a part to 2^-15.
    static let longest = 512.0

    /// What is kept of one neighbour.
    private struct Edge: Sendable {
        /// What it was given, and what came from it, since the sums began for the last time, and how often they did.
        var given = Sums()
        var givenEpoch: UInt32 = 0
        var taken = Sums()
        var takenEpoch: UInt32 = 0
        /// What it says that it has taken.
        var acknowledged: (epoch: UInt32, weight: Double) = (0, 0)
        /// Its state's mark, as it said last; zero before that.
        var mark: UInt64 = 0
        /// What it counts, as it said last; zero before that.
        var count = 0
        /// The newest round of it that was heard; -1 before the first.
        var heard = -1
    }

    /// When this state began: what others gave an earlier one is not this one's.
    private var mark: UInt64 = 0
    private var began = 0
    /// A later state of this peer that a neighbour knows; nil where none does. This one has to come after it.
    private var laterMark: UInt64?
    /// How far ahead of this process a later state may have begun to be believed, in nanoseconds: a week, as clocks of
    /// handshakes. A neighbour that says anything else could give this peer a mark that nothing comes after.
    private static let believableLead: UInt64 = 7 * 86_400 * 1_000_000_000
    /// Whether this state has begun after one that a neighbour knew: that is done once, whatever neighbours say.
    private var hasPassedLaterMark = false
    private var weight = 0.0
    private var numerator: [Double] = []
    /// What local steps are still to add to the numerator; empty where that is nothing.
    private var owed: [Double] = []
    /// The adapter that the last mixing returned.
    private var last: [Float] = []
    private var edges: [PeerID: Edge] = [:]

    /// The largest norm of an adapter that a neighbour's new mass may stand for.
    private let normLimit: Double

    package init(normLimit: Double = 1e6) {
        self.normLimit = normLimit
    }

    package var movesMass: Bool { true }

    package var sharesWithEveryone: Bool { false }

    package var mass: MassAccount? {
        guard weight > 0 else { return nil }
        func sums(_ epoch: UInt32, _ sums: Sums) -> MassAccount.Sums {
            MassAccount.Sums(epoch: epoch, weight: sums.weight, numerator: numerator.indices.map { sums.numerator($0) })
        }
        var held = numerator
        for index in owed.indices { held[index] += owed[index] }
        return MassAccount(
            mark: mark, weight: weight, numerator: held,
            edges: edges.mapValues { edge in
                MassAccount.Edge(
                    mark: edge.mark, given: sums(edge.givenEpoch, edge.given), taken: sums(edge.takenEpoch, edge.taken))
            })
    }

    // MARK: - Out

    /// What stands before the values, least significant byte first: the sender's mark (8 bytes), the receiver's mark as the
    /// sender knows it (8), the sums' epoch (4) and weight (8, IEEE 754), the epoch (4) and weight (8) of what the sender
    /// has taken of the receiver, and 1 where the values are sums, 0 where they are the adapter as it is (1).
    private struct Header {
        static let byteCount = 41
        var mark: UInt64
        var receiver: UInt64
        var epoch: UInt32 = 0
        var weight = 0.0
        var takenEpoch: UInt32 = 0
        var takenWeight = 0.0
        var hasMass: Bool

        var bytes: [UInt8] {
            var bytes: [UInt8] = []
            bytes.append(integer: mark)
            bytes.append(integer: receiver)
            bytes.append(integer: epoch)
            bytes.append(integer: weight.bitPattern)
            bytes.append(integer: takenEpoch)
            bytes.append(integer: takenWeight.bitPattern)
            bytes.append(hasMass ? 1 : 0)
            return bytes
        }

        init(mark: UInt64, receiver: UInt64, hasMass: Bool) {
            self.mark = mark
            self.receiver = receiver
            self.hasMass = hasMass
        }

        /// Nil where these are no header of a state: a weight that is not finite or below zero, or no mark.
        init?(_ bytes: [UInt8]) {
            var reader = ByteReader(bytes)
            guard let mark = reader.integer(UInt64.self), let receiver = reader.integer(UInt64.self),
                let epoch = reader.integer(UInt32.self), let weight = reader.weight(),
                let takenEpoch = reader.integer(UInt32.self), let takenWeight = reader.weight(),
                let flag = reader.byte(), reader.isAtEnd, mark > 0, flag <= 1
            else { return nil }
            self.init(mark: mark, receiver: receiver, hasMass: flag == 1)
            self.epoch = epoch
            self.weight = weight
            self.takenEpoch = takenEpoch
            self.takenWeight = takenWeight
        }
    }

    package var headerByteCount: Int { Header.byteCount }

    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        take(delta, in: round)
        if round.isFinal {
            let header = Header(mark: mark, receiver: 0, hasMass: false)
            return [OutgoingShare(audience: .everyone, delta: delta, header: header.bytes)]
        }
        return round.roster.members.map { member in
            let count = edges[member.id].map(\.count) ?? 0
            // Before it has said what it counts, it counts as much as this peer.
            let part = MetropolisMixing.weight(
                count: round.weight, degree: round.roster.degree, otherCount: count > 0 ? count : round.weight,
                otherDegree: member.degree)
            return share(for: member.id, part: part, schema: delta.schema, in: round)
        }
    }

    /// What the peer sends in a round in which it gives a part of its mass to one neighbour that is there, and nothing to
    /// others. From settling on what is owed of local steps is added before.
    mutating func outgoing(
        _ delta: AdapterDelta, giving part: Double, to peer: PeerID?, in round: MixingRound
    ) -> [OutgoingShare] {
        take(delta, in: round)
        if round.isSettling {
            for index in owed.indices { numerator[index] += owed[index] }
            owed = []
        }
        guard let peer else { return [] }
        let isThere = round.present?.contains(peer) ?? true
        return [share(for: peer, part: part, isThere: isThere, schema: delta.schema, in: round)]
    }

    /// The sum of all parts that a neighbour was given, with this round's, where it is given one; else the adapter.
    private mutating func share(
        for peer: PeerID, part: Double, isThere: Bool = true, schema: AdapterSchema, in round: MixingRound
    ) -> OutgoingShare {
        var edge = edges[peer] ?? Edge()
        let isAcknowledged = edge.acknowledged == (edge.givenEpoch, edge.given.weight)
        let isLong = edge.given.weight > Self.longest * part * weight
        if isLong, isAcknowledged {
            edge.given = Sums()
            edge.givenEpoch &+= 1
            edges[peer] = edge
        }
        var header = Header(mark: mark, receiver: edge.mark, hasMass: false)
        header.epoch = edge.givenEpoch
        header.weight = edge.given.weight
        header.takenEpoch = edge.takenEpoch
        header.takenWeight = edge.taken.weight
        var values = last
        if isThere, isActive(peer, in: round), !isLong || isAcknowledged {
            header.hasMass = true
            header.weight += part * weight
            values = numerator.indices.map {
                Float((edge.given.numerator($0) + part * numerator[$0]) / header.weight)
            }
        }
        return OutgoingShare(
            audience: .only([peer]), delta: AdapterDelta(schema: schema, values: values), header: header.bytes)
    }

    /// What goes is what arrives, to the last bit, however it was rounded.
    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) {
        guard case .only(let peers) = share.audience, let peer = peers.first, let header = Header(share.header),
            header.hasMass
        else { return }
        let sums = Sums(weight: header.weight, mean: share.delta.values)
        let before = edges[peer]?.given ?? Sums()
        for index in numerator.indices { numerator[index] -= sums.numerator(index) - before.numerator(index) }
        weight -= sums.weight - before.weight
        edges[peer, default: Edge()].given = sums
    }

    /// Takes up what became of the adapter since the last mixing; at the beginning, all of it.
    private mutating func take(_ delta: AdapterDelta, in round: MixingRound) {
        if weight == 0 || numerator.count != delta.values.count {
            (edges, owed) = ([:], [])
            mark = max(1, round.incarnation)
            began = round.number
            weight = Double(round.weight)
            numerator = delta.values.map { Double($0) * weight }
        } else {
            let count = Double(round.weight)
            let now = min(count, weight)
            // Rounding moves the weight by less than this.
            let isShort = now < count * (1 - 1e-9)
            if isShort, owed.isEmpty { owed = Array(repeating: 0, count: numerator.count) }
            for index in numerator.indices {
                let step = Double(delta.values[index]) - Double(last[index])
                numerator[index] += (isShort ? now : count) * step
                if isShort { owed[index] += (count - now) * step }
            }
        }
        last = delta.values
    }

    /// Adds what is owed of local steps, as far as the weight is there again: in the share w / n, so that no adapter goes
    /// further than its trainer went in all.
    ///
    /// - Returns: how far the rest will move an adapter of full weight, as a norm.
    private mutating func settleDebt(in round: MixingRound) -> Double {
        guard !owed.isEmpty else { return 0 }
        let count = Double(round.weight)
        let share = min(1, weight / count)
        var square = 0.0
        for index in owed.indices {
            let part = share * owed[index]
            numerator[index] += part
            owed[index] -= part
            square += owed[index] * owed[index]
        }
        if square == 0 { owed = [] }
        return square.squareRoot() / count
    }

    /// Whether a neighbour is given mass: it was heard of late, or this is the beginning.
    private func isActive(_ peer: PeerID, in round: MixingRound) -> Bool {
        round.number - max(edges[peer]?.heard ?? -1, began) <= patience
    }

    // MARK: - In

    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        take(own, in: round)
        let before = weight
        var (weights, disagreement) = ([(origin: PeerID, weight: Double)](), 0.0)
        let scale = own.norm
        for share in heard where round.roster[share.origin] != nil {
            precondition(share.delta.schema == own.schema, "only adapters of one schema are mixed")
            let held = weight
            guard let adapter = absorb(share, in: round) else {
                // What says nothing new says nothing of agreement either.
                if share.round >= round.number { disagreement = .infinity }
                continue
            }
            weights.append((share.origin, weight - held))
            let distance = adapter.distance(to: own)
            disagreement = max(disagreement, scale > 0 ? distance / scale : (distance > 0 ? .infinity : 0))
        }
        let rest = settleDebt(in: round)
        disagreement = max(disagreement, scale > 0 ? rest / scale : (rest > 0 ? .infinity : 0))
        last = numerator.map { Float($0 / weight) }
        let outcome = MixingOutcome(
            delta: AdapterDelta(schema: own.schema, values: last), disagreement: disagreement,
            weights: weights.map { ($0.origin, $0.weight / weight) }, keptWeight: before / weight)
        passLaterMark(in: round)
        return outcome
    }

    /// Begins anew, with the adapter that there is, where neighbours take this state for one before another: they would take
    /// nothing of it for ever.
    private mutating func passLaterMark(in round: MixingRound) {
        guard let later = laterMark, !hasPassedLaterMark else { return }
        (laterMark, hasPassedLaterMark) = (nil, true)
        (mark, began) = (later + 1, round.number)
        weight = Double(round.weight)
        numerator = last.map { Double($0) * weight }
        (edges, owed) = ([:], [])
    }

    /// Takes the mass that a neighbour gave and that had not come yet.
    ///
    /// - Returns: the neighbour's adapter, as far as this says it: that of the rounds whose mass is new, or the one that it
    ///   sent as it is; nil where nothing is new.
    private mutating func absorb(_ share: HeardShare, in round: MixingRound) -> AdapterDelta? {
        guard let header = Header(share.header) else { return nil }
        let (latest, isBeyond) = max(1, round.incarnation).addingReportingOverflow(Self.believableLead)
        if header.receiver > mark, !isBeyond, header.receiver < latest {
            laterMark = max(laterMark ?? 0, header.receiver)
        }
        var edge = edges[share.origin] ?? Edge()
        // What it made before it lost its state may be mixed after what it made later: marks only grow.
        guard header.mark >= edge.mark else { return nil }
        if header.mark != edge.mark {
            // It lost its state, and what it was given with it; or it is heard for the first time.
            let heard = edge.heard
            if edge.mark != 0 { edge = Edge() }
            edge.heard = heard
            edge.mark = header.mark
        }
        edge.heard = max(edge.heard, share.round)
        edge.count = share.weight
        defer { edges[share.origin] = edge }
        if header.receiver == mark {
            edge.acknowledged = (header.takenEpoch, header.takenWeight)
            if header.takenEpoch > edge.givenEpoch {
                // This peer went on from a state before the sums began anew.
                edge.given = Sums()
                edge.givenEpoch = header.takenEpoch
            }
        }
        guard header.hasMass else { return share.delta }
        if header.epoch > edge.takenEpoch {
            // It begins anew only when all that it gave has been taken.
            edge.taken = Sums()
            edge.takenEpoch = header.epoch
        }
        // Given to an earlier state of this peer, or nothing new. Who went on from an older state gives less at first.
        guard header.receiver == 0 || header.receiver == mark, header.epoch == edge.takenEpoch,
            header.weight > edge.taken.weight
        else { return nil }
        let sums = Sums(weight: header.weight, mean: share.delta.values)
        let new = sums.weight - edge.taken.weight
        let parts = numerator.indices.map { sums.numerator($0) - edge.taken.numerator($0) }
        let adapter = AdapterDelta(schema: share.delta.schema, values: parts.map { Float($0 / new) })
        guard adapter.norm <= normLimit else { return nil }
        for index in numerator.indices { numerator[index] += parts[index] }
        weight += new
        edge.taken = sums
        return adapter
    }

    /// Whether a contribution holds its origin's adapter as it is, and no sums.
    func isAdapter(_ share: HeardShare) -> Bool { Header(share.header)?.hasMass == false }

    /// Takes the mean of the others' adapters and its own as its own, with the mass that it has and what waited for it.
    package mutating func adopt(_ heard: [HeardShare], in round: MixingRound) -> AdapterDelta? {
        var adapters: [(sampleCount: Int, delta: AdapterDelta)] = []
        for share in heard {
            if round.roster[share.origin] == nil {
                take(share.delta, in: round)
                adapters.append((share.weight, share.delta))
            }
        }
        guard let schema = heard.first?.delta.schema else { return nil }
        if weight == 0 { take(AdapterDelta(zeroOf: schema), in: round) }
        for share in heard where round.roster[share.origin] != nil {
            if let adapter = absorb(share, in: round) { adapters.append((share.weight, adapter)) }
        }
        guard let mean = WeightedMean.of(adapters) else { return nil }
        numerator = mean.values.map { Double($0) * weight }
        owed = []
        last = mean.values
        return mean
    }

    /// As long as nothing is missing, what everybody takes is what Metropolis–Hastings weights give.
    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? {
        MetropolisMixing().matrix(of: graph, sampleCounts: sampleCounts)
    }

    // MARK: - State

    /// The mark (8 bytes), the first round (8), the number of values (8), the weight (8), the numerator (8 each), the last
    /// adapter (4 each), 1 where something is owed (1), and that (8 each); then of each neighbour, ascending: its identity
    /// (32), its mark (8), what it counts (8), the newest round (8, from -1 on as 0), what it has taken (4 and 8), and twice,
    /// given and taken: epoch (4), weight (8), 1 where values follow (1), values (4 each). Empty before the first round.
    package var state: [UInt8] {
        guard weight > 0 else { return [] }
        var bytes: [UInt8] = []
        // All of it: growing would take twice as much.
        let sums = edges.values.reduce(0) { $0 + $1.given.mean.count + $1.taken.mean.count }
        bytes.reserveCapacity(12 * numerator.count + 8 * owed.count + 4 * sums + 128 * (edges.count + 1))
        for word in [mark, UInt64(began), UInt64(numerator.count), weight.bitPattern] { bytes.append(integer: word) }
        bytes.append(doubles: numerator[...])
        bytes.append(floats: last[...])
        bytes.append(owed.isEmpty ? 0 : 1)
        bytes.append(doubles: owed[...])
        for (peer, edge) in edges.sorted(by: { $0.key < $1.key }) {
            bytes += peer.bytes
            bytes.append(integer: edge.mark)
            bytes.append(integer: UInt64(edge.count))
            bytes.append(integer: UInt64(edge.heard + 1))
            bytes.append(integer: edge.acknowledged.epoch)
            bytes.append(integer: edge.acknowledged.weight.bitPattern)
            for (epoch, sums) in [(edge.givenEpoch, edge.given), (edge.takenEpoch, edge.taken)] {
                bytes.append(integer: epoch)
                bytes.append(integer: sums.weight.bitPattern)
                bytes.append(sums.mean.isEmpty ? 0 : 1)
                bytes.append(floats: sums.mean[...])
            }
        }
        return bytes
    }

    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard !state.isEmpty else { return }
        guard var restored = PushSumMixing(state: state, normLimit: normLimit) else {
            throw ExchangeStateError(description: "the kept sums of push-sum are damaged")
        }
        restored.patience = patience
        self = restored
    }

    /// The rule whose `state` this is.
    private init?(state: [UInt8], normLimit: Double) {
        self.normLimit = normLimit
        var reader = ByteReader(state)
        guard let mark = reader.integer(UInt64.self), mark > 0,
            let began = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }),
            let count = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }), count <= reader.remaining / 12,
            let weight = reader.weight(), weight > 0
        else { return nil }
        guard let numerator = reader.finiteDoubles(count: count), let last = reader.finiteFloats(count: count),
            let flag = reader.byte(), flag <= 1, let owed = flag == 1 ? reader.finiteDoubles(count: count) : []
        else { return nil }
        (self.mark, self.began, self.weight, self.numerator, self.last) = (mark, began, weight, numerator, last)
        self.owed = owed
        while !reader.isAtEnd {
            var edge = Edge()
            guard let peer = reader.bytes(count: 32).flatMap({ PeerID(bytes: $0) }), edges[peer] == nil,
                let mark = reader.integer(UInt64.self),
                let others = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }),
                let heard = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }),
                let epoch = reader.integer(UInt32.self), let taken = reader.weight(),
                let given = Self.sums(from: &reader, count: count), let other = Self.sums(from: &reader, count: count)
            else { return nil }
            edge.mark = mark
            edge.count = others
            edge.heard = heard - 1
            edge.acknowledged = (epoch, taken)
            (edge.givenEpoch, edge.given) = given
            (edge.takenEpoch, edge.taken) = other
            edges[peer] = edge
        }
    }

    private static func sums(from reader: inout ByteReader, count: Int) -> (epoch: UInt32, sums: Sums)? {
        guard let epoch = reader.integer(UInt32.self), let weight = reader.weight(), let flag = reader.byte(), flag <= 1
        else { return nil }
        guard let mean = flag == 1 ? reader.finiteFloats(count: count) : [] else { return nil }
        return (epoch, Sums(weight: weight, mean: mean))
    }
}

extension ByteReader {
    /// A weight: finite, not below zero, and no more than any swarm has in any number of rounds.
    fileprivate mutating func weight() -> Double? {
        guard let pattern = integer(UInt64.self) else { return nil }
        let weight = Double(bitPattern: pattern)
        return weight.isFinite && weight >= 0 && weight <= 1e18 ? weight : nil
    }

    /// So many values in double precision, all of them finite.
    fileprivate mutating func finiteDoubles(count: Int) -> [Double]? {
        doubles(count: count).flatMap { $0.allSatisfy(\.isFinite) ? $0 : nil }
    }

    /// So many values in single precision, all of them finite.
    fileprivate mutating func finiteFloats(count: Int) -> [Float]? {
        floats(count: count).flatMap { $0.allSatisfy(\.isFinite) ? $0 : nil }
    }
}
