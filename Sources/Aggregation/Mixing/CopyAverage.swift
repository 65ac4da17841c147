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

    /// Values that are summed at a time: of a large adapter all sums at once would be as large as two adapters.
    private static let blockSize = 8192

    /// Sums are in double precision, in the order of the neighbours' identities, so that it does not matter who came first.
    ///
    /// - Parameter weight: what is taken of a neighbour.
    mutating func mix(
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
        told = nil
        let read = copy ?? own
        var mixed: [Float] = []
        mixed.reserveCapacity(own.values.count)
        var squares = [Double](repeating: 0, count: terms.count)
        for start in stride(from: 0, to: own.values.count, by: Self.blockSize) {
            let block = start..<min(start + Self.blockSize, own.values.count)
            var sums = read.values[block].map { kept * Double($0) }
            for (index, values) in terms.enumerated() {
                let weight = weights[index].weight
                squares[index] = Self.add(
                    values, times: weight, to: &sums, of: block, against: read.values, squares[index])
            }
            if let copy {
                // What neighbours did not read stays here.
                for index in block { sums[index - start] += Double(own.values[index]) - Double(copy.values[index]) }
            }
            mixed.append(contentsOf: sums.lazy.map { Float($0) })
        }
        let scale = read.norm
        return MixingOutcome(
            delta: AdapterDelta(schema: own.schema, values: mixed),
            disagreement: squares.reduce(0) { max($0, Self.relative($1.squareRoot(), to: scale)) },
            roundingError: copy.map { Self.relative($0.distance(to: own), to: scale) } ?? 0, weights: weights,
            keptWeight: kept, read: copy)
    }

    private static func relative(_ distance: Double, to scale: Double) -> Double {
        scale > 0 ? distance / scale : (distance > 0 ? .infinity : 0)
    }

    /// Adds `weight · values` to the sums of a block, and the squared distance between `values` and `own` there to `square`:
    /// one pass for both.
    private static func add(
        _ values: [Float], times weight: Double, to sums: inout [Double], of block: Range<Int>, against own: [Float],
        _ square: Double
    ) -> Double {
        var square = square
        for index in block {
            let value = Double(values[index])
            sums[index - block.lowerBound] += weight * value
            let difference = value - Double(own[index])
            square += difference * difference
        }
        return square
    }
}
