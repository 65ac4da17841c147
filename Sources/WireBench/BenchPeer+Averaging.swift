import Overlay
import Wire

extension BenchPeer {
    /// Rounds of the manifests: a contribution to a slice, and a slice of the average; the sequence number is the slice's.
    static let contributionRound: UInt64 = 1
    static let averageRound: UInt64 = 2

    /// Whether the average is whole.
    var hasAveraged: Bool { averaging?.isFinished ?? false }

    /// The average.
    var average: [UInt8] { averaging?.result ?? [] }

    /// Gives every other peer its slice of our values.
    func startAveraging(ids: [PeerID]) {
        others = ids
        for (slice, id) in ids.enumerated() where id != ownID {
            guard let payload = averaging?.contribution(to: slice) else { return }
            let manifest = publish(payload, round: Self.contributionRound, sequence: UInt64(slice))
            endpoint.announce(manifest.id, to: id, at: now)
        }
        settle()
    }

    /// Takes in a slice.
    func take(_ manifest: ContributionManifest, _ payload: [UInt8]) {
        if manifest.round == Self.contributionRound {
            guard let average = averaging?.take(contribution: payload) else { return }
            let slice = others.firstIndex(of: ownID) ?? 0
            let signed = publish(average, round: Self.averageRound, sequence: UInt64(others.count + slice))
            for id in others where id != ownID { endpoint.announce(signed.id, to: id, at: now) }
        } else if let slice = others.firstIndex(of: manifest.origin) {
            averaging?.take(average: payload, of: slice)
        }
        if hasAveraged { averagedAt = .now }
    }

    private func publish(_ payload: [UInt8], round: UInt64, sequence: UInt64) -> SignedManifest {
        let manifest = Self.manifest(
            of: payload, swarm: swarm.identifier, keys: keys, round: round, sequence: sequence)
        endpoint.publish(manifest, payload: payload)
        return manifest
    }
}
