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
