package import Basics
import Federation

/// A run's history in one number, and in lines if somebody reads them.
///
/// Every event is folded into an FNV-1a hash over 64-bit words, in the order in which the simulator performs them:
/// two runs with one hash did the same.
package struct Trace: Sendable {
    /// The hash so far.
    package private(set) var hash = WordHash.basis
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

    private mutating func fold(_ word: UInt64) { hash = WordHash.fold(word, into: hash) }

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
        case .numbers(let numbers): numbers.map { "\($0)" }.joined(separator: ",")
        case .duration(let duration): "\(duration.inSeconds)"
        case .text(let text): text
        case .flag(let flag): "\(flag)"
        case .peer(let peer): name(peer)
        case .peers(let peers): peers.map(name).joined(separator: ",")
        case .amounts(let amounts): amounts.map { "\(name($0.peer)):\($0.amount)" }.joined(separator: ",")
        case .shares(let shares): shares.map { "\(name($0.peer)):\($0.share)" }.joined(separator: ",")
        }
    }

    /// A word for the trace's hash: the event's name and the values that no words are in. What is said in words may be
    /// put better without making another history; the datagrams' bytes cover what it is about.
    var traceWord: UInt64 {
        fields.reduce(WordHash.of(Array(name.utf8))) { hash, field in
            switch field.value {
            case .round(let count), .integer(let count), .bytes(let count):
                WordHash.fold(UInt64(bitPattern: Int64(count)), into: hash)
            case .number(let number): WordHash.fold(number.bitPattern, into: hash)
            case .numbers(let numbers): numbers.reduce(hash) { WordHash.fold($1.bitPattern, into: $0) }
            case .duration(let duration):
                WordHash.fold(UInt64(bitPattern: duration.wholeNanoseconds), into: hash)
            case .flag(let flag): WordHash.fold(flag ? 1 : 0, into: hash)
            case .peer(let peer): WordHash.fold(WordHash.of(peer.bytes), into: hash)
            case .peers(let peers): peers.reduce(hash) { WordHash.fold(WordHash.of($1.bytes), into: $0) }
            case .shares(let shares):
                shares.reduce(hash) {
                    WordHash.fold($1.share.bitPattern, into: WordHash.fold(WordHash.of($1.peer.bytes), into: $0))
                }
            case .amounts(let amounts):
                amounts.reduce(hash) {
                    WordHash.fold($1.amount.bitPattern, into: WordHash.fold(WordHash.of($1.peer.bytes), into: $0))
                }
            case .text: hash
            }
        }
    }
}
