import Adapters
package import Aggregation
package import Basics
package import Federation
import Overlay

/// Counts the mass of a swarm whose mixing rule moves mass (push-sum): what all peers hold, and what one has given and the
/// other has not taken yet. Weights change only when a peer begins or loses its state; numerators by local steps besides.
///
/// It compares while every peer that has begun is there: what a peer holds that is down is what its disk will say. And nobody
/// may have taken more than it was given: that would balance a giver that kept what it gave.
package struct MassChecker: Sendable {
    private let ids: [PeerID]
    private let counts: [Int]
    /// What tells each peer's state from one that it lost; nil before it has one.
    private var marks: [UInt64?]
    /// How many processes each peer has had.
    private var processCounts: [Int]
    /// The accounts of peers that came to their end.
    private var ended: [MassAccount?]
    /// Each peer's adapter after its last mixing; nil where it is not known.
    private var last: [[Float]?]
    /// What the swarm should hold; nil before it is known.
    private var weight: Double?
    private var numerator: [Double]?
    /// Whether a lost state was not noticed by all when the swarm was counted last.
    private var wasUnnoticed = false
    /// Whether something has happened that mass must outlive.
    private var isDue = false
    /// Whether somebody says other things than it does.
    private var isMisled = false

    /// Rounding of sums over all peers, relative to them.
    private static let tolerance = 1e-7

    package init(ids: [PeerID], configurations: [PeerConfiguration]) {
        self.ids = ids
        counts = configurations.map { $0.exchange.weight(ofSampleCount: $0.roster.sampleCount) }
        marks = Array(repeating: nil, count: ids.count)
        processCounts = Array(repeating: 0, count: ids.count)
        ended = Array(repeating: nil, count: ids.count)
        last = Array(repeating: nil, count: ids.count)
    }

    /// A process of the peer starts, from what its disk holds.
    package mutating func starts(_ peer: Int) {
        processCounts[peer] += 1
        ended[peer] = nil
        last[peer] = nil
        numerator = nil
    }

    /// A process of the peer came to its end by itself and held this.
    package mutating func ends(_ peer: Int, holding account: MassAccount?) { ended[peer] = account }

    /// A peer says other things than it does from now on.
    package mutating func mislead() { isMisled = true }

    /// Takes what a peer did.
    package mutating func observe(_ audit: PeerAudit, of peer: Int) {
        isDue = true
        switch audit {
        case .published(_, _, _, _, nil): break
        case .published(_, _, _, _, let own?), .paused(_, let own):
            if let before = last[peer], numerator != nil {
                for index in own.values.indices {
                    numerator![index] += Double(counts[peer]) * (Double(own.values[index]) - Double(before[index]))
                }
            } else {
                numerator = nil
            }
            last[peer] = own.values
        case .mixed(_, _, let delta): last[peer] = delta.values
        case .adopted(_, _, let delta):
            last[peer] = delta.values
            numerator = nil
        }
    }

    /// Counts again, if there is a reason to; what is wrong, or nil.
    ///
    /// - Parameter running: what the peers' processes hold.
    package mutating func check(running: (Int) -> MassAccount?) -> String? {
        guard isDue, !isMisled else { return nil }
        isDue = false
        let accounts = ids.indices.map { running($0) ?? ended[$0] }
        guard ids.indices.allSatisfy({ accounts[$0] != nil || marks[$0] == nil }) else {
            numerator = nil
            return nil
        }
        if let message = overdraft(accounts) { return message }
        let total = MassAccount.total(accounts, of: ids)
        let isNew = ids.indices.filter { accounts[$0] != nil && accounts[$0]?.mark != marks[$0] }
        let isUnnoticed = isUnnoticed(accounts)
        if isNew.contains(where: { marks[$0] != nil }) || isUnnoticed || wasUnnoticed {
            weight = total.weight
        } else {
            weight = isNew.reduce(weight ?? 0) { $0 + Double(counts[$1]) }
        }
        if !isNew.isEmpty || isUnnoticed || wasUnnoticed { numerator = nil }
        wasUnnoticed = isUnnoticed
        for index in isNew { marks[index] = accounts[index]?.mark }
        let should = weight ?? total.weight
        guard abs(total.weight - should) <= Self.tolerance * should else {
            weight = total.weight
            return "the swarm holds a weight of \(total.weight); it should be \(should)"
        }
        guard let before = numerator else {
            numerator = total.numerator
            return nil
        }
        let scale = total.scale * Double(ids.count)
        for index in before.indices where abs(total.numerator[index] - before[index]) > Self.tolerance * scale {
            numerator = total.numerator
            return "the swarm holds \(total.numerator[index]) of value \(index); it should be \(before[index])"
        }
        return nil
    }

    /// Who has taken more of a neighbour than this gave; nil where nobody has.
    ///
    /// A peer that goes on from an older state gives again what it gave before, and a new state may take what was meant for
    /// the one before: pairs with such a peer are left out.
    private func overdraft(_ accounts: [MassAccount?]) -> String? {
        let steady = ids.indices.filter { processCounts[$0] == 1 }
        for from in steady {
            for to in steady {
                guard let giver = accounts[from], let taken = accounts[to]?.edges[ids[from]]?.taken else { continue }
                let given = giver.edges[ids[to]]?.given ?? MassAccount.Sums()
                if (taken.epoch, taken.weight) > (given.epoch, given.weight) {
                    return "peer \(to) has taken a weight of \(taken.weight) from peer \(from), "
                        + "which gave \(given.weight)"
                }
            }
        }
        return nil
    }

    /// Whether somebody has not noticed yet that a neighbour lost its state: what that gave before may still be taken.
    private func isUnnoticed(_ accounts: [MassAccount?]) -> Bool {
        for account in accounts {
            for (id, edge) in account?.edges ?? [:] where edge.mark != 0 {
                if let index = ids.firstIndex(of: id), let mark = accounts[index]?.mark, mark != edge.mark {
                    return true
                }
            }
        }
        return false
    }
}
