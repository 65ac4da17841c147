/// What goes wrong in a run, and when: the content of a fault file (docs/simulation-reference.md).
///
/// One schedule drives the simulator and, through the relay, real processes. All times count from the swarm's start.
/// A run has two phases: until `healing` the faults act (the safety phase: nothing wrong may happen), from then on only
/// the network's own conditions remain (the liveness phase: everything right has to happen).
package struct FaultSchedule: Sendable, Hashable {
    /// What the file calls it.
    package var name: String
    /// The seed of what is drawn; nil to take the run's.
    package var seed: UInt64?
    /// When all faults end, also those without an end of their own.
    package var healing: Duration
    /// The network as it is without faults; it stays so after healing.
    package var network: LinkConditions
    /// Worse conditions of some links for some time. Where several hold at once, the later in the list wins, value by
    /// value.
    package var links: [LinkFault]
    /// Who cannot reach whom for some time.
    package var partitions: [NetworkPartition]
    /// What happens to peers.
    package var peers: [PeerFault]
    /// Who else sends datagrams.
    package var intruders: [Intruder]

    package init(
        name: String, seed: UInt64? = nil, healing: Duration = .zero, network: LinkConditions = .init(),
        links: [LinkFault] = [], partitions: [NetworkPartition] = [], peers: [PeerFault] = [],
        intruders: [Intruder] = []
    ) {
        self.name = name
        self.seed = seed
        self.healing = healing
        self.network = network
        self.links = links
        self.partitions = partitions
        self.peers = peers
        self.intruders = intruders
    }

    /// No fault at all, and a network that takes five milliseconds.
    package static var none: FaultSchedule {
        FaultSchedule(name: "none", network: LinkConditions(delay: .fixed(.milliseconds(5))))
    }
}

/// When a fault acts.
package struct FaultInterval: Sendable, Hashable {
    /// When it begins.
    package var from: Duration
    /// When it ends; nil for the healing.
    package var until: Duration?

    package init(from: Duration = .zero, until: Duration? = nil) {
        self.from = from
        self.until = until
    }

    /// Its end in a schedule that heals at `healing`.
    package func end(healing: Duration) -> Duration { min(until ?? healing, healing) }

    /// Whether it acts at `time`.
    package func contains(_ time: Duration, healing: Duration) -> Bool {
        time >= from && time < end(healing: healing)
    }
}

/// Who cannot reach whom for some time.
package struct NetworkPartition: Sendable, Hashable {
    /// How the network falls apart.
    package enum Shape: Sendable, Hashable {
        /// Into these groups; whoever is in none of them is a group with the other such ones.
        case groups([PeerSelector])
        /// One peer, or several, without the rest; among themselves they reach each other.
        case isolate(PeerSelector)
        /// Nothing from the first to the second; the other way is open.
        case oneWay(from: PeerSelector, to: PeerSelector)
        /// Two halves, drawn from the seed, that only this peer reaches both of.
        case bridge(PeerSelector)
        /// The links are clogged one by one in an order drawn from the seed, and released one by one in another: after
        /// FoundationDB's swizzle-clogging. Nothing is lost, much comes late and out of order.
        case swizzle(PeerSelector)
    }

    /// When.
    package var interval: FaultInterval
    /// How.
    package var shape: Shape

    package init(interval: FaultInterval, shape: Shape) {
        self.interval = interval
        self.shape = shape
    }
}
