/// An object that is served: payload and leaf hashes are shared by all transfers.
struct PublishedObject: Sendable {
    let manifest: SignedManifest
    let payload: [UInt8]
    let leafHashes: [UInt8]
    let layout: ChunkLayout
    /// The bodies of the frames that push it; none if it is too large for that. They too are shared by all that it is
    /// pushed to.
    let pushes: [[UInt8]]
}
