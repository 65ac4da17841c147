import Basics
import LanguageModel
import Storage

/// The bytes of a tuner's state: a mark, a version, the trainer's fingerprint, a count of steps, the sampler's epoch and
/// position, the number of parameters (all UInt64), the two lists of moments (Float), and the FNV-1a hash of all before;
/// little-endian.
enum TunerSnapshot {
    private static let mark = Array("MURMTUNE".utf8)
    private static let version: UInt64 = 1

    static func encode(_ state: TunerState, fingerprint: UInt64) -> [UInt8] {
        var bytes = mark
        let optimizer = state.optimizer
        let sampler = state.sampler.state
        bytes.append(integer: version)
        bytes.append(integer: fingerprint)
        bytes.append(integer: UInt64(optimizer.step))
        bytes.append(integer: sampler.epoch)
        bytes.append(integer: UInt64(sampler.position))
        bytes.append(integer: UInt64(optimizer.first.count))
        FloatEncoding.float32.encode(optimizer.first[...], into: &bytes)
        FloatEncoding.float32.encode(optimizer.second[...], into: &bytes)
        var hash = FNV1a()
        hash.add(bytes)
        bytes.append(integer: hash.value)
        return bytes
    }

    /// The state that `bytes` hold, for a trainer whose state is like `state`.
    static func decode(
        _ bytes: [UInt8], like state: TunerState, fingerprint: UInt64
    ) throws(TuningError) -> TunerState {
        let count = state.optimizer.first.count
        var reader = ByteReader(bytes)
        guard reader.bytes(count: mark.count) == mark else { throw .badSnapshot("it does not begin as one") }
        func word() throws(TuningError) -> UInt64 {
            guard let word = reader.integer(UInt64.self) else { throw .badSnapshot("it is cut short") }
            return word
        }
        let (written, trainer) = (try word(), try word())
        let (step, epoch, position, parameters) = (try word(), try word(), try word(), try word())
        // What is wrong is told from the outside in: a snapshot of another trainer is no damaged one of this.
        guard written == version else { throw .badSnapshot("it is of another version") }
        guard trainer == fingerprint, parameters == UInt64(count) else {
            throw .badSnapshot("it is of another peer, model, data partition or batch size")
        }
        guard let firstMoments = reader.range(count: 4 * count), let secondMoments = reader.range(count: 4 * count),
            let stated = reader.integer(UInt64.self), reader.isAtEnd
        else { throw .badSnapshot("its length is wrong") }
        var hash = FNV1a()
        hash.add(bytes, range: 0..<secondMoments.upperBound)
        guard stated == hash.value else { throw .badSnapshot("it is damaged") }
        var first: [Float] = []
        var second: [Float] = []
        FloatEncoding.float32.decode(bytes[firstMoments], into: &first)
        FloatEncoding.float32.decode(bytes[secondMoments], into: &second)
        var sampler = state.sampler
        guard let steps = Int(exactly: step), let place = Int(exactly: position),
            sampler.restore(.init(epoch: epoch, position: place)),
            let optimizer = AdamW(settings: state.optimizer.settings, step: steps, first: first, second: second)
        else { throw .badSnapshot("its numbers make no sense") }
        return TunerState(optimizer: optimizer, sampler: sampler)
    }
}

/// What a tuner carries from step to step.
struct TunerState: Sendable, Equatable {
    /// Moments and the number of steps taken.
    var optimizer: AdamW
    /// The place in the data.
    var sampler: BatchSampler
}
