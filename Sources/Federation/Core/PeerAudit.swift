package import Adapters
package import Basics

/// What a checker outside has to see to average again what a peer averaged: told only where it was asked for
/// (`PeerCore.isAudited`), by simulations. A real peer keeps its adapters to itself.
package enum PeerAudit: Sendable {
    /// A neighbour's contribution by its sequence number.
    package struct Part: Sendable, Hashable {
        /// Who made it.
        package var origin: PeerID
        /// Its number.
        package var sequence: UInt64

        package init(origin: PeerID, sequence: UInt64) {
            self.origin = origin
            self.sequence = sequence
        }
    }

    /// The peer has published `delta` under the number `sequence`.
    case published(round: Int, sequence: UInt64, isFinal: Bool, delta: AdapterDelta)
    /// It has mixed what it published for this round with these, and has now `delta`.
    case mixed(round: Int, with: [Part], delta: AdapterDelta)
    /// It fell behind and has taken the mean of these as its own.
    case adopted(of: [Part], delta: AdapterDelta)
}
