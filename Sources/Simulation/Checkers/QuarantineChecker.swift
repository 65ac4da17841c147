package import Basics

/// Whether those who tell their neighbours different things are found out and shut out, and nobody else is.
package struct QuarantineChecker: Sendable {
    /// A proof has so long to reach a neighbour that stays: sessions that broke off are up again by then.
    package static let spreading = Duration.seconds(30)
    /// When so many contributions were taken from it, whoever says two things is found out, whatever the network does.
    package static let certain = 12

    private let neighbours: [[Int]]
    /// How many contributions were taken from each that says two things.
    private var doubles: [Int: Int] = [:]
    /// Who says two things now.
    private var isLying: Set<Int> = []
    /// When each was first shut out, and by whom.
    private var firstShutOut: [Int: MonotonicTime] = [:]
    private var shutOutBy: [Int: Set<Int>] = [:]
    /// When each peer's last process came to its end; nil while it runs.
    private var ends: [MonotonicTime?]

    package init(neighbours: [[Int]]) {
        self.neighbours = neighbours
        ends = Array(repeating: nil, count: neighbours.count)
    }

    /// The peer says two things from now on.
    package mutating func equivocates(_ peer: Int) {
        doubles[peer] = doubles[peer] ?? 0
        isLying.insert(peer)
    }

    /// The peer is honest again.
    package mutating func reforms(_ peer: Int) { isLying.remove(peer) }

    /// A contribution of the peer was taken in.
    package mutating func heard(_ peer: Int) {
        if isLying.contains(peer) { doubles[peer]? += 1 }
    }

    /// A process of the peer starts, without the proofs of the one before.
    package mutating func starts(_ peer: Int) {
        ends[peer] = nil
        for key in shutOutBy.keys { shutOutBy[key]!.remove(peer) }
    }

    /// The peer's process came to its end by itself.
    package mutating func ends(_ peer: Int, at time: MonotonicTime) { ends[peer] = time }

    /// `peer` shuts `other` out.
    package mutating func shutsOut(_ peer: Int, _ other: Int, at time: MonotonicTime) {
        firstShutOut[other] = firstShutOut[other] ?? time
        shutOutBy[other, default: []].insert(peer)
    }

    /// The run is over: who should have been shut out, and was not, by an honest peer that was there long enough.
    package func conclude(dishonest: [Bool], at time: MonotonicTime) -> [String] {
        var problems: [String] = []
        for (peer, count) in doubles.sorted(by: { $0.key < $1.key }) {
            guard let first = firstShutOut[peer] else {
                if count >= Self.certain {
                    problems.append("peer \(peer) said two things unnoticed, \(count) contributions long")
                }
                continue
            }
            for neighbour in neighbours[peer] where !dishonest[neighbour] {
                let isHere = (ends[neighbour] ?? time) >= first + Self.spreading
                if isHere, !(shutOutBy[peer]?.contains(neighbour) ?? false) {
                    problems.append("peer \(neighbour) never learnt that peer \(peer) said two things")
                }
            }
        }
        return problems
    }
}
