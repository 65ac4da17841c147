import DequeModule

/// The manifests of one origin that were seen last, by sequence number: a second one under the same number is a proof.
struct ManifestLedger: Sendable {
    private var manifests: [UInt64: SignedManifest] = [:]
    private var order: Deque<UInt64> = []

    /// The manifest that was seen under a sequence number.
    subscript(sequence: UInt64) -> SignedManifest? { manifests[sequence] }

    /// Takes in a manifest of the origin; of many, the last `limit` are remembered.
    ///
    /// - Returns: the proof that it makes with one that was there before.
    mutating func record(_ manifest: SignedManifest, limit: Int) -> EquivocationProof? {
        let sequence = manifest.manifest.sequence
        if let known = manifests[sequence] { return EquivocationProof(known, manifest) }
        manifests[sequence] = manifest
        order.append(sequence)
        if order.count > limit { manifests[order.removeFirst()] = nil }
        return nil
    }
}
