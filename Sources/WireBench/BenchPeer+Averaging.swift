import Basics
import Wire

extension BenchPeer {
    /// Whether the average is whole.
    var hasAveraged: Bool { averaging?.isFinished ?? false }

    /// The average.
    var average: [UInt8] { averaging?.result ?? [] }

    /// Takes a part in an average, and forgets the last one.
    func prepare(_ average: SliceAverage) {
        for object in served { endpoint.retire(object) }
        served = []
        averaging = average
        averageNumber += 1
    }

    /// Rounds of the manifests: a contribution to a slice, and a slice of the average.
    private var contributionRound: UInt64 { 2 * averageNumber }
    private var averageRound: UInt64 { 2 * averageNumber + 1 }

    /// A number that no other manifest of ours bears: those of a slice's contributions, then those of averages.
    private func sequence(_ number: Int) -> UInt64 { averageNumber * UInt64(2 * others.count) + UInt64(number) }

    /// Gives every other peer its slice of our values.
    func startAveraging(ids: [PeerID]) {
        others = ids
        for (slice, id) in ids.enumerated() where id != ownID {
            guard let payload = averaging?.contribution(to: slice) else { return }
            let manifest = publish(payload, round: contributionRound, sequence: sequence(slice))
            endpoint.announce(manifest.id, to: id, at: now)
        }
        settle()
    }

    /// Takes in a slice.
    func take(_ manifest: ContributionManifest, _ payload: [UInt8]) {
        if manifest.round == contributionRound {
            guard let average = averaging?.take(contribution: payload) else { return }
            let slice = others.firstIndex(of: ownID) ?? 0
            let signed = publish(average, round: averageRound, sequence: sequence(others.count + slice))
            for id in others where id != ownID { endpoint.announce(signed.id, to: id, at: now) }
        } else if let slice = others.firstIndex(of: manifest.origin) {
            averaging?.take(average: payload, of: slice)
        }
        if hasAveraged { averagedAt = .now }
    }

    private func publish(_ payload: [UInt8], round: UInt64, sequence: UInt64) -> SignedManifest {
        let payload = HashedPayload(payload)
        let manifest = Self.manifest(
            of: payload, swarm: swarm.identifier, keys: keys, round: round, sequence: sequence)
        served.append(endpoint.publish(manifest, payload))
        return manifest
    }
}
