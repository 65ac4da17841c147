package import Adapters

/// A defence against neighbours that lie within what the gate lets through: it looks at all contributions of a round
/// before they are mixed.
///
/// It may leave contributions out and change their values (norm clipping scales them, a trimmed mean replaces what lies
/// outside by the own, Krum keeps one). What it leaves out is mixed like what never came: its weight stays with the peer.
package protocol ContributionFilter: Sendable {
    /// Of the contributions `heard` those that are mixed with `own`, in the same order.
    mutating func filtered(_ heard: [HeardShare], own: AdapterDelta, in round: MixingRound) -> [HeardShare]
}
