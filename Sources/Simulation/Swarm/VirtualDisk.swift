import Federation
import LinearAlgebra

/// One peer's disk: the two checkpoint files of `CheckpointStore`, as the peer's process sees them and as they survive.
struct VirtualDisk: Sendable {
    /// A file's bytes; nil where there is no file.
    typealias File = [UInt8]?

    private var newest: File = nil
    private var previous: File = nil
    private var durableNewest: File = nil
    private var durablePrevious: File = nil

    /// Whether a fault may have taken what a peer believed to be safe.
    private(set) var hasBetrayed = false

    /// Writes a checkpoint as `CheckpointStore.save` does, under `fault`; what went wrong, or nil.
    mutating func save(
        _ bytes: [UInt8], under fault: DiskFault?, using generator: inout SeededGenerator
    ) -> String? {
        switch fault {
        case .full: return "no space left on the device"
        case .failing: return "input/output error"
        case nil, .lostSync, .misdirected: break
        }
        var written = bytes
        if fault == .misdirected {
            // 512 bytes at some place are another block's.
            let place = Int(generator.next() % UInt64(max(1, written.count)))
            for index in place..<min(written.count, place + 512) { written[index] = UInt8(generator.next() & 0xff) }
            hasBetrayed = true
        }
        previous = newest
        newest = written
        if fault != .lostSync {
            durablePrevious = previous
            durableNewest = newest
        }
        return nil
    }

    /// The process ended, with a write of `unfinished` under way if it is not nil.
    mutating func crash(_ fate: DiskFate, unfinished: [UInt8]?, using generator: inout SeededGenerator) {
        if newest != durableNewest {
            // What was never synchronised is there in part.
            hasBetrayed = true
            newest = newest.map { Array($0.prefix(Int(generator.next() % UInt64(max(1, $0.count))))) }
            previous = durableNewest
            (durableNewest, durablePrevious) = (newest, previous)
        }
        switch fate {
        case .kept: break
        // A torn write lies in the temporary file, which was not renamed yet: nobody reads it.
        case .torn: _ = unfinished
        case .amnesia:
            (newest, previous, durableNewest, durablePrevious) = (nil, nil, nil, nil)
            hasBetrayed = true
        }
    }

    /// The checkpoint that a start finds, as `CheckpointStore.load` does.
    func load() -> PeerCheckpoint? {
        for file in [newest, previous] {
            if let bytes = file, let checkpoint = try? PeerCheckpoint(encoded: bytes) { return checkpoint }
        }
        return nil
    }

    /// Forgets that there was a betrayal: the peer was started and knows now what it has.
    mutating func forgive() { hasBetrayed = false }
}
