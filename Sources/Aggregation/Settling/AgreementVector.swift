package import Adapters
import Foundation

/// How far the swarm is from agreement, as far as news has reached a peer: entry k bounds the disagreement of all peers
/// within k edges, k rounds before the newest.
///
/// Every settling round a peer measures its disagreement with its neighbours, `d_i = max_j ‖x_j − x_i‖ / ‖x_i‖`, and
/// hands vectors on: `s_i(r + 1)[0] = d_i(r)` and `s_i(r + 1)[k] = max over i and its neighbours of s(r)[k − 1]`. With a
/// diameter of at most D, `s(r)[D]` is the same at all peers: the largest disagreement anywhere in round r − D − 1.
/// `docs/mathematics.md` proves what follows from it.
///
/// An entry is one byte q on a logarithmic scale and stands for `2^(−q / 8)`, rounded so that the bound stays one: 0 for
/// "one or more, or unknown".
package struct AgreementVector: Sendable, Hashable {
    /// The entries; as many as the depth plus one.
    private(set) var entries: [UInt8]

    /// The number of edges that the last entry reaches.
    var depth: Int { entries.count - 1 }

    /// Nothing is known.
    init(depth: Int) {
        entries = [UInt8](repeating: 0, count: depth + 1)
    }

    /// Of a peer that has finished: the swarm agreed, and its adapter moves no more.
    static func finished(depth: Int) -> AgreementVector {
        var vector = AgreementVector(depth: depth)
        vector.entries = [UInt8](repeating: .max, count: depth + 1)
        return vector
    }

    /// A vector from a manifest; nil unless it has this depth.
    init?(entries: some Collection<UInt8>, depth: Int) {
        guard entries.count == depth + 1 else { return nil }
        self.entries = Array(entries)
    }

    /// The next round's vector: `disagreement` was measured in this round (nil: not with every live neighbour), `heard`
    /// are this round's vectors of the neighbours (nil for a live one that was not heard).
    func advanced(disagreement: Double?, heard: [AgreementVector?]) -> AgreementVector {
        var next = AgreementVector(depth: depth)
        next.entries[0] = disagreement.map(Self.quantised) ?? 0
        for k in 0..<depth {
            next.entries[k + 1] = heard.reduce(entries[k]) { min($0, $1?.entries[k] ?? 0) }
        }
        return next
    }

    /// Whether all peers within reach disagreed by at most `bound`.
    func isWithin(_ bound: Double) -> Bool {
        // Zero may stand for "unknown", whatever the bound is.
        entries[depth] > 0 && Self.value(entries[depth]) <= bound
    }

    /// The largest q whose value is not below `disagreement`.
    static func quantised(_ disagreement: Double) -> UInt8 {
        guard disagreement < 1 else { return 0 }
        guard disagreement > 0 else { return .max }
        var q = min(255, max(0, Int((-8 * log2(disagreement)).rounded(.down))))
        // `log2` may be off in its last bit, and what is handed on has to be a bound.
        while q > 0 && value(UInt8(q)) < disagreement { q -= 1 }
        return UInt8(q)
    }

    /// What an entry stands for.
    static func value(_ entry: UInt8) -> Double { exp2(-Double(entry) / 8) }
}

/// How far peers are from agreement.
package enum ConsensusDistance {
    /// The largest relative distance of a delta from the plain mean: `max_i ‖x_i − x̄‖ / ‖x̄‖`; zero when all are equal,
    /// and the absolute distance where the mean is zero.
    package static func relative(_ deltas: [AdapterDelta]) -> Double {
        guard let first = deltas.first else { return 0 }
        var mean = [Double](repeating: 0, count: first.values.count)
        for delta in deltas {
            precondition(delta.schema == first.schema, "a consensus distance is between deltas of one schema")
            for (index, value) in delta.values.enumerated() { mean[index] += Double(value) }
        }
        let scale = 1 / Double(deltas.count)
        for index in mean.indices { mean[index] *= scale }
        let meanNorm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let largest =
            deltas.map { delta in
                zip(delta.values, mean).reduce(0.0) { sum, pair in
                    let difference = Double(pair.0) - pair.1
                    return sum + difference * difference
                }.squareRoot()
            }.max() ?? 0
        return meanNorm > 0 ? largest / meanNorm : largest
    }
}
