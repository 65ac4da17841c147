import Adapters
import Basics
import Storage

/// Why bytes are no recording.
package enum RecordingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// They do not begin as one does.
    case notARecording
    /// A format of another release.
    case unknownVersion(Int)
    /// The head was cut short or altered, or is not consistent.
    case damaged

    package var description: String {
        switch self {
        case .notARecording: "the file is not a recording of local steps"
        case .unknownVersion(let version): "the recording has the format \(version) of another release"
        case .damaged: "the recording's head was cut short or altered"
        }
    }
}

/// The binary form, version 1, least significant byte first. The head: the eight bytes `murmurtr`, version (2), the length
/// of the peer's name (2) and the name in UTF-8, records (8), base model (32), the number of tensors (4) and for each the
/// length of its name (4), the name, rows (4) and columns (4); at last the check word of all before (8). Then entry after
/// entry: round (8), digest of the start (8), loss (8), tokens (8), records (8), nanoseconds (8), the values (4 each), the
/// changes (4 each), the check word of the entry (8).
///
/// Entries are appended while a peer runs. What a crash has cut off at the end is not read.
extension TrainingRecording {
    static let magic = Array("murmurtr".utf8)
    static let version: UInt16 = 1
    /// Values that an adapter may have.
    static let valueLimit = 1 << 30

    /// The bytes of the whole recording.
    package var encoded: [UInt8] { entries.reduce(into: head) { $0 += Self.encoded($1) } }

    /// The bytes that come before the entries.
    package var head: [UInt8] {
        var bytes = Self.magic
        bytes.append(integer: Self.version)
        let name = Array(peer.utf8.prefix(Int(UInt16.max)))
        bytes.append(integer: UInt16(name.count))
        bytes += name
        bytes.append(integer: UInt64(sampleCount))
        bytes += baseModelDigest
        bytes.append(integer: UInt32(schema.tensors.count))
        bytes += schema.encoded
        return Self.sealed(bytes)
    }

    /// The bytes of one entry.
    package static func encoded(_ entry: Entry) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entryByteCount(entry.values.count))
        bytes.append(integer: UInt64(entry.round))
        bytes.append(integer: entry.start)
        bytes.append(integer: entry.loss.bitPattern)
        bytes.append(integer: UInt64(entry.tokens))
        bytes.append(integer: UInt64(entry.records))
        bytes.append(integer: UInt64(max(0, entry.duration.wholeNanoseconds)))
        FloatEncoding.float32.encode(entry.values[...], into: &bytes)
        FloatEncoding.float32.encode(entry.change[...], into: &bytes)
        return sealed(bytes)
    }

    /// A head or an entry with its check word behind it.
    package static func sealed(_ body: [UInt8]) -> [UInt8] {
        var bytes = body
        bytes.append(integer: WordHash.of(body))
        return bytes
    }

    private static func entryByteCount(_ valueCount: Int) -> Int { 6 * 8 + 8 * valueCount + 8 }

    /// The recording that `bytes` hold, up to the first entry that is not whole.
    ///
    /// - Throws: `RecordingError` where the head is not whole. Nothing is allocated for lengths that the bytes do not
    ///   have.
    package init(encoded bytes: [UInt8]) throws(RecordingError) {
        guard bytes.starts(with: Self.magic) else { throw .notARecording }
        var reader = ByteReader(bytes, range: Self.magic.count..<bytes.count)
        guard let version = reader.integer(UInt16.self) else { throw .damaged }
        guard version == Self.version else { throw .unknownVersion(Int(version)) }
        guard let recording = Self.readHead(of: bytes, &reader) else { throw .damaged }
        self = recording
        while let entry = Self.readEntry(of: bytes, &reader, count: schema.count) { entries.append(entry) }
    }

    /// How many of `bytes` are whole: the head and the entries that `init(encoded:)` reads.
    package var encodedByteCount: Int { head.count + entries.count * Self.entryByteCount(schema.count) }

    private static func readHead(of bytes: [UInt8], _ reader: inout ByteReader) -> TrainingRecording? {
        guard let length = reader.integer(UInt16.self), let name = reader.text(count: Int(length)),
            let samples = reader.integer(UInt64.self), samples < 1 << 40, let model = reader.bytes(count: 32),
            let count = reader.integer(UInt32.self)
        else { return nil }
        var tensors: [AdapterSchema.Tensor] = []
        var names: Set<String> = []
        var total = 0
        for _ in 0..<count {
            guard let length = reader.integer(UInt32.self), let name = reader.text(count: Int(length)),
                names.insert(name).inserted, let rows = reader.integer(UInt32.self).map(Int.init),
                let columns = reader.integer(UInt32.self).map(Int.init), rows > 0, columns > 0, rows <= 1 << 24,
                columns <= 1 << 24
            else { return nil }
            total += rows * columns
            guard total <= valueLimit else { return nil }
            tensors.append(.init(name: name, rows: rows, columns: columns))
        }
        // A schema's tensors are in the order of their names: in another, values would be read as other tensors'.
        let schema = AdapterSchema(tensors: tensors)
        guard total > 0, schema.tensors == tensors, reader.isChecked(bytes, from: 0) else { return nil }
        return TrainingRecording(peer: name, sampleCount: Int(samples), baseModelDigest: model, schema: schema)
    }

    private static func readEntry(of bytes: [UInt8], _ reader: inout ByteReader, count: Int) -> Entry? {
        let begin = reader.position
        guard reader.remaining >= entryByteCount(count), let round = reader.integer(UInt64.self), round < 1 << 40,
            let start = reader.integer(UInt64.self), let loss = reader.integer(UInt64.self),
            let tokens = reader.integer(UInt64.self), let records = reader.integer(UInt64.self),
            let nanoseconds = reader.integer(UInt64.self), let values = reader.floats(of: bytes, count: count),
            let change = reader.floats(of: bytes, count: count), reader.isChecked(bytes, from: begin),
            tokens < 1 << 40, records < 1 << 40,
            // Thirteen days: a slow peer's steps may take a thousand times as long.
            nanoseconds < 1 << 50
        else { return nil }
        return Entry(
            round: Int(round), start: start, values: values, change: change, loss: Double(bitPattern: loss),
            tokens: Int(tokens), records: Int(records), duration: .nanoseconds(Int64(nanoseconds)))
    }
}

extension ByteReader {
    /// The next `count` bytes as UTF-8; nil where they are not.
    fileprivate mutating func text(count: Int) -> String? {
        bytes(count: count).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The next `count` values of `bytes`, the bytes that this reads.
    fileprivate mutating func floats(of bytes: [UInt8], count: Int) -> [Float]? {
        guard count <= remaining / 4, let range = range(count: 4 * count) else { return nil }
        var floats: [Float] = []
        FloatEncoding.float32.decode(bytes[range], into: &floats)
        return floats
    }

    /// Whether the next word is the check word of what lies in `bytes` between `start` and here.
    fileprivate mutating func isChecked(_ bytes: [UInt8], from start: Int) -> Bool {
        let hash = WordHash.of(Array(bytes[start..<position]))
        return integer(UInt64.self) == hash
    }
}
