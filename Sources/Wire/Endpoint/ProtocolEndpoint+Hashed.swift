extension ProtocolEndpoint {
    /// Serves an object from now on as `publish(_:payload:)` does, without hashing the payload once more. The payload must
    /// be the manifest's.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, _ payload: HashedPayload) -> ObjectID {
        precondition(
            payload.bytes.count == manifest.manifest.payloadByteCount && payload.root == manifest.manifest.root,
            "a published payload is the one that its manifest describes")
        published[manifest.id] = PublishedObject(
            manifest: manifest, payload: payload.bytes, leafHashes: payload.leafHashes,
            layout: ChunkLayout(payloadByteCount: payload.bytes.count))
        return manifest.id
    }
}
