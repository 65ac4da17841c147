/// What a dishonest peer makes of its contributions: for simulated attackers. A real peer has none.
package enum Misconduct: Sendable, Hashable {
    /// Every value is this one, which no honest adapter has.
    case fill(with: Float)
    /// Every other neighbour is given another contribution for the same round, under the same sequence number.
    case equivocate
    /// Each round an old contribution is offered again with the new one.
    case replay
    /// The manifest says that the adapter has another schema.
    case malformedManifest
    /// The bytes that are served are not those of the manifest.
    case malformedLeaf
}
