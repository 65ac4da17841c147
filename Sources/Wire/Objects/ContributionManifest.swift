package import Basics

/// What a peer says about a contribution, and signs: who made it, for which round, from what, and the hash tree's root
/// that every byte of the payload is checked against.
package struct ContributionManifest: Sendable, Hashable {
    /// The swarm's identifier, 32 bytes.
    package var swarm: [UInt8]
    /// Who made the contribution.
    package var origin: PeerID
    /// The round that it belongs to.
    package var round: UInt64
    /// Grows with every contribution of the origin, from round to round, too: two different manifests with one origin and
    /// sequence prove that the origin said two things.
    package var sequence: UInt64
    /// Digest of the base model, 32 bytes.
    package var baseModelDigest: [UInt8]
    /// Digest of the adapter's schema, 32 bytes.
    package var schemaDigest: [UInt8]
    /// How the payload is encoded; the layer above gives the numbers a meaning.
    package var encoding: UInt16
    /// Bit 0: the origin's last contribution. Other bits are the layer above's.
    package var flags: Flags
    /// Records that the contribution was trained on: its weight.
    package var sampleCount: UInt64
    /// Bytes of the payload, at most 1 GiB.
    package var payloadByteCount: Int
    /// The hash tree's root, 32 bytes.
    package var root: [UInt8]
    /// Up to 512 bytes for the layer above.
    package var status: [UInt8]

    /// Bits that say more about a contribution.
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) {
            self.rawValue = rawValue
        }
        /// The origin's last contribution.
        package static let final = Flags(rawValue: 1)
    }

    /// A manifest for `payload`, whose hash tree is computed here. The digests must have 32 bytes, the status at most
    /// 512, the payload at most 1 GiB.
    package init(
        swarm: [UInt8], origin: PeerID, round: UInt64, sequence: UInt64, baseModelDigest: [UInt8],
        schemaDigest: [UInt8], encoding: UInt16, flags: Flags = [], sampleCount: UInt64, payload: [UInt8],
        status: [UInt8] = []
    ) {
        self.init(
            swarm: swarm, origin: origin, round: round, sequence: sequence, baseModelDigest: baseModelDigest,
            schemaDigest: schemaDigest, encoding: encoding, flags: flags, sampleCount: sampleCount,
            payload: HashedPayload(payload), status: status)
    }

    /// The same for a payload whose leaves are hashed already.
    package init(
        swarm: [UInt8], origin: PeerID, round: UInt64, sequence: UInt64, baseModelDigest: [UInt8],
        schemaDigest: [UInt8], encoding: UInt16, flags: Flags = [], sampleCount: UInt64, payload: HashedPayload,
        status: [UInt8] = []
    ) {
        precondition(
            swarm.count == 32 && baseModelDigest.count == 32 && schemaDigest.count == 32, "digests have 32 bytes")
        precondition(status.count <= WireConfiguration.statusByteLimit, "a status has at most 512 bytes")
        precondition(payload.bytes.count <= WireConfiguration.payloadByteLimit, "a payload has at most 1 GiB")
        self.swarm = swarm
        self.origin = origin
        self.round = round
        self.sequence = sequence
        self.baseModelDigest = baseModelDigest
        self.schemaDigest = schemaDigest
        self.encoding = encoding
        self.flags = flags
        self.sampleCount = sampleCount
        payloadByteCount = payload.bytes.count
        root = payload.root
        self.status = status
    }

    /// How many leaves the payload has.
    package var leafCount: Int { MerkleTree.leafCount(byteCount: payloadByteCount) }
}

/// The fixed binary layout, version 1: docs/protocol.md, "Manifest".
extension ContributionManifest {
    static let version: UInt8 = 1
    static let fixedByteCount = 1 + 32 * 5 + 8 * 3 + 2 * 2 + 4 * 2 + 2

    /// The layout's bytes, without a signature.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.fixedByteCount + status.count)
        bytes.append(Self.version)
        bytes += swarm
        bytes += origin.bytes
        bytes.append(integer: round)
        bytes.append(integer: sequence)
        bytes += baseModelDigest
        bytes += schemaDigest
        bytes.append(integer: encoding)
        bytes.append(integer: flags.rawValue)
        bytes.append(integer: sampleCount)
        bytes.append(integer: UInt32(payloadByteCount))
        bytes.append(integer: UInt32(leafCount))
        bytes += root
        bytes.append(integer: UInt16(status.count))
        bytes += status
        return bytes
    }

    /// The manifest that `bytes` hold.
    ///
    /// - Throws: `ManifestError` for anything but one whole manifest within the limits.
    package init(encoded bytes: [UInt8]) throws(ManifestError) {
        var reader = ByteReader(bytes)
        guard reader.byte() == Self.version else { throw .unknownVersion }
        guard let swarm = reader.bytes(count: 32), let originBytes = reader.bytes(count: 32),
            let origin = PeerID(bytes: originBytes), let round = reader.integer(UInt64.self),
            let sequence = reader.integer(UInt64.self), let baseModelDigest = reader.bytes(count: 32),
            let schemaDigest = reader.bytes(count: 32), let encoding = reader.integer(UInt16.self),
            let flags = reader.integer(UInt16.self), let sampleCount = reader.integer(UInt64.self),
            let byteCount = reader.integer(UInt32.self), let leafCount = reader.integer(UInt32.self),
            let root = reader.bytes(count: 32), let statusByteCount = reader.integer(UInt16.self)
        else { throw .truncated }
        guard byteCount <= UInt32(WireConfiguration.payloadByteLimit) else { throw .payloadTooLarge }
        guard Int(leafCount) == MerkleTree.leafCount(byteCount: Int(byteCount)) else { throw .leafCount }
        guard Int(statusByteCount) <= WireConfiguration.statusByteLimit else { throw .statusTooLarge }
        guard let status = reader.bytes(count: Int(statusByteCount)) else { throw .truncated }
        guard reader.remaining == 0 else { throw .trailingBytes }
        self.swarm = swarm
        self.origin = origin
        self.round = round
        self.sequence = sequence
        self.baseModelDigest = baseModelDigest
        self.schemaDigest = schemaDigest
        self.encoding = encoding
        self.flags = Flags(rawValue: flags)
        self.sampleCount = sampleCount
        payloadByteCount = Int(byteCount)
        self.root = root
        self.status = status
    }
}
