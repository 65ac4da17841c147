import Basics
import DequeModule

/// What a peer has signed lately, and what speaks against it.
struct PeerStanding: Sendable {
    /// Its manifests, whoever passed them on.
    var ledger = ManifestLedger()
    /// Objects that it has offered, whoever made them.
    var offers = OfferTable()
    /// That it has said two things.
    private(set) var proof: EquivocationProof?
    /// That its keys are no longer to be trusted.
    private(set) var revocation: Revocation?
    /// What its newest record says beyond the allow list; nil where it says the same, or there is none.
    private(set) var record: PeerRecord?
    /// The greatest number of its records, and when news of it was last taken.
    private var recordSequence: UInt64 = 0
    private var recordTime: MonotonicTime?

    /// Whether nothing of the peer's making is taken any more.
    var isBarred: Bool { revocation != nil || proof != nil }

    /// Compares a manifest of the peer's with what it has said before.
    ///
    /// - Returns: the proof that it said two things, the first time that there is one.
    mutating func examine(_ manifest: SignedManifest, limit: Int) -> EquivocationProof? {
        guard proof == nil, let found = ledger.record(manifest, limit: limit) else { return nil }
        proof = found
        ledger = ManifestLedger()
        offers = OfferTable()
        return found
    }

    /// The peer's keys are revoked.
    mutating func revoke(by revocation: Revocation) {
        self.revocation = revocation
        offers = OfferTable()
    }

    /// Takes over what an earlier process knew.
    mutating func restore(_ record: PeerRecord) {
        self.record = record
        recordSequence = record.content.sequence
    }

    /// What a record means to us.
    enum Judgement {
        /// It is known, or older than what is.
        case old
        /// It is not to be believed, or comes too soon after the last.
        case bad
        /// The peer is where the allow list says, as before.
        case nothingNew
        /// The peer has moved, or has come back.
        case news
    }

    /// Takes in the record `content`, whose bytes are `encoded`.
    ///
    /// - Parameters:
    ///   - wallClock: the record must not have expired by then.
    ///   - latest: the greatest timestamp that any clock can be believed to show.
    ///   - pause: the least time between two pieces of news that are taken.
    mutating func take(
        _ content: PeerRecord.Content, encoded: [UInt8], of remote: RemotePeer, wallClock: UInt64, latest: UInt64,
        pause: Duration, at time: MonotonicTime
    ) -> Judgement {
        // Most that are passed on are known already.
        guard content.sequence > recordSequence, revocation == nil else { return .old }
        guard content.sequence <= latest else { return .bad }
        let isElsewhere = content.addresses != remote.address.map { [$0] } ?? []
        // News is also what takes an earlier record back.
        let isNews = isElsewhere || record != nil
        guard content.exchangeKey == remote.exchangeKey, content.expiry > wallClock,
            !isNews || recordTime.map({ $0 + pause <= time }) ?? true, let signed = PeerRecord(encoded: encoded)
        else { return .bad }
        recordSequence = content.sequence
        guard isNews else { return .nothingNew }
        record = isElsewhere ? signed : nil
        recordTime = time
        return .news
    }
}

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
