import Adapters
import Basics
import Cryptography

/// What is wrong with a checkpoint's bytes.
package enum CheckpointError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The bytes do not begin as a checkpoint does.
    case notACheckpoint
    /// A format of another release.
    case unknownVersion(Int)
    /// The checksum is not that of the bytes: they were cut or altered.
    case damaged
    /// The checksum is right and the content is not.
    case malformed

    package var description: String {
        switch self {
        case .notACheckpoint: "the file is not a checkpoint"
        case .unknownVersion(let version): "the checkpoint has the format \(version) of another release"
        case .damaged: "the checkpoint was cut short or altered"
        case .malformed: "the checkpoint's content is not consistent"
        }
    }
}

/// The binary form, version 1, least significant byte first: the eight bytes `murmurck`, version (2), identity (32),
/// swarm (32), base model (32), round (8), finished (1), handshake timestamp (8), the number of tensors (4) and for each
/// the length of its name (4), the name, rows (4) and columns (4); the values (4 each); the snapshot's length (8) and
/// the snapshot; the number of neighbours (4) and for each identity (32) and round (8); at last the BLAKE2b-256 digest of
/// all before (32).
extension PeerCheckpoint {
    static let magic = Array("murmurck".utf8)
    static let version: UInt64 = 1

    /// The binary form.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(4 * delta.values.count + trainerSnapshot.count + 4096)
        func append(_ value: UInt64, _ width: Int) {
            for shift in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
        }
        append(Self.version, 2)
        bytes += identity.bytes + swarm + baseModelDigest
        append(UInt64(round), 8)
        append(isFinished ? 1 : 0, 1)
        append(handshakeTimestamp, 8)
        append(UInt64(delta.schema.tensors.count), 4)
        bytes += delta.schema.encoded
        for value in delta.values { append(UInt64(value.bitPattern), 4) }
        append(UInt64(trainerSnapshot.count), 8)
        bytes += trainerSnapshot
        append(UInt64(progress.count), 4)
        for entry in progress {
            bytes += entry.peer.bytes
            append(UInt64(entry.round), 8)
        }
        return Self.sealed(bytes)
    }

    /// `body` with its digest behind it.
    package static func sealed(_ body: [UInt8]) -> [UInt8] {
        body + Digest.blake2b256(body, personalisation: "murmur-checkpt")
    }

    /// Whether `bytes` are a checkpoint's of some release, as it was written.
    static func isWhole(_ bytes: [UInt8]) -> Bool {
        bytes.count >= magic.count + 2 + 32 && bytes.starts(with: magic)
            && Digest.blake2b256(bytes.dropLast(32), personalisation: "murmur-checkpt").elementsEqual(bytes.suffix(32))
    }

    /// The checkpoint that `bytes` hold.
    ///
    /// - Throws: `CheckpointError` for anything else; nothing is allocated for lengths that the bytes do not have.
    package init(encoded bytes: [UInt8]) throws(CheckpointError) {
        guard bytes.starts(with: Self.magic) else { throw .notACheckpoint }
        guard bytes.count >= Self.magic.count + 2 + 32 else { throw .damaged }
        guard Self.isWhole(bytes) else { throw .damaged }
        var reader = CheckpointReader(Array(bytes.dropLast(32)), from: Self.magic.count)
        let version = reader.integer(2)
        guard version == Self.version else { throw .unknownVersion(Int(version ?? 0)) }
        guard let checkpoint = Self.read(&reader), reader.isAtEnd else { throw .malformed }
        self = checkpoint
    }

    private static func read(_ reader: inout CheckpointReader) -> PeerCheckpoint? {
        guard let identity = reader.bytes(32).flatMap({ PeerID(bytes: $0) }), let swarm = reader.bytes(32),
            let model = reader.bytes(32), let round = reader.count(8), round < 1 << 40,
            let finished = reader.integer(1),
            finished <= 1, let timestamp = reader.integer(8), let schema = readSchema(&reader),
            let valueBytes = reader.bytes(4 * schema.count)
        else { return nil }
        let values = (0..<schema.count).map { index in
            Float(
                bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(valueBytes[4 * index + $1]) << UInt32(8 * $1) })
        }
        let delta = AdapterDelta(schema: schema, values: values)
        guard delta.isFinite, let length = reader.count(8), let snapshot = reader.bytes(length),
            let neighbours = reader.count(4)
        else { return nil }
        var progress: [Progress] = []
        for _ in 0..<neighbours {
            guard let peer = reader.bytes(32).flatMap({ PeerID(bytes: $0) }), let round = reader.count(8),
                round < 1 << 40
            else { return nil }
            progress.append(Progress(peer: peer, round: round))
        }
        return PeerCheckpoint(
            identity: identity, swarm: swarm, baseModelDigest: model, round: round, isFinished: finished == 1,
            handshakeTimestamp: timestamp, delta: delta, trainerSnapshot: snapshot, progress: progress)
    }

    private static func readSchema(_ reader: inout CheckpointReader) -> AdapterSchema? {
        guard let count = reader.count(4) else { return nil }
        var tensors: [AdapterSchema.Tensor] = []
        var names: Set<String> = []
        var total = 0
        for _ in 0..<count {
            guard let length = reader.count(4),
                let name = reader.bytes(length).flatMap({ String(validating: $0, as: UTF8.self) }),
                let rows = reader.count(4), let columns = reader.count(4), rows > 0, columns > 0,
                rows <= 1 << 24, columns <= 1 << 24, names.insert(name).inserted
            else { return nil }
            total += rows * columns
            guard total <= reader.remaining else { return nil }
            tensors.append(.init(name: name, rows: rows, columns: columns))
        }
        return AdapterSchema(tensors: tensors)
    }
}

/// Reads a checkpoint's bytes from front to back, checked against their end.
private struct CheckpointReader {
    private let bytes: [UInt8]
    private var position: Int

    init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        self.position = position
    }

    var remaining: Int { bytes.count - position }
    var isAtEnd: Bool { remaining == 0 }

    mutating func integer(_ width: Int) -> UInt64? {
        guard remaining >= width else { return nil }
        defer { position += width }
        return (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1) }
    }

    mutating func count(_ width: Int) -> Int? { integer(width).flatMap { Int(exactly: $0) } }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }
}
