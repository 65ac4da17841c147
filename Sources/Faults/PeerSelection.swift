import Basics
import Foundation

/// Which peers a fault is about.
package enum PeerSelector: Sendable, Hashable {
    /// Every peer.
    case all
    /// The peers with these names.
    case names([String])
    /// So many peers, drawn from the seed.
    case random(Int)
}

/// Turns selectors into peers, drawing from one seed in the order of the questions.
struct PeerSelection {
    let names: [String]
    var generator: SeededGenerator

    /// For every peer whether `selector` means it.
    mutating func members(of selector: PeerSelector) throws(FaultPlanError) -> [Bool] {
        var members = [Bool](repeating: false, count: names.count)
        switch selector {
        case .all: return [Bool](repeating: true, count: names.count)
        case .names(let chosen):
            for name in chosen {
                guard let index = names.firstIndex(of: name) else { throw .unknownPeer(name: name, known: names) }
                members[index] = true
            }
        case .random(let count):
            guard count <= names.count else { throw .tooMany(asked: count, count: names.count) }
            for index in shuffled(Array(names.indices)).prefix(count) { members[index] = true }
        }
        return members
    }

    /// The numbers in an order drawn from the seed.
    mutating func shuffled(_ numbers: [Int]) -> [Int] { numbers.shuffled(using: &generator) }

    /// A duration from the exponential distribution with this mean, at most twenty times it.
    mutating func exponential(mean: Duration) -> Duration {
        mean * min(20, -log(1 - generator.uniform()))
    }
}
