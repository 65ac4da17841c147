/// An object that is served: payload and leaf hashes are shared by all transfers.
struct PublishedObject: Sendable {
    let manifest: SignedManifest
    let payload: [UInt8]
    let leafHashes: [UInt8]
    let layout: ChunkLayout
}
