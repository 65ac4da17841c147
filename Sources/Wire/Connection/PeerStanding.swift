import Basics

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
    ///   - pause: the least time between two pieces of news that are taken.
    mutating func take(
        _ content: PeerRecord.Content, encoded: [UInt8], of remote: RemotePeer, wallClock: UInt64, pause: Duration,
        at time: MonotonicTime
    ) -> Judgement {
        // Most that are passed on are known already.
        guard content.sequence > recordSequence, revocation == nil else { return .old }
        let isElsewhere = content.addresses != remote.address.map { [$0] } ?? []
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
