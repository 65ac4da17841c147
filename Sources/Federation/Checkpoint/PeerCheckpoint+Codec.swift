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
    /// It is another peer's, another swarm's, or another model's.
    case foreign(String)

    package var description: String {
        switch self {
        case .notACheckpoint: "the file is not a checkpoint"
        case .unknownVersion(let version): "the checkpoint has the format \(version) of another release"
        case .damaged: "the checkpoint was cut short or altered"
        case .malformed: "the checkpoint's content is not consistent"
        case .foreign(let reason): reason
        }
    }
}

/// The binary form, least significant byte first: the eight bytes `murmurck`, version (2), identity (32), swarm (32), base
/// model (32), round (8), finished (1), handshake timestamp (8), the number of tensors (4) and for each the length of its
/// name (4), the name, rows (4) and columns (4); the values (4 each); the snapshot's length (8) and the snapshot; the number
/// of neighbours (4) and for each identity (32) and round (8); the length of the exchange's state (8) and the state;
/// whether there are settings (1), and where there are their length (4) and they; at last the digest of all before (32).
///
/// Version 4 is written, whose digest is a `BlockDigest`. What earlier releases wrote is read: their digest is BLAKE2b-256 over
/// all before in one; version 1 has neither state nor settings, version 2 no settings, and version 3 has both and does not
/// say so.
extension PeerCheckpoint {
    private static let magic = Array("murmurck".utf8)
    private static let plain: UInt16 = 1
    private static let withExchangeState: UInt16 = 2
    private static let withSettings: UInt16 = 3
    private static let inBlocks: UInt16 = 4
    private static let versions = plain...inBlocks
    /// No swarm has so many rounds.
    private static let roundLimit: UInt64 = 1 << 40
    private static let personalisation = "murmur-checkpt"

    /// The binary form.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        let (shape, settings) = (delta.schema.encoded, self.settings?.encoded)
        // All of it: growing would take twice as much.
        bytes.reserveCapacity(
            4 * delta.values.count + trainerSnapshot.count + exchangeState.count + shape.count + (settings?.count ?? 0)
                + 40 * progress.count + 256)
        bytes.append(integer: Self.inBlocks)
        bytes += identity.bytes + swarm + baseModelDigest
        bytes.append(integer: UInt64(round))
        bytes.append(isFinished ? 1 : 0)
        bytes.append(integer: handshakeTimestamp)
        bytes.append(integer: UInt32(delta.schema.tensors.count))
        bytes += shape
        bytes.append(floats: delta.values[...])
        bytes.append(integer: UInt64(trainerSnapshot.count))
        bytes += trainerSnapshot
        bytes.append(integer: UInt32(progress.count))
        for entry in progress {
            bytes += entry.peer.bytes
            bytes.append(integer: UInt64(entry.round))
        }
        bytes.append(integer: UInt64(exchangeState.count))
        bytes += exchangeState
        bytes.append(settings == nil ? 0 : 1)
        if let settings {
            bytes.append(integer: UInt32(settings.count))
            bytes += settings
        }
        Self.seal(&bytes)
        return bytes
    }

    /// `body` with its digest behind it, as a checkpoint of its version ends.
    package static func sealed(_ body: [UInt8]) -> [UInt8] {
        var bytes = body
        seal(&bytes)
        return bytes
    }

    private static func seal(_ bytes: inout [UInt8]) {
        var inspection = Inspection()
        inspection.take(bytes[...])
        inspection.take([UInt8](repeating: 0, count: Digest.byteCount)[...])
        bytes += inspection.digest()
    }

    /// Whether `bytes` are a checkpoint's of some release, as it was written.
    static func isWhole(_ bytes: [UInt8]) -> Bool {
        var inspection = Inspection()
        inspection.take(bytes[...])
        return inspection.finish()
    }

    /// Answers the same of what comes in pieces, and keeps none of them.
    package struct Inspection: ~Copyable {
        private static let headByteCount = PeerCheckpoint.magic.count + 2

        private var inOne = Digest(personalisation: PeerCheckpoint.personalisation)
        private var inBlocks = BlockDigest(personalisation: PeerCheckpoint.personalisation)
        /// What a checkpoint begins with, and by its version which of the digests it has.
        private var head: [UInt8] = []
        /// What may be the digest of all before it.
        private var tail: [UInt8] = []
        private var count = 0

        package init() {}

        package mutating func take(_ piece: ArraySlice<UInt8>) {
            count += piece.count
            head += piece.prefix(Self.headByteCount - head.count)
            let last = piece.suffix(Digest.byteCount)
            let settled = max(0, tail.count + last.count - Digest.byteCount)
            hash(tail.prefix(settled))
            hash(piece.dropLast(last.count))
            tail.removeFirst(settled)
            tail += last
        }

        private mutating func hash(_ bytes: ArraySlice<UInt8>) {
            if isInBlocks { inBlocks.update(bytes) } else { inOne.update(bytes) }
        }

        /// What comes before the digest is longer than the head, so that the version is known before a byte is hashed.
        private var isInBlocks: Bool {
            head.count == Self.headByteCount && UInt16(head[8]) | UInt16(head[9]) << 8 >= PeerCheckpoint.inBlocks
        }

        /// The digest of all but the last 32 bytes. The value must not be used after.
        fileprivate mutating func digest() -> [UInt8] { isInBlocks ? inBlocks.finish() : inOne.finish() }

        /// The answer. The value must not be used after.
        package mutating func finish() -> Bool {
            count >= Self.headByteCount + Digest.byteCount && head.starts(with: PeerCheckpoint.magic)
                && digest() == tail
        }
    }

    /// The checkpoint that `bytes` hold.
    ///
    /// - Throws: `CheckpointError` for anything else; nothing is allocated for lengths that the bytes do not have.
    package init(encoded bytes: [UInt8]) throws(CheckpointError) {
        guard bytes.starts(with: Self.magic) else { throw .notACheckpoint }
        guard Self.isWhole(bytes) else { throw .damaged }
        var reader = ByteReader(bytes, range: Self.magic.count..<bytes.count - 32)
        let version = reader.integer(UInt16.self)
        guard let version, Self.versions.contains(version) else {
            throw .unknownVersion(Int(version ?? 0))
        }
        guard var checkpoint = Self.read(&reader) else { throw .malformed }
        if version >= Self.withExchangeState {
            guard let count = reader.integer(UInt64.self), let state = reader.bytes(count: Int(clamping: count)),
                !state.isEmpty || version >= Self.withSettings
            else { throw .malformed }
            checkpoint.exchangeState = state
        }
        if version >= Self.withSettings {
            guard let hasSettings = version == Self.withSettings ? 1 : reader.byte(), hasSettings <= 1 else {
                throw .malformed
            }
            if hasSettings == 1 {
                guard let count = reader.integer(UInt32.self), let bytes = reader.bytes(count: Int(count)),
                    let settings = SettingsFingerprint(encoded: bytes)
                else { throw .malformed }
                checkpoint.settings = settings
            }
        }
        guard reader.isAtEnd else { throw .malformed }
        self = checkpoint
    }

    /// What all versions have in common.
    private static func read(_ reader: inout ByteReader) -> PeerCheckpoint? {
        guard let identity = readPeer(&reader), let swarm = reader.bytes(count: 32),
            let model = reader.bytes(count: 32),
            let round = readRound(&reader), let finished = reader.byte(), finished <= 1,
            let timestamp = reader.integer(UInt64.self), let delta = readDelta(&reader),
            let length = reader.integer(UInt64.self), let snapshot = reader.bytes(count: Int(clamping: length)),
            let neighbours = reader.integer(UInt32.self)
        else { return nil }
        var progress: [Progress] = []
        for _ in 0..<neighbours {
            guard let peer = readPeer(&reader), let round = readRound(&reader) else { return nil }
            progress.append(Progress(peer: peer, round: round))
        }
        return PeerCheckpoint(
            identity: identity, swarm: swarm, baseModelDigest: model, round: round, isFinished: finished == 1,
            handshakeTimestamp: timestamp, delta: delta, trainerSnapshot: snapshot, progress: progress)
    }

    private static func readPeer(_ reader: inout ByteReader) -> PeerID? {
        reader.bytes(count: PeerID.byteCount).flatMap { PeerID(bytes: $0) }
    }

    private static func readRound(_ reader: inout ByteReader) -> Int? {
        reader.integer(UInt64.self).flatMap { $0 < roundLimit ? Int($0) : nil }
    }

    private static func readDelta(_ reader: inout ByteReader) -> AdapterDelta? {
        guard let schema = readSchema(&reader), let values = reader.floats(count: schema.count) else { return nil }
        let delta = AdapterDelta(schema: schema, values: values)
        return delta.isFinite ? delta : nil
    }

    private static func readSchema(_ reader: inout ByteReader) -> AdapterSchema? {
        guard let count = reader.integer(UInt32.self) else { return nil }
        var tensors: [AdapterSchema.Tensor] = []
        var names: Set<String> = []
        var total = 0
        for _ in 0..<count {
            guard let length = reader.integer(UInt32.self),
                let name = reader.bytes(count: Int(length)).flatMap({ String(validating: $0, as: UTF8.self) }),
                let rows = reader.integer(UInt32.self), let columns = reader.integer(UInt32.self), rows > 0,
                // Bounds of 2^24 keep the product below 2^48.
                columns > 0, rows <= 1 << 24, columns <= 1 << 24, names.insert(name).inserted
            else { return nil }
            total += Int(rows) * Int(columns)
            // Each value takes four bytes further on: a schema of more values than there are bytes left is damaged.
            guard total <= reader.remaining else { return nil }
            tensors.append(.init(name: name, rows: Int(rows), columns: Int(columns)))
        }
        return AdapterSchema(tensors: tensors)
    }
}
