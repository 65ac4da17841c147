package import Basics

/// A run's history in one number, and in lines if somebody reads them.
///
/// Every happening is folded into an FNV-1a hash over 64-bit words, in the order in which the simulator performs them:
/// two runs with one hash did the same.
package struct Trace: Sendable {
    /// The hash so far.
    package private(set) var hash = WordHash.basis
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

    private mutating func fold(_ word: UInt64) { hash = WordHash.fold(word, into: hash) }

    private static func seconds(_ time: Duration) -> String {
        let microseconds = time.wholeNanoseconds / 1000
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}
