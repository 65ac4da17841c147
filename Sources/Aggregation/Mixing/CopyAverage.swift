import Adapters
import Basics
import Overlay

/// The average of a peer's adapter with what neighbours sent, where those may read something else than the adapter: a copy
/// that an encoding has rounded, or that is behind.
///
/// Peer i goes on with `x_i + Σ w_ij (q_j − q_i)`: what it gains of j's copy, j loses of i's, so that the mean stays what it
/// was whatever the copies are (Koloskova, Stich and Jaggi, 2019). Where `q_i = x_i` this is the weighted mean.
struct CopyAverage: Sendable {
    /// What neighbours read of this peer in a round.
    private var told: (round: Int, delta: AdapterDelta)?

    init() {}

    /// The share is published, and neighbours read its `delta`.
    mutating func tell(_ share: OutgoingShare, in round: MixingRound) { told = (round.number, share.delta) }

    /// Sums are in double precision, in the order of the neighbours' identities, so that it does not matter who came first.
    ///
    /// - Parameter weight: what is taken of a neighbour.
    func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound,
        weight: (HeardShare, Roster.Member) -> Double
    ) -> MixingOutcome {
        var weights: [(origin: PeerID, weight: Double)] = []
        var terms: [[Float]] = []
        for share in heard.sorted(by: { $0.origin < $1.origin }) {
            // Who is no neighbour any more is not mixed: the weights of a row would sum to more than one.
            guard let member = round.roster[share.origin] else { continue }
            precondition(share.delta.schema == own.schema, "only adapters of one schema are mixed")
            weights.append((share.origin, weight(share, member)))
            terms.append(share.delta.values)
        }
        let kept = 1 - weights.reduce(0) { $0 + $1.weight }
        let copy = told.flatMap { $0.round == round.number && $0.delta != own ? $0.delta : nil }
        let read = copy ?? own
        var sums = read.values.map { kept * Double($0) }
        var disagreement = 0.0
        let scale = read.norm
        for (values, taken) in zip(terms, weights) {
            let distance = Self.add(values, times: taken.weight, to: &sums, against: read.values)
            disagreement = max(disagreement, Self.relative(distance, to: scale))
        }
        if let copy {
            // What neighbours did not read stays here.
            for index in sums.indices { sums[index] += Double(own.values[index]) - Double(copy.values[index]) }
        }
        return MixingOutcome(
            delta: AdapterDelta(schema: own.schema, values: sums.map { Float($0) }), disagreement: disagreement,
            roundingError: copy.map { Self.relative($0.distance(to: own), to: scale) } ?? 0, weights: weights,
            keptWeight: kept, read: copy)
    }

    private static func relative(_ distance: Double, to scale: Double) -> Double {
        scale > 0 ? distance / scale : (distance > 0 ? .infinity : 0)
    }

    /// Adds `weight · values` to `sums` and returns the distance between `values` and `own`: one pass for both.
    private static func add(
        _ values: [Float], times weight: Double, to sums: inout [Double], against own: [Float]
    ) -> Double {
        var square = 0.0
        for index in values.indices {
            let value = Double(values[index])
            sums[index] += weight * value
            let difference = value - Double(own[index])
            square += difference * difference
        }
        return square.squareRoot()
    }
}
