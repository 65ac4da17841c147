package import Adapters

/// What a peer mixes with: one neighbour's contribution and what it weighs.
package struct MixingPartner: Sendable {
    /// The identity's bytes. They order the sum, so that it does not depend on who came first.
    package var identity: [UInt8]
    /// The neighbour's number of records, at least one.
    package var sampleCount: Int
    /// The neighbour's number of neighbours.
    package var degree: Int
    /// The neighbour's adapter.
    package var delta: AdapterDelta

    package init(identity: [UInt8], sampleCount: Int, degree: Int, delta: AdapterDelta) {
        self.identity = identity
        self.sampleCount = sampleCount
        self.degree = degree
        self.delta = delta
    }
}
