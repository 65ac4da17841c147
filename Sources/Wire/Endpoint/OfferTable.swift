import DequeModule

/// Offers of one peer, the oldest forgotten first.
struct OfferTable: Sendable {
    private var manifests: [ObjectID: SignedManifest] = [:]
    private var order: Deque<ObjectID> = []

    /// The offer of `object`, if it is remembered.
    subscript(object: ObjectID) -> SignedManifest? { manifests[object] }

    /// Remembers an offer, at most `limit` in all.
    mutating func insert(_ manifest: SignedManifest, limit: Int) {
        guard manifests.updateValue(manifest, forKey: manifest.id) == nil else { return }
        order.append(manifest.id)
        if order.count > limit { manifests[order.removeFirst()] = nil }
    }
}
