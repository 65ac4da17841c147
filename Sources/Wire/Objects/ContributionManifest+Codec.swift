import Basics

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
