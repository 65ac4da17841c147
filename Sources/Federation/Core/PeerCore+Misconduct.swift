import Adapters
import Aggregation
import Overlay
import Wire

extension PeerCore {
    /// Serves a contribution as a dishonest peer does.
    mutating func serve(
        _ manifest: ContributionManifest, payload: [UInt8], _ misconduct: Misconduct
    ) -> ObjectID {
        var (manifest, payload) = (manifest, payload)
        switch misconduct {
        case .fill(let value):
            payload = (0..<payload.count / 4).flatMap { _ in
                (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) }
            }
            manifest = self.manifest(of: payload, isFinal: manifest.flags.contains(.final))
        case .malformedManifest: manifest.schemaDigest = manifest.schemaDigest.map { ~$0 }
        case .malformedLeaf:
            let signed = SignedManifest(manifest, signedWith: local.signingKey)
            return wire.publishUnchecked(signed, payload: payload.map { ~$0 })
        case .equivocate, .replay: break
        }
        return wire.publish(SignedManifest(manifest, signedWith: local.signingKey), payload: payload)
    }

    /// Offers what a dishonest peer offers beside its contribution.
    mutating func offer(_ misconduct: Misconduct, isFinal: Bool, at time: MonotonicTime) {
        switch misconduct {
        case .equivocate:
            var other = delta
            other.values = other.values.map { -$0 }
            let payload = gate.payload(of: other)
            nextSequence -= 1
            let manifest = manifest(of: payload, isFinal: isFinal)
            nextSequence += 1
            let object = wire.publish(SignedManifest(manifest, signedWith: local.signingKey), payload: payload)
            for index in neighbours.indices where index % 2 == 1 {
                wire.announce(object, to: neighbours[index].id, at: time)
            }
        case .replay:
            guard let oldest = published.first else { return }
            for neighbour in neighbours where neighbour.isConnected {
                wire.announce(oldest.object, to: neighbour.id, at: time)
            }
        case .fill, .malformedManifest, .malformedLeaf: break
        }
    }
}
