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
/// of neighbours (4) and for each identity (32) and round (8); from version 2 on the length of the exchange's state (8) and
/// the state; from version 3 on the length of the settings (4) and the settings; at last the BLAKE2b-256 digest of all
/// before (32).
///
/// Version 3 is written where there are settings, as with every real peer; without them version 1 where the exchange keeps
/// nothing, else version 2.
extension PeerCheckpoint {
    private static let magic = Array("murmurck".utf8)
    private static let plain: UInt16 = 1
    private static let withExchangeState: UInt16 = 2
    private static let withSettings: UInt16 = 3
    /// No swarm has so many rounds.
    private static let roundLimit: UInt64 = 1 << 40

    /// The binary form.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        let (shape, settings) = (delta.schema.encoded, self.settings?.encoded)
        // All of it: growing would take twice as much.
        bytes.reserveCapacity(
            4 * delta.values.count + trainerSnapshot.count + exchangeState.count + shape.count + (settings?.count ?? 0)
                + 40 * progress.count + 256)
        let version =
            settings != nil ? Self.withSettings : exchangeState.isEmpty ? Self.plain : Self.withExchangeState
        bytes.append(integer: version)
        bytes += identity.bytes + swarm + baseModelDigest
        bytes.append(integer: UInt64(round))
        bytes.append(isFinished ? 1 : 0)
        bytes.append(integer: handshakeTimestamp)
        bytes.append(integer: UInt32(delta.schema.tensors.count))
        bytes += shape
        for value in delta.values { bytes.append(integer: value.bitPattern) }
        bytes.append(integer: UInt64(trainerSnapshot.count))
        bytes += trainerSnapshot
        bytes.append(integer: UInt32(progress.count))
        for entry in progress {
            bytes += entry.peer.bytes
            bytes.append(integer: UInt64(entry.round))
        }
        if version >= Self.withExchangeState {
            bytes.append(integer: UInt64(exchangeState.count))
            bytes += exchangeState
        }
        if let settings {
            bytes.append(integer: UInt32(settings.count))
            bytes += settings
        }
        bytes += Digest.blake2b256(bytes, personalisation: Self.personalisation)
        return bytes
    }

    /// `body` with its digest behind it, as a checkpoint ends.
    package static func sealed(_ body: [UInt8]) -> [UInt8] {
        body + Digest.blake2b256(body, personalisation: personalisation)
    }

    fileprivate static let personalisation = "murmur-checkpt"

    /// Whether `bytes` are a checkpoint's of some release, as it was written.
    static func isWhole(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= magic.count + 2 + Digest.byteCount, bytes.starts(with: magic) else { return false }
        var digest = Digest(personalisation: personalisation)
        digest.update(bytes, range: 0..<bytes.count - Digest.byteCount)
        return digest.finish().elementsEqual(bytes.suffix(Digest.byteCount))
    }

    /// Answers the same of what comes in pieces, and keeps none of them.
    package struct Inspection: ~Copyable {
        private var digest = Digest(personalisation: PeerCheckpoint.personalisation)
        private var head: [UInt8] = []
        /// What may be the digest of all before it.
        private var tail: [UInt8] = []
        private var count = 0

        package init() {}

        package mutating func take(_ piece: ArraySlice<UInt8>) {
            count += piece.count
            head += piece.prefix(PeerCheckpoint.magic.count - head.count)
            tail += piece
            let rest = tail.count - Digest.byteCount
            guard rest > 0 else { return }
            digest.update(tail, range: 0..<rest)
            tail.removeFirst(rest)
        }

        /// The answer. The value must not be used after.
        package mutating func finish() -> Bool {
            count >= PeerCheckpoint.magic.count + 2 + Digest.byteCount && head == PeerCheckpoint.magic
                && digest.finish() == tail
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
        guard let version, (Self.plain...Self.withSettings).contains(version) else {
            throw .unknownVersion(Int(version ?? 0))
        }
        guard var checkpoint = Self.read(&reader) else { throw .malformed }
        if version >= Self.withExchangeState {
            guard let count = reader.integer(UInt64.self), let state = reader.bytes(count: Int(clamping: count)),
                !state.isEmpty || version == Self.withSettings
            else { throw .malformed }
            checkpoint.exchangeState = state
        }
        if version == Self.withSettings {
            guard let count = reader.integer(UInt32.self), let bytes = reader.bytes(count: Int(count)),
                let settings = SettingsFingerprint(encoded: bytes)
            else { throw .malformed }
            checkpoint.settings = settings
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
        // The values are there before there is room for them.
        guard let schema = readSchema(&reader), reader.remaining >= 4 * schema.count else { return nil }
        var values: [Float] = []
        values.reserveCapacity(schema.count)
        for _ in 0..<schema.count {
            guard let bits = reader.integer(UInt32.self) else { return nil }
            values.append(Float(bitPattern: bits))
        }
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
