import Adapters
import Aggregation
import Basics
import Cryptography
import Faults
import Federation
import Wire

/// What a dishonest peer makes of its contributions and of what it hears. It has the peer's keys, so that all it says is
/// signed as it should be.
struct Misconduct: OutgoingTampering {
    /// How it lies.
    enum Kind: Sendable, Hashable {
        /// Every value is this one, which no honest adapter has.
        case fill(with: Float)
        /// Every other neighbour is given another contribution for the same round, under the same sequence number.
        case equivocate
        /// Each round an old contribution is offered again with the new one.
        case replay
        /// The manifest says that the adapter has another schema.
        case malformedManifest
        /// What neighbours offer is shown to others altered, as if its origin had said two things.
        case forge
        /// The bytes that are served are not those of the manifest.
        case malformedLeaf
    }

    private let kind: Kind
    private let key: SigningKey
    /// How the swarm encodes contributions.
    private let exchange: ExchangePolicy

    init(_ kind: Kind, key: SigningKey, exchange: ExchangePolicy) {
        self.kind = kind
        self.key = key
        self.exchange = exchange
    }

    mutating func serve(_ publication: Publication, through wire: inout ProtocolEndpoint) -> ObjectID {
        var publication = publication
        switch kind {
        case .fill(let value):
            let values = [Float](repeating: value, count: publication.delta.values.count)
            publication = contribution(AdapterDelta(schema: publication.delta.schema, values: values), as: publication)
            publication.manifest.sequence += 1
        case .malformedManifest:
            publication.manifest.schemaDigest = publication.manifest.schemaDigest.map { ~$0 }
        case .malformedLeaf: publication.payload = HashedPayload(publication.payload.bytes.map { ~$0 })
        case .equivocate, .replay, .forge: break
        }
        // Of bytes that are not the manifest's, too.
        return wire.publishUnchecked(
            SignedManifest(publication.manifest, signedWith: key), payload: publication.payload.bytes)
    }

    mutating func offered(
        _ publication: Publication, in scene: TamperingScene, through wire: inout ProtocolEndpoint,
        at time: MonotonicTime
    ) {
        switch kind {
        case .equivocate:
            var other = publication.delta
            other.values = other.values.map { -$0 }
            let second = contribution(other, as: publication)
            let object = wire.publish(SignedManifest(second.manifest, signedWith: key), second.payload)
            for (place, neighbour) in scene.neighbours.enumerated() where place % 2 == 1 {
                wire.announce(object, to: neighbour.id, at: time)
            }
        case .replay:
            guard let oldest = scene.served.first else { return }
            for neighbour in scene.neighbours where neighbour.isConnected {
                wire.announce(oldest, to: neighbour.id, at: time)
            }
        case .fill, .malformedManifest, .malformedLeaf, .forge: break
        }
    }

    /// Shows everybody else what a neighbour has offered as if it had said something else, under a signature of its own.
    mutating func heard(
        _ manifest: SignedManifest, in scene: TamperingScene, through wire: inout ProtocolEndpoint
    ) {
        guard kind == .forge else { return }
        var altered = manifest.manifest
        altered.sampleCount += 1
        let signature = key.signature(of: altered.encoded)
        for neighbour in scene.neighbours where neighbour.isConnected && neighbour.id != altered.origin {
            wire.testifyUnchecked(altered.encoded + signature, to: neighbour.id)
        }
    }

    /// What `publication` would be if the adapter were `delta`: under the same number, for the same round.
    private func contribution(_ delta: AdapterDelta, as publication: Publication) -> Publication {
        var (manifest, encoding) = (publication.manifest, exchange.encoding)
        var bytes = Array(publication.payload.bytes.prefix(exchange.mixing.headerByteCount))
        _ = encoding.encode(delta, for: .everyone, into: &bytes)
        let payload = HashedPayload(bytes)
        manifest.payloadByteCount = bytes.count
        manifest.root = payload.root
        return Publication(manifest: manifest, payload: payload, delta: delta)
    }
}

extension ByzantineBehaviour {
    /// What is done to what the peer sends; nil where the trainer's result is what is wrong.
    var misconduct: Misconduct.Kind? {
        switch self {
        case .signFlip, .scale: nil
        case .notANumber: .fill(with: .nan)
        case .infinite: .fill(with: .infinity)
        case .equivocate: .equivocate
        case .replay: .replay
        case .malformedManifest: .malformedManifest
        case .malformedLeaf: .malformedLeaf
        case .forge: .forge
        }
    }

    /// Whether honest peers cannot tell and mix it: what their adapters become is then nobody's promise. The others they
    /// refuse, and agree with each other as if the peer were away.
    var misleads: Bool {
        switch self {
        case .signFlip, .scale, .equivocate: true
        case .notANumber, .infinite, .replay, .malformedManifest, .malformedLeaf, .forge: false
        }
    }
}
