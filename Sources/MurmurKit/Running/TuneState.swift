import Basics

/// What `murmur tune` goes on from: the steps taken, the adapter and the trainer's state.
package struct TuneState: Sendable, Hashable {
    package var step: Int
    /// The values of the adapter's difference from the seed adapter.
    package var values: [Float]
    /// The trainer's own state.
    package var snapshot: [UInt8]

    package init(step: Int, values: [Float], snapshot: [UInt8]) {
        self.step = step
        self.values = values
        self.snapshot = snapshot
    }

    /// The number of steps (8 bytes, least significant first), the values (4 each), and the snapshot up to the end, whose
    /// check is the trainer's own.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 4 * values.count + snapshot.count)
        bytes.append(integer: UInt64(step))
        for value in values { bytes.append(integer: value.bitPattern) }
        return bytes + snapshot
    }

    /// The state that `bytes` hold of an adapter with `valueCount` values; nil where they are too short, or say a number
    /// of steps that none can have taken.
    package init?(encoded bytes: [UInt8], valueCount: Int) {
        var reader = ByteReader(bytes)
        guard let step = reader.integer(UInt64.self), step < 1 << 40, reader.remaining > 4 * valueCount else {
            return nil
        }
        var values: [Float] = []
        values.reserveCapacity(valueCount)
        for _ in 0..<valueCount {
            guard let word = reader.integer(UInt32.self) else { return nil }
            values.append(Float(bitPattern: word))
        }
        guard let snapshot = reader.bytes(count: reader.remaining) else { return nil }
        self.init(step: Int(step), values: values, snapshot: snapshot)
    }
}
