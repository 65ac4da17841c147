import LanguageModel
import Storage

/// The bytes of a tuner's state: a mark, a version, the trainer's fingerprint, a count of steps, the sampler's epoch and
/// position, the number of parameters (all UInt64), the two lists of moments (Float), and the FNV-1a hash of all before;
/// little-endian.
enum TunerSnapshot {
    private static let mark = Array("MURMTUNE".utf8)
    private static let version: UInt64 = 1
    private static let headerSize = 56

    static func encode(_ state: TunerState, fingerprint: UInt64) -> [UInt8] {
        var bytes = mark
        let optimizer = state.optimizer
        let sampler = state.sampler.state
        let words = [
            version, fingerprint, UInt64(optimizer.step), sampler.epoch, UInt64(sampler.position),
            UInt64(optimizer.first.count),
        ]
        for word in words { append(word, to: &bytes) }
        FloatEncoding.float32.encode(optimizer.first[...], into: &bytes)
        FloatEncoding.float32.encode(optimizer.second[...], into: &bytes)
        append(hash(of: bytes[...]), to: &bytes)
        return bytes
    }

    /// The state that `bytes` hold, for a trainer whose state is like `state`.
    static func decode(
        _ bytes: [UInt8], like state: TunerState, fingerprint: UInt64
    ) throws(TuningError) -> TunerState {
        let count = state.optimizer.first.count
        guard bytes.starts(with: mark) else { throw .badSnapshot("it does not begin as one") }
        guard bytes.count >= headerSize else { throw .badSnapshot("it is cut short") }
        guard word(0, of: bytes) == version else { throw .badSnapshot("it is of another version") }
        guard word(1, of: bytes) == fingerprint, word(5, of: bytes) == UInt64(count) else {
            throw .badSnapshot("it is of another peer, model, data partition or batch size")
        }
        guard bytes.count == headerSize + 8 * count + 8 else { throw .badSnapshot("its length is wrong") }
        let end = bytes.count - 8
        guard read(bytes[end...]) == hash(of: bytes[..<end]) else { throw .badSnapshot("it is damaged") }
        var first: [Float] = []
        var second: [Float] = []
        FloatEncoding.float32.decode(bytes[headerSize..<(headerSize + 4 * count)], into: &first)
        FloatEncoding.float32.decode(bytes[(headerSize + 4 * count)..<end], into: &second)
        var sampler = state.sampler
        guard let steps = Int(exactly: word(2, of: bytes)), let position = Int(exactly: word(4, of: bytes)),
            sampler.restore(.init(epoch: word(3, of: bytes), position: position)),
            let optimizer = AdamW(settings: state.optimizer.settings, step: steps, first: first, second: second)
        else { throw .badSnapshot("its numbers make no sense") }
        return TunerState(optimizer: optimizer, sampler: sampler)
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    private static func word(_ index: Int, of bytes: [UInt8]) -> UInt64 {
        read(bytes[(8 + 8 * index)..<(16 + 8 * index)])
    }

    private static func read(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func hash(of bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash = Fingerprint()
        hash.add(bytes)
        return hash.value
    }
}

/// What a tuner carries from step to step.
struct TunerState: Sendable, Equatable {
    /// Moments and the number of steps taken.
    var optimizer: AdamW
    /// The place in the data.
    var sampler: BatchSampler
}

/// A 64-bit FNV-1a hash that tells configurations apart; it guards against mistakes, not against malice.
struct Fingerprint {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }
}
