package import Basics

/// A run's history in one number, and in lines if somebody reads them.
///
/// Every happening is folded into an FNV-1a hash over 64-bit words, in the order in which the simulator performs them:
/// two runs with one hash did the same.
package struct Trace: Sendable {
    /// The hash so far.
    package private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// How many happenings went in.
    package private(set) var count = 0
    /// Takes the lines; nil for none.
    private let write: (@Sendable (String) -> Void)?

    /// The moment from which lines count.
    private let origin: MonotonicTime

    /// A trace whose lines (`TraceLine`) go to `write`, with times from `origin` on.
    package init(origin: MonotonicTime = .zero, write: (@Sendable (String) -> Void)? = nil) {
        self.origin = origin
        self.write = write
    }

    /// Folds a happening in. `line`, without the time, is asked for where somebody reads.
    mutating func note(
        _ time: MonotonicTime, _ code: UInt64, _ first: Int, _ second: Int, _ value: UInt64,
        line: @autoclosure () -> String
    ) {
        count += 1
        fold(UInt64(bitPattern: time.nanoseconds))
        fold(code)
        fold(UInt64(bitPattern: Int64(first)) << 32 ^ UInt64(bitPattern: Int64(second)))
        fold(value)
        if let write { write("\(Self.seconds(time - origin)) \(line())") }
    }

    private mutating func fold(_ word: UInt64) { hash = (hash ^ word) &* 0x0000_0100_0000_01b3 }

    /// The digest of a datagram's or an adapter's bytes.
    static func digest(_ bytes: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word = word << 8 | UInt64(byte)
            if index & 7 == 7 {
                hash = (hash ^ word) &* 0x0000_0100_0000_01b3
                hash ^= hash >> 29
                word = 0
            }
        }
        return (hash ^ word ^ UInt64(bytes.count)) &* 0x0000_0100_0000_01b3
    }

    /// The digest of values, bit for bit.
    package static func digest(_ values: [Float]) -> UInt64 {
        values.reduce(0xcbf2_9ce4_8422_2325) { (($0 ^ UInt64($1.bitPattern)) &* 0x0000_0100_0000_01b3) }
    }

    private static func seconds(_ time: Duration) -> String {
        let microseconds = time.wholeNanoseconds / 1000
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}
