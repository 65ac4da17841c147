/// The part of a manifest that is federation's own: one byte of version, then the agreement vector in settling rounds.
struct ContributionStatus: Sendable, Hashable {
    static let version: UInt8 = 1
    /// The greatest depth of an agreement vector: a manifest's status has 512 bytes.
    static let maximumDepth = 500

    /// The peer's agreement vector; nil in rounds with training.
    var agreement: AgreementVector?

    var encoded: [UInt8] { [Self.version] + (agreement?.entries ?? []) }

    /// The status that `bytes` hold in a swarm whose vectors have `depth`; nil for anything else.
    init?(encoded bytes: [UInt8], depth: Int) {
        guard bytes.first == Self.version else { return nil }
        guard bytes.count > 1 else { return }
        guard let agreement = AgreementVector(entries: bytes.dropFirst(), depth: depth) else { return nil }
        self.agreement = agreement
    }

    init(agreement: AgreementVector?) {
        self.agreement = agreement
    }
}
