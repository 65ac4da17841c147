package import Basics
import Federation

/// A run's history in one number, and in lines if somebody reads them.
///
/// Every event is folded into an FNV-1a hash over 64-bit words, in the order in which the simulator performs them:
/// two runs with one hash did the same.
package struct Trace: Sendable {
    /// The hash so far.
    package private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// How many events went in.
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

    /// Folds an event in. `line`, without the time, is asked for where somebody reads.
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

    private mutating func fold(_ word: UInt64) { hash = Self.folding(word, into: hash) }

    /// One step of the hash.
    static func folding(_ word: UInt64, into hash: UInt64) -> UInt64 { (hash ^ word) &* 0x0000_0100_0000_01b3 }

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

extension EventDescription {
    /// What a trace's line says after the time, of an event of the peer called `subject`.
    func line(of subject: String, name: (PeerID) -> String) -> String {
        TraceLine.text(subject, self.name, fields.map { TraceLine.Field($0.name, Self.text($0.value, name: name)) })
    }

    private static func text(_ value: Value, name: (PeerID) -> String) -> String {
        switch value {
        case .round(let count), .integer(let count), .bytes(let count): "\(count)"
        case .number(let number): "\(number)"
        case .duration(let duration): "\(duration.inSeconds)"
        case .text(let text): text
        case .flag(let flag): "\(flag)"
        case .peer(let peer): name(peer)
        case .peers(let peers): peers.map(name).joined(separator: ",")
        }
    }

    /// A word for the trace's hash: the event's name and the values that no words are in. What is said in words may be
    /// put better without making another history; the datagrams' bytes cover what it is about.
    var traceWord: UInt64 {
        fields.reduce(Trace.digest(Array(name.utf8))) { hash, field in
            switch field.value {
            case .round(let count), .integer(let count), .bytes(let count):
                Trace.folding(UInt64(bitPattern: Int64(count)), into: hash)
            case .number(let number): Trace.folding(number.bitPattern, into: hash)
            case .duration(let duration):
                Trace.folding(UInt64(bitPattern: duration.wholeNanoseconds), into: hash)
            case .flag(let flag): Trace.folding(flag ? 1 : 0, into: hash)
            case .peer(let peer): Trace.folding(Trace.digest(peer.bytes), into: hash)
            case .peers(let peers): peers.reduce(hash) { Trace.folding(Trace.digest($1.bytes), into: $0) }
            case .text: hash
            }
        }
    }
}
