import Basics
import Cryptography
package import Federation

/// What `murmur tune` goes on from: the steps taken, what they mean, the adapter and the trainer's state.
package struct TuneState: Sendable, Hashable {
    package var step: Int
    /// What gives the numbers their meaning.
    package var settings: SettingsFingerprint
    /// The values of the adapter's difference from the seed adapter.
    package var values: [Float]
    /// The trainer's own state.
    package var snapshot: [UInt8]

    package init(step: Int, settings: SettingsFingerprint, values: [Float], snapshot: [UInt8]) {
        self.step = step
        self.settings = settings
        self.values = values
        self.snapshot = snapshot
    }

    private static let magic = Array("murmurtu".utf8)
    private static let version: UInt16 = 1

    /// The eight bytes `murmurtu`, the version (2 bytes, least significant first), the number of steps (8), the length of
    /// the settings (4) and the settings, the number of values (8) and the values (4 each), the snapshot up to the digest
    /// (BLAKE2b-256) of all before.
    package var encoded: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(4096 + 4 * values.count + snapshot.count)
        bytes.append(integer: Self.version)
        bytes.append(integer: UInt64(step))
        let encoded = settings.encoded
        bytes.append(integer: UInt32(encoded.count))
        bytes += encoded
        bytes.append(integer: UInt64(values.count))
        bytes.append(floats: values[...])
        bytes += snapshot
        return bytes + Digest.blake2b256(bytes, personalisation: "murmur-tune")
    }

    /// The state that `bytes` hold; nil for anything else, and for what was cut or altered.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count > Self.magic.count + Digest.byteCount, bytes.starts(with: Self.magic),
            Digest.blake2b256(Array(bytes.dropLast(Digest.byteCount)), personalisation: "murmur-tune")
                .elementsEqual(bytes.suffix(Digest.byteCount))
        else { return nil }
        var reader = ByteReader(bytes, range: Self.magic.count..<bytes.count - Digest.byteCount)
        guard reader.integer(UInt16.self) == Self.version, let step = reader.integer(UInt64.self), step < 1 << 40,
            let length = reader.integer(UInt32.self), let text = reader.bytes(count: Int(length)),
            let settings = SettingsFingerprint(encoded: text), let count = reader.integer(UInt64.self),
            count <= UInt64(reader.remaining / 4)
        else { return nil }
        guard let values = reader.floats(count: Int(count)), let snapshot = reader.bytes(count: reader.remaining)
        else { return nil }
        self.init(step: Int(step), settings: settings, values: values, snapshot: snapshot)
    }
}
