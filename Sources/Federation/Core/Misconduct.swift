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
    /// What neighbours offer is shown to others altered, as if its origin had said two things.
    case forge
    /// The bytes that are served are not those of the manifest.
    case malformedLeaf
}
