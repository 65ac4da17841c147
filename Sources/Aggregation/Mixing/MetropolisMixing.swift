package import Adapters
package import Overlay

/// Gossip averaging with Metropolis–Hastings weights.
///
/// Peer i takes `w_ij = min(1 / (d_i + 1), (n_j / n_i) / (d_j + 1))` of its neighbour j, where d are degrees and n sample
/// counts, and keeps the rest (Hastings, 1970, with the proposal `1 / (degree + 1)` for every neighbour and for the peer
/// itself, and the target distribution `π ∝ n`). `n_i w_ij = n_j w_ji`: what i gains of the sample-weighted sum by j's
/// pull, j loses by i's, so that the sample-weighted mean `Σ n_i x_i / Σ n_i` stays when both pull, and it is where a
/// connected swarm ends. With equal counts the matrix is the symmetric, doubly stochastic one of Xiao and Boyd (2004).
///
/// The weight of a neighbour that is missing stays with i; that keeps every adapter a convex combination of adapters, and
/// the mean too as long as both sides miss each other. `docs/mathematics.md`, "Gossip averaging".
package struct MetropolisMixing: MixingRule {
    private var average = CopyAverage()
    /// What is taken of a neighbour in rounds with training, of what the weights say. Below one where copies stay behind the
    /// adapters, so that what is old is not added ever again: `x_i + γ Σ w_ij (q_j − q_i)` (CHOCO-Gossip).
    package let pace: Double

    /// - Parameter pace: γ, the same at all peers, else the mean would move.
    package init(pace: Double = 1) { self.pace = pace }

    /// The pace for copies that follow at a share of their places in each round. On a ring of eight and at a tenth of the
    /// places, five times the share was seen not to converge (docs/mathematics.md, "Copies").
    package static func pace(ofShare share: Double) -> Double { min(1, 2 * share) }

    package var keepsMeanOfCopies: Bool { true }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) {
        average.tell(share, in: round)
    }

    /// What a peer that counts `count` and has `degree` neighbours takes of one with `otherCount` and `otherDegree`. Counts
    /// below one count as one.
    package static func weight(count: Int, degree: Int, otherCount: Int, otherDegree: Int) -> Double {
        let ratio = Double(max(1, otherCount)) / Double(max(1, count))
        return min(1 / Double(degree + 1), ratio / Double(otherDegree + 1))
    }

    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        let pace = round.isSettling ? 1 : pace
        return average.mix(own, with: heard, in: round) { share, member in
            let weight = Self.weight(
                count: round.weight, degree: round.roster.degree, otherCount: share.weight, otherDegree: member.degree)
            return pace * weight
        }
    }

    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? {
        Self.matrix(of: graph, sampleCounts: sampleCounts, pace: 1)
    }

    /// With a pace below one: as if all copies were the adapters.
    package func matrices(of graph: SwarmGraph, sampleCounts: [Int]) -> [MixingMatrix] {
        pace < 1 ? [Self.matrix(of: graph, sampleCounts: sampleCounts, pace: pace)] : []
    }

    private static func matrix(of graph: SwarmGraph, sampleCounts: [Int], pace: Double) -> MixingMatrix {
        MixingMatrix(graph: graph, stationary: sampleCounts.map { Double(max(1, $0)) }) { peer, other in
            pace
                * weight(
                    count: sampleCounts[peer], degree: graph.degree(of: peer), otherCount: sampleCounts[other],
                    otherDegree: graph.degree(of: other))
        }
    }
}
