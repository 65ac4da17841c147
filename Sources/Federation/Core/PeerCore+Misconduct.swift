import Adapters
import Aggregation
import Basics
import Cryptography
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
            manifest = self.manifest(
                of: HashedPayload(payload), encoding: manifest.encoding, isFinal: manifest.flags.contains(.final))
        case .malformedManifest: manifest.schemaDigest = manifest.schemaDigest.map { ~$0 }
        case .malformedLeaf:
            let signed = SignedManifest(manifest, signedWith: local.signingKey)
            return wire.publishUnchecked(signed, payload: payload.map { ~$0 })
        case .equivocate, .replay, .forge: break
        }
        return wire.publish(SignedManifest(manifest, signedWith: local.signingKey), payload: payload)
    }

    /// Shows everybody else what a neighbour has offered as if it had said something else, under a signature of its own.
    mutating func forge(_ signed: SignedManifest) {
        var manifest = signed.manifest
        manifest.sampleCount += 1
        let signature = local.signingKey.signature(of: manifest.encoded)
        for neighbour in neighbours where neighbour.isConnected && neighbour.id != manifest.origin {
            wire.testifyUnchecked(manifest.encoded + signature, to: neighbour.id)
        }
    }

    /// Offers what a dishonest peer offers beside its contribution.
    mutating func offer(_ misconduct: Misconduct, isFinal: Bool, at time: MonotonicTime) {
        switch misconduct {
        case .equivocate:
            var other = delta
            other.values = other.values.map { -$0 }
            guard let double = pipeline.outgoing(other, in: mixingRound(isFinal: isFinal)).first else { return }
            let payload = double.payload
            nextSequence -= 1
            let manifest = manifest(of: HashedPayload(payload), encoding: double.encoding, isFinal: isFinal)
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
        case .fill, .malformedManifest, .malformedLeaf, .forge: break
        }
    }
}
