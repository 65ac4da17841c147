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
    static let version: UInt64 = 1
    /// Values that an adapter may have.
    static let valueLimit = 1 << 30

    /// The bytes of the whole recording.
    package var encoded: [UInt8] { entries.reduce(into: head) { $0 += Self.encoded($1) } }

    /// The bytes that come before the entries.
    package var head: [UInt8] {
        var bytes = Self.magic
        Self.append(Self.version, 2, to: &bytes)
        let name = Array(peer.utf8.prefix(Int(UInt16.max)))
        Self.append(UInt64(name.count), 2, to: &bytes)
        bytes += name
        Self.append(UInt64(sampleCount), 8, to: &bytes)
        bytes += baseModelDigest
        Self.append(UInt64(schema.tensors.count), 4, to: &bytes)
        bytes += schema.encoded
        return Self.sealed(bytes)
    }

    /// The bytes of one entry.
    package static func encoded(_ entry: Entry) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entryByteCount(entry.values.count))
        append(UInt64(entry.round), 8, to: &bytes)
        append(entry.start, 8, to: &bytes)
        append(entry.loss.bitPattern, 8, to: &bytes)
        append(UInt64(entry.tokens), 8, to: &bytes)
        append(UInt64(entry.records), 8, to: &bytes)
        append(UInt64(max(0, entry.duration.wholeNanoseconds)), 8, to: &bytes)
        FloatEncoding.float32.encode(entry.values[...], into: &bytes)
        FloatEncoding.float32.encode(entry.change[...], into: &bytes)
        return sealed(bytes)
    }

    /// A head or an entry with its check word behind it.
    package static func sealed(_ body: [UInt8]) -> [UInt8] {
        var bytes = body
        append(Trace.digest(body), 8, to: &bytes)
        return bytes
    }

    private static func entryByteCount(_ valueCount: Int) -> Int { 6 * 8 + 8 * valueCount + 8 }

    /// The recording that `bytes` hold, up to the first entry that is not whole.
    ///
    /// - Throws: `RecordingError` where the head is not whole. Nothing is allocated for lengths that the bytes do not
    ///   have.
    package init(encoded bytes: [UInt8]) throws(RecordingError) {
        guard bytes.starts(with: Self.magic) else { throw .notARecording }
        var reader = Reader(bytes: bytes, position: Self.magic.count)
        guard let version = reader.integer(2) else { throw .damaged }
        guard version == Self.version else { throw .unknownVersion(Int(version)) }
        guard let recording = Self.readHead(&reader) else { throw .damaged }
        self = recording
        while let entry = Self.readEntry(&reader, count: schema.count) { entries.append(entry) }
    }

    /// How many of `bytes` are whole: the head and the entries that `init(encoded:)` reads.
    package var encodedByteCount: Int { head.count + entries.count * Self.entryByteCount(schema.count) }

    private static func readHead(_ reader: inout Reader) -> TrainingRecording? {
        guard
            let name = reader.integer(2).flatMap({ reader.bytes(Int($0)) }).flatMap({
                String(validating: $0, as: UTF8.self)
            }),
            let samples = reader.integer(8), samples < 1 << 40, let model = reader.bytes(32),
            let count = reader.integer(4)
        else { return nil }
        var tensors: [AdapterSchema.Tensor] = []
        var names: Set<String> = []
        var total = 0
        for _ in 0..<count {
            guard let length = reader.integer(4), let bytes = reader.bytes(Int(length)),
                let name = String(validating: bytes, as: UTF8.self), names.insert(name).inserted,
                let rows = reader.integer(4).map({ Int($0) }), let columns = reader.integer(4).map({ Int($0) }),
                rows > 0, columns > 0, rows <= 1 << 24, columns <= 1 << 24
            else { return nil }
            total += rows * columns
            guard total <= valueLimit else { return nil }
            tensors.append(.init(name: name, rows: rows, columns: columns))
        }
        // A schema's tensors are in the order of their names: in another, values would be read as other tensors'.
        let schema = AdapterSchema(tensors: tensors)
        guard total > 0, schema.tensors == tensors, reader.isChecked(from: 0) else { return nil }
        return TrainingRecording(peer: name, sampleCount: Int(samples), baseModelDigest: model, schema: schema)
    }

    private static func readEntry(_ reader: inout Reader, count: Int) -> Entry? {
        let begin = reader.position
        guard reader.remaining >= entryByteCount(count), let round = reader.integer(8), round < 1 << 40,
            let start = reader.integer(8), let loss = reader.integer(8), let tokens = reader.integer(8),
            let records = reader.integer(8), let nanoseconds = reader.integer(8), let values = reader.floats(count),
            let change = reader.floats(count), reader.isChecked(from: begin), tokens < 1 << 40, records < 1 << 40,
            // Thirteen days: a slow peer's steps may take a thousand times as long.
            nanoseconds < 1 << 50
        else { return nil }
        return Entry(
            round: Int(round), start: start, values: values, change: change, loss: Double(bitPattern: loss),
            tokens: Int(tokens), records: Int(records), duration: .nanoseconds(Int64(nanoseconds)))
    }

    private static func append(_ value: UInt64, _ width: Int, to bytes: inout [UInt8]) {
        for shift in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    }
}

/// Reads a recording's bytes from front to back, checked against their end.
private struct Reader {
    let bytes: [UInt8]
    var position: Int

    var remaining: Int { bytes.count - position }

    mutating func integer(_ width: Int) -> UInt64? {
        guard remaining >= width else { return nil }
        defer { position += width }
        return (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1) }
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func floats(_ count: Int) -> [Float]? {
        guard count <= remaining / 4 else { return nil }
        defer { position += 4 * count }
        var floats: [Float] = []
        FloatEncoding.float32.decode(bytes[position..<position + 4 * count], into: &floats)
        return floats
    }

    /// Whether the next word is the check word of what lies between `start` and here.
    mutating func isChecked(from start: Int) -> Bool {
        let digest = Trace.digest(Array(bytes[start..<position]))
        return integer(8) == digest
    }
}
