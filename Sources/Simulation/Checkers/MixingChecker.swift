import Adapters
import Aggregation
package import Basics
package import Federation
package import Overlay

/// Averages again what honest peers averaged, from what everybody published, and compares: mass that is lost, gained or
/// counted twice shows at once, and so does a contribution that is too old or was never published.
///
/// It has its own copy of one rule: Metropolis–Hastings weights, `min(1 / (d_i + 1), (n_j / n_i) / (d_j + 1))`, the rest
/// for the own adapter (docs/mathematics.md). Of another rule it takes the matrix that the rule says it mixes by; where
/// there is none, or the rule moves mass (`MassChecker`), it compares no sums.
package struct MixingChecker: Sendable {
    private struct Published {
        var sequence: UInt64
        var round: Int
        var isFinal: Bool
        var values: [Float]
        /// What neighbours did not read of the peer's own adapter; nil where they read all.
        var heldBack: [Float]?
    }

    /// The most contributions of a peer that are remembered.
    private static let memory = 32

    /// What a peer is to take of a neighbour.
    private enum Weights: Sendable {
        /// At this pace in so many rounds with training.
        case metropolis(pace: Double, rounds: Int)
        case matrix(MixingMatrix)
        /// These, or as Metropolis–Hastings has it before a peer knows what the others count.
        case reduced(MixingMatrix)
        /// These in turn in rounds with training, then the last.
        case turns([MixingMatrix], rounds: Int, then: MixingMatrix)
        case unknown
    }

    private let weights: Weights
    private let indexOfPeer: [PeerID: Int]
    /// The peers' weights and numbers of neighbours.
    private let counts: [Int]
    private let degrees: [Int]
    private let staleness: Int
    private var published: [[Published]]
    private var courses: [SettlingCourse?]

    package init(ids: [PeerID], graph: SwarmGraph, configurations: [PeerConfiguration]) {
        indexOfPeer = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        counts = configurations.map { $0.exchange.weight(ofSampleCount: $0.roster.sampleCount) }
        degrees = configurations.map(\.roster.degree)
        staleness = configurations.map(\.exchange.staleness).max() ?? 0
        published = Array(repeating: [], count: ids.count)
        courses = configurations.map { configuration in
            configuration.exchange.chebyshev.map { SettlingCourse($0, rounds: configuration.rounds) }
        }
        let rule = configurations.first?.exchange.mixing ?? MetropolisMixing()
        let turns = rule.matrices(of: graph, sampleCounts: counts)
        weights =
            if let rule = rule as? MetropolisMixing {
                .metropolis(pace: rule.pace, rounds: configurations.first?.rounds ?? 0)
            } else if rule.reduces, let matrix = rule.matrix(of: graph, sampleCounts: counts) {
                .reduced(matrix)
            } else if !rule.movesMass, let matrix = rule.matrix(of: graph, sampleCounts: counts) {
                turns.isEmpty
                    ? .matrix(matrix) : .turns(turns, rounds: configurations.first?.rounds ?? 0, then: matrix)
            } else {
                .unknown
            }
    }

    /// What `peer` takes in a round of what `origin` published for the round `made`; nil where that is not known.
    private func weight(of origin: Int, made: Int, at peer: Int, in round: Int) -> Double? {
        switch weights {
        case .metropolis(let pace, let rounds): return (round < rounds ? pace : 1) * metropolis(peer, origin)
        case .matrix(let matrix), .reduced(let matrix): return matrix[peer, origin]
        case .turns(let matrices, let rounds, let last):
            if round >= rounds { return last[peer, origin] }
            return made == round ? matrices[round % matrices.count][peer, origin] : 0
        case .unknown: return nil
        }
    }

    private func metropolis(_ peer: Int, _ origin: Int) -> Double {
        let ratio = Double(counts[origin]) / Double(counts[peer])
        return min(1 / Double(degrees[peer] + 1), ratio / Double(degrees[origin] + 1))
    }

    /// Takes what a peer did; what is wrong with it, or nil. `dishonest` are those whose contributions are not known.
    package mutating func observe(_ audit: PeerAudit, of peer: Int, dishonest: [Bool]) -> String? {
        switch audit {
        case .published(let round, let sequence, let isFinal, let delta, let own):
            let heldBack = own.map { zip($0.values, delta.values).map { $0 - $1 } }
            published[peer].append(
                Published(
                    sequence: sequence, round: round, isFinal: isFinal, values: delta.values, heldBack: heldBack))
            if published[peer].count > Self.memory { published[peer].removeFirst() }
            // What is made after the finish is the final adapter, whose round was not mixed.
            guard let own, !isFinal, !dishonest[peer] else { return nil }
            return courses[peer]?.went(to: own.values, in: round)
        case .paused: return nil
        case .mixed(let round, let parts, let delta):
            courses[peer]?.mixed(delta.values, in: round)
            guard !dishonest[peer], let own = published[peer].last, own.round == round else { return nil }
            guard Set(parts.map(\.origin)).count == parts.count else { return "mixed one peer's adapter twice" }
            var heard: [(origin: Int, found: Published)] = []
            for part in parts {
                guard let origin = indexOfPeer[part.origin], !dishonest[origin] else { return nil }
                guard remembers(part, of: origin) else { return nil }
                guard let found = contribution(part, of: origin) else {
                    return "mixed in round \(round) what peer \(origin) never published"
                }
                guard found.isFinal || abs(found.round - round) <= staleness else {
                    return "mixed in round \(round) peer \(origin)'s contribution of round \(found.round)"
                }
                heard.append((origin, found))
            }
            if case .unknown = weights { return nil }
            let first = difference(of: delta.values, from: own, heard) {
                weight(of: $0, made: $1, at: peer, in: round) ?? 0
            }
            guard var least = first else { return nil }
            if case .reduced = weights {
                let second = difference(of: delta.values, from: own, heard) { origin, _ in metropolis(peer, origin) }
                guard let second else { return nil }
                least = min(least, second)
            }
            return "mixed in round \(round) and is off by \(least)"
        case .adopted(let parts, let own, let delta):
            courses[peer]?.forget()
            guard !dishonest[peer] else { return nil }
            var terms: [(weight: Double, values: [Float])] = []
            if let own { terms.append((Double(counts[peer]), own.values)) }
            for part in parts {
                guard let origin = indexOfPeer[part.origin], !dishonest[origin] else { return nil }
                guard remembers(part, of: origin) else { return nil }
                guard let found = contribution(part, of: origin) else {
                    return "took over what peer \(origin) never published"
                }
                terms.append((Double(counts[origin]), found.values))
            }
            if case .unknown = weights { return nil }
            let total = terms.reduce(0) { $0 + $1.weight }
            for index in terms.indices { terms[index].weight /= total }
            return Self.difference(delta.values, terms).map { "took over a mean that is off by \($0)" }
        }
    }

    /// By how much `values` differ from the average of what a peer published and what it heard; nil where that is rounding.
    private func difference(
        of values: [Float], from own: Published, _ heard: [(origin: Int, found: Published)],
        weight: (_ origin: Int, _ made: Int) -> Double
    ) -> Double? {
        var terms = heard.map { (weight: weight($0.origin, $0.found.round), values: $0.found.values) }
        // The weight of who is missing stays with the peer itself.
        terms.append((1 - terms.reduce(0) { $0 + $1.weight }, own.values))
        if let heldBack = own.heldBack { terms.append((1, heldBack)) }
        // Where factors alternate, a contribution of another round may hold more than what is mixed.
        guard terms.allSatisfy({ $0.values.count == values.count }) else { return nil }
        return Self.difference(values, terms)
    }

    /// Whether it is known what the peer published under that number, or that it published nothing: old ones are forgotten.
    private func remembers(_ part: PeerAudit.Part, of origin: Int) -> Bool {
        published[origin].count < Self.memory || part.sequence >= published[origin][0].sequence
    }

    private func contribution(_ part: PeerAudit.Part, of origin: Int) -> Published? {
        published[origin].last { $0.sequence == part.sequence }
    }

    /// By how much `values` differ from the weighted sum; nil where that is rounding.
    private static func difference(_ values: [Float], _ terms: [(weight: Double, values: [Float])]) -> Double? {
        for (index, value) in values.enumerated() {
            var sum = 0.0
            var largest = 0.0
            for term in terms {
                sum += term.weight * Double(term.values[index])
                largest = max(largest, abs(Double(term.values[index])))
            }
            let difference = abs(Double(value) - sum)
            // NaN compares with nothing.
            if !(difference <= 1e-6 * largest) && !(difference == 0) { return difference }
        }
        return nil
    }
}
