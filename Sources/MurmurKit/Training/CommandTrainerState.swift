import Basics
import InstructionTuning

/// What a peer keeps of a trainer that runs in a process of its own: the place in the data, the number of steps, and the
/// trainer's own bytes.
struct CommandTrainerState: Sendable {
    var sampler: BatchSampler
    /// Optimiser steps taken in the whole run.
    var steps = 0
    /// What the trainer saved after the last round; nil before the first.
    var snapshot: [UInt8]?

    init(sampler: BatchSampler) {
        self.sampler = sampler
    }

    private static let mark = Array("MURMPROC".utf8)
    private static let version: UInt64 = 1

    /// A mark, a version, the job's fingerprint, the count of steps, the sampler's epoch and position, whether there is a
    /// snapshot, its length (all UInt64), its bytes, and the FNV-1a hash of all before; little-endian.
    func encoded(fingerprint: UInt64) -> [UInt8] {
        var bytes = Self.mark
        let words: [UInt64] = [
            Self.version, fingerprint, UInt64(steps), sampler.state.epoch, UInt64(sampler.state.position),
            snapshot == nil ? 0 : 1, UInt64(snapshot?.count ?? 0),
        ]
        for word in words { bytes.append(integer: word) }
        bytes += snapshot ?? []
        var hash = FNV1a()
        hash.add(bytes)
        bytes.append(integer: hash.value)
        return bytes
    }

    /// The state that `bytes` hold, for a trainer whose state is like `state`.
    static func decode(
        _ bytes: [UInt8], like state: CommandTrainerState, fingerprint: UInt64
    ) throws(TuningError) -> CommandTrainerState {
        var reader = ByteReader(bytes)
        guard reader.bytes(count: mark.count) == mark else {
            throw .badSnapshot("it is not of a trainer in a process of its own")
        }
        var words: [UInt64] = []
        for _ in 0..<7 {
            guard let word = reader.integer(UInt64.self) else { throw .badSnapshot("it is cut short") }
            words.append(word)
        }
        guard words[0] == version else { throw .badSnapshot("it is of another version") }
        guard words[1] == fingerprint else {
            throw .badSnapshot("it is of another peer, model, data partition or batch size")
        }
        guard let length = Int(exactly: words[6]), length <= reader.remaining,
            let snapshot = reader.bytes(count: length), let stated = reader.integer(UInt64.self), reader.isAtEnd
        else { throw .badSnapshot("its length is wrong") }
        var hash = FNV1a()
        hash.add(bytes, range: 0..<bytes.count - 8)
        guard stated == hash.value else { throw .badSnapshot("it is damaged") }
        var restored = state
        guard let steps = Int(exactly: words[2]), let position = Int(exactly: words[4]), words[5] <= 1,
            restored.sampler.restore(.init(epoch: words[3], position: position))
        else { throw .badSnapshot("its numbers make no sense") }
        restored.steps = steps
        restored.snapshot = words[5] == 1 ? snapshot : nil
        return restored
    }
}
