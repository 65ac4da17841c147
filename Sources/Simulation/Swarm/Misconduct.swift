import Adapters
package import Aggregation
package import Basics
package import Cryptography
package import Faults
package import Federation
package import Wire

/// What a dishonest peer makes of its contributions and of what it hears. It has the peer's keys, so that all it says is
/// signed as it should be.
package struct Misconduct: OutgoingTampering {
    /// How it lies.
    package enum Kind: Sendable, Hashable {
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
        /// The manifest's round is this many rounds ahead.
        case jump(Int)
        /// The manifest says that the adapter is final.
        case earlyFinal
        /// Nothing is served; nor said, where it `keepsQuiet`.
        case silence(keepsQuiet: Bool)
        /// The status says that nothing is known of the swarm's agreement.
        case neverAgree
        /// So many manifests of another schema are offered with each good one.
        case flood(Int)
    }

    private let kind: Kind
    private let key: SigningKey
    /// How the swarm encodes contributions.
    private let exchange: ExchangePolicy

    package init(_ kind: Kind, key: SigningKey, exchange: ExchangePolicy) {
        self.kind = kind
        self.key = key
        self.exchange = exchange
    }

    package var keepsQuiet: Bool { kind == .silence(keepsQuiet: true) }

    package mutating func serve(_ publication: Publication, through wire: inout ProtocolEndpoint) -> ObjectID? {
        var publication = publication
        switch kind {
        case .fill(let value):
            let values = [Float](repeating: value, count: publication.delta.values.count)
            publication = contribution(AdapterDelta(schema: publication.delta.schema, values: values), as: publication)
            // A number of its own: two contributions under one would be a proof of equivocation, which is another lie.
            publication.manifest.sequence += 1
        case .malformedManifest:
            publication.manifest.schemaDigest = publication.manifest.schemaDigest.map { ~$0 }
        case .malformedLeaf: publication.payload = HashedPayload(publication.payload.bytes.map { ~$0 })
        case .jump(let rounds): publication.manifest.round += UInt64(rounds)
        case .earlyFinal: publication.manifest.flags.insert(.final)
        case .silence: return nil
        case .neverAgree:
            // The version is the first byte.
            let status = publication.manifest.status
            publication.manifest.status =
                Array(status.prefix(1)) + [UInt8](repeating: 0, count: max(1, status.count) - 1)
        case .equivocate, .replay, .forge, .flood: break
        }
        // Of bytes that are not the manifest's, too.
        return wire.publish(
            SignedManifest(publication.manifest, signedWith: key), payload: publication.payload.bytes)
    }

    package mutating func offered(
        _ publication: Publication, in scene: TamperingScene, through wire: inout ProtocolEndpoint,
        at time: MonotonicTime
    ) {
        switch kind {
        case .equivocate:
            var other = publication.delta
            other = other.map { -$0 }
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
        case .flood(let count):
            for number in 0..<count {
                var useless = publication.manifest
                useless.schemaDigest[0] ^= 0xff
                // Sequence numbers are those of a clock: between two contributions there is room for many.
                useless.sequence &+= UInt64(number + 1) << 40
                let object = wire.publish(SignedManifest(useless, signedWith: key), publication.payload)
                for neighbour in scene.neighbours where neighbour.isConnected {
                    wire.announce(object, to: neighbour.id, at: time)
                }
                wire.retire(object)
            }
        case .fill, .malformedManifest, .malformedLeaf, .forge, .jump, .earlyFinal, .silence, .neverAgree: break
        }
    }

    /// Shows everybody else what a neighbour has offered as if it had said something else, under a signature of its own.
    package mutating func heard(
        _ manifest: SignedManifest, in scene: TamperingScene, through wire: inout ProtocolEndpoint
    ) {
        guard kind == .forge else { return }
        var altered = manifest.manifest
        altered.sampleCount += 1
        let signature = key.signature(of: altered.encoded)
        for neighbour in scene.neighbours where neighbour.isConnected && neighbour.id != altered.origin {
            wire.testify(altered.encoded + signature, to: neighbour.id)
        }
    }

    /// What `publication` would be if the adapter were `delta`: under the same number, for the same round.
    ///
    /// In single precision, which every swarm reads: other encodings cannot say what some lies are. Where gradients are
    /// tracked, their sum is the same lie.
    private func contribution(_ delta: AdapterDelta, as publication: Publication) -> Publication {
        var (manifest, encoding) = (publication.manifest, SinglePrecision())
        var bytes = Array(publication.payload.bytes.prefix(exchange.mixing.headerByteCount))
        _ = encoding.encode(delta, seed: manifest.round, into: &bytes)
        if publication.hasSum { _ = encoding.encode(delta, seed: manifest.round, into: &bytes) }
        let payload = HashedPayload(bytes)
        manifest.encoding = encoding.number
        manifest.payloadByteCount = bytes.count
        manifest.root = payload.root
        return Publication(
            manifest: manifest, payload: payload, delta: delta, hasSum: publication.hasSum)
    }
}

extension ByzantineBehaviour {
    /// What is done to what the peer sends; nil where the trainer's result is what is wrong.
    package var misconduct: Misconduct.Kind? {
        switch self {
        case .signFlip, .scale: nil
        case .notANumber: .fill(with: .nan)
        case .infinite: .fill(with: .infinity)
        case .equivocate: .equivocate
        case .replay: .replay
        case .malformedManifest: .malformedManifest
        case .malformedLeaf: .malformedLeaf
        case .forge: .forge
        case .roundJump: .jump(20)
        case .earlyFinal: .earlyFinal
        case .mute: .silence(keepsQuiet: true)
        case .stall: .silence(keepsQuiet: false)
        case .neverAgree: .neverAgree
        case .flood: .flood(20)
        }
    }

    /// Whether honest peers cannot tell and mix it: what their adapters become is then nobody's promise. The others they
    /// refuse, and agree with each other as if the peer were away.
    var misleads: Bool {
        switch self {
        case .signFlip, .scale, .equivocate: true
        case .notANumber, .infinite, .replay, .malformedManifest, .malformedLeaf, .forge, .roundJump, .earlyFinal,
            .mute,
            .stall, .neverAgree, .flood:
            false
        }
    }
}
