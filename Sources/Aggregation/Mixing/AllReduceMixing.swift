package import Adapters
package import Basics
package import Overlay

/// The exact weighted mean `Σ n_j x_j / Σ n_j` in every round, in swarms whose peers all know each other.
///
/// Each peer averages one slice of everybody's contributions and gives the slice's mean to all (reduce-scatter and
/// all-gather): `2 d (n − 1) / n` values a peer in the place of `d (n − 1)`. Whoever has all contributions whole
/// makes the same mean of them, to the last bit (`ExactMean`).
///
/// Where somebody is missing peers gossip with the same weights, `w_ij = n_j / Σ n`, and keep the missing one's
/// weight themselves: `n_i w_ij = n_j w_ji`, so that the mean stays as under Metropolis–Hastings where both sides
/// miss each other. Until a peer has heard once what all others count, it takes Metropolis–Hastings weights.
/// `docs/mathematics.md`, "All-reduce".
package struct AllReduceMixing: MixingRule {
    private var average = CopyAverage()
    /// What neighbours read of this peer in a round.
    private var told: (round: Int, delta: AdapterDelta)?
    /// What neighbours count, as they said last.
    private var counts: [PeerID: Int] = [:]

    package init() {}

    package var keepsMeanOfCopies: Bool { true }

    package var reduces: Bool { true }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) {
        average.tell(share, in: round)
        told = (round.number, share.delta)
    }

    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        hear(heard.map { ($0.origin, $0.weight) }, in: round)
        let total = total(in: round)
        var outcome = average.mix(own, with: heard, in: round) { share, member in
            if let total { return Double(max(1, share.weight)) / total }
            return MetropolisMixing.weight(
                count: round.weight, degree: round.roster.degree, otherCount: share.weight, otherDegree: member.degree)
        }
        let isWhole = round.roster.members.allSatisfy { member in
            heard.contains { $0.origin == member.id && $0.round == round.number }
        }
        guard isWhole, let id = round.own, let told, told.round == round.number else { return outcome }
        let others = heard.filter { round.roster[$0.origin] != nil }.map {
            ExactMean.Term(origin: $0.origin, weight: $0.weight, values: $0.delta.values[...])
        }
        let mean = ExactMean.of(
            others + [ExactMean.Term(origin: id, weight: round.weight, values: told.delta.values[...])])
        outcome.delta = Self.adapter(own, after: mean, instead: told.delta)
        self.told = nil
        return outcome
    }

    package mutating func take(
        average mean: AdapterDelta, by own: AdapterDelta, of weights: [(origin: PeerID, weight: Int)],
        in round: MixingRound
    ) -> MixingOutcome {
        hear(weights, in: round)
        let read = told.flatMap { $0.round == round.number ? $0.delta : nil } ?? own
        told = nil
        let (scale, distance) = read.normAndDistance(to: mean)
        let total = weights.reduce(Double(max(1, round.weight))) { $0 + Double(max(1, $1.weight)) }
        func relative(_ distance: Double) -> Double {
            scale > 0 ? distance / scale : (distance > 0 ? .infinity : 0)
        }
        return MixingOutcome(
            delta: Self.adapter(own, after: mean.values, instead: read),
            // How far neighbours are from each other nobody has seen.
            disagreement: round.isSettling ? .infinity : relative(distance),
            roundingError: read == own ? 0 : relative(read.distance(to: own)),
            weights: weights.map { ($0.origin, Double(max(1, $0.weight)) / total) },
            keptWeight: Double(max(1, round.weight)) / total, read: read == own ? nil : read)
    }

    /// The mean, and what neighbours did not read of the own adapter: that stays here.
    private static func adapter(_ own: AdapterDelta, after mean: [Float], instead read: AdapterDelta) -> AdapterDelta {
        guard read != own else { return AdapterDelta(schema: own.schema, values: mean) }
        var values = mean
        for index in values.indices {
            values[index] = Float(
                Double(mean[index]) + (Double(own.values[index]) - Double(read.values[index])))
        }
        return AdapterDelta(schema: own.schema, values: values)
    }

    // MARK: - What others count

    private mutating func hear(_ weights: [(origin: PeerID, weight: Int)], in round: MixingRound) {
        for (origin, weight) in weights where round.roster[origin] != nil { counts[origin] = max(1, weight) }
        if counts.count > round.roster.members.count { counts = counts.filter { round.roster[$0.key] != nil } }
    }

    /// What all peers count together; nil where that of one is not known.
    private func total(in round: MixingRound) -> Double? {
        var total = Double(max(1, round.weight))
        for member in round.roster.members {
            guard let count = counts[member.id] else { return nil }
            total += Double(count)
        }
        return total
    }

    /// What neighbours count: each identity (32 bytes) and number (8), ascending by identity.
    package var state: [UInt8] {
        var bytes: [UInt8] = []
        for (id, count) in counts.sorted(by: { $0.key < $1.key }) {
            bytes += id.bytes
            bytes.append(integer: UInt64(count))
        }
        return bytes
    }

    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        var reader = ByteReader(state)
        var counts: [PeerID: Int] = [:]
        while !reader.isAtEnd {
            guard let id = reader.bytes(count: PeerID.byteCount).flatMap({ PeerID(bytes: $0) }),
                let count = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }), count > 0
            else { throw ExchangeStateError(description: "what neighbours count is damaged in the kept state") }
            counts[id] = count
        }
        self.counts = counts
    }

    // MARK: - What audits ask

    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? {
        let counts = sampleCounts.map { Double(max(1, $0)) }
        let total = counts.reduce(0, +)
        return MixingMatrix(graph: graph, stationary: counts) { counts[$1] / total }
    }

    /// Once a slice of each other's contribution, and once the own slice's mean to everybody. In settling all are
    /// equal after the first round at the latest, and then nothing is fetched.
    package func shares(in graph: SwarmGraph, settlingNumber: Int?) -> [Double] {
        let share = 2 * Double(graph.count - 1) / Double(max(1, graph.count))
        return graph.neighbours.map { _ in settlingNumber ?? 0 > 0 ? 0 : share }
    }

    /// An edge that `graph` lacks for everybody to know everybody; nil where it has all.
    package static func missingEdge(in graph: SwarmGraph) -> SwarmGraph.Edge? {
        for peer in 0..<graph.count {
            for other in peer + 1..<max(peer + 1, graph.count) where !graph.neighbours[peer].contains(other) {
                return SwarmGraph.Edge(peer, other)
            }
        }
        return nil
    }
}

/// The mean that all peers make alike, whoever makes it and of however many values at a time.
package enum ExactMean {
    /// One peer's values.
    package struct Term: Sendable {
        package var origin: PeerID
        /// What it counts; below one counts as one.
        package var weight: Int
        package var values: ArraySlice<Float>

        package init(origin: PeerID, weight: Int, values: ArraySlice<Float>) {
            self.origin = origin
            self.weight = weight
            self.values = values
        }
    }

    /// Values that are summed at a time: all sums at once would be as large as two adapters.
    private static let blockSize = 8192

    /// `Σ n_j x_j / Σ n_j`, value by value: summed in double precision in the order of identities, then rounded once.
    /// All terms have the same number of values.
    package static func of(_ terms: [Term]) -> [Float] {
        let terms = terms.sorted { $0.origin < $1.origin }
        let count = terms.first?.values.count ?? 0
        precondition(terms.allSatisfy { $0.values.count == count }, "a mean is over as many values of each")
        let total = terms.reduce(0.0) { $0 + Double(max(1, $1.weight)) }
        var mean: [Float] = []
        mean.reserveCapacity(count)
        for start in stride(from: 0, to: count, by: blockSize) {
            let length = min(blockSize, count - start)
            var sums = [Double](repeating: 0, count: length)
            var sum = sums.mutableSpan
            for term in terms {
                let weight = Double(max(1, term.weight))
                let values = term.values.span.extracting(start..<start + length)
                for index in 0..<length { sum[index] += weight * Double(values[index]) }
            }
            for sum in sums { mean.append(Float(sum / total)) }
        }
        return mean
    }
}
