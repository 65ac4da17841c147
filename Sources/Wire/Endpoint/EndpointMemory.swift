package import Basics
import Cryptography

/// What an endpoint must not forget when its process ends: the greatest timestamp of each peer's initiations, so that an
/// old one is not answered again, the revocations that it has seen, and where peers are that have moved.
package struct EndpointMemory: Sendable, Hashable {
    /// The greatest timestamp that a peer's initiations have borne.
    package struct Stamp: Sendable, Hashable {
        package var peer: PeerID
        package var timestamp: UInt64

        package init(peer: PeerID, timestamp: UInt64) {
            self.peer = peer
            self.timestamp = timestamp
        }
    }

    /// In the order of identities.
    package var stamps: [Stamp]
    /// In the order of identities.
    package var revocations: [Revocation]
    /// Records that say more than the allow list, in the order of identities.
    package var records: [PeerRecord]

    package init(stamps: [Stamp] = [], revocations: [Revocation] = [], records: [PeerRecord] = []) {
        self.stamps = stamps
        self.revocations = revocations
        self.records = records
    }

    private static let magic = Array("murmurme".utf8)
    private static let version: UInt16 = 2
    /// More peers than a swarm has: bounds what a damaged file can ask for.
    private static let countLimit = 1 << 20

    /// The file's bytes: `murmurme`, version (2 bytes), number of stamps (4), each identity (32) and timestamp (8),
    /// number of revocations (4), each 129 bytes, number of records (4), each behind its length (2), and the BLAKE2b-256
    /// digest of all before. Version 1 had no records.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        bytes.append(integer: Self.version)
        bytes.append(integer: UInt32(stamps.count))
        for stamp in stamps {
            bytes += stamp.peer.bytes
            bytes.append(integer: stamp.timestamp)
        }
        bytes.append(integer: UInt32(revocations.count))
        for revocation in revocations { bytes += revocation.encoded }
        bytes.append(integer: UInt32(records.count))
        for record in records {
            let encoded = record.encoded
            bytes.append(integer: UInt16(encoded.count))
            bytes += encoded
        }
        return Self.sealed(bytes)
    }

    /// `body` with its digest behind it.
    package static func sealed(_ body: [UInt8]) -> [UInt8] {
        body + Digest.blake2b256(body, personalisation: "murmur-memory")
    }

    /// The memory that a file's `bytes` hold; nil for anything else.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count > Digest.byteCount else { return nil }
        let body = Array(bytes.dropLast(Digest.byteCount))
        guard Self.sealed(body) == bytes else { return nil }
        var reader = ByteReader(body)
        guard reader.bytes(count: Self.magic.count) == Self.magic, let version = reader.integer(UInt16.self),
            (1...Self.version).contains(version), let stampCount = reader.integer(UInt32.self),
            Int(stampCount) <= Self.countLimit
        else { return nil }
        stamps = []
        for _ in 0..<stampCount {
            guard let peer = reader.bytes(count: PeerID.byteCount).flatMap({ PeerID(bytes: $0) }),
                let timestamp = reader.integer(UInt64.self)
            else { return nil }
            stamps.append(Stamp(peer: peer, timestamp: timestamp))
        }
        guard let revocationCount = reader.integer(UInt32.self), Int(revocationCount) <= Self.countLimit else {
            return nil
        }
        revocations = []
        for _ in 0..<revocationCount {
            guard let revocation = reader.bytes(count: Revocation.byteCount).flatMap({ Revocation(encoded: $0) }) else {
                return nil
            }
            revocations.append(revocation)
        }
        records = []
        if version >= 2 {
            guard let count = reader.integer(UInt32.self), Int(count) <= Self.countLimit else { return nil }
            for _ in 0..<count {
                guard let length = reader.integer(UInt16.self), let bytes = reader.bytes(count: Int(length)),
                    let record = PeerRecord(encoded: bytes)
                else { return nil }
                records.append(record)
            }
        }
        guard reader.remaining == 0 else { return nil }
    }
}
