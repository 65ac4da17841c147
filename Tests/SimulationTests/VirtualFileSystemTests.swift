import Adapters
import Basics
import Faults
import Federation
import Simulation
import Storage
import Testing

/// Crashes at every step of saving a checkpoint, with everything that may survive of them.
@Suite struct VirtualFileSystemTests {
    static let folder = "peer/state"

    static func checkpoint(round: Int) -> [UInt8] {
        let schema = AdapterSchema(tensors: [.init(name: "toy", rows: 40, columns: 8)])
        return PeerCheckpoint(
            identity: PeerID(bytes: [UInt8](repeating: 1, count: 32))!, swarm: [UInt8](repeating: 2, count: 32),
            baseModelDigest: [UInt8](repeating: 3, count: 32), round: round, isFinished: false,
            handshakeTimestamp: 9,
            delta: AdapterDelta(schema: schema, values: Array(repeating: Float(round), count: schema.count)),
            trainerSnapshot: [], progress: []
        ).encoded
    }

    static func loaded(_ files: VirtualFileSystem) -> Int? {
        CheckpointFiles.load(from: folder, on: files).checkpoint?.round
    }

    /// A disk on which `rounds` were saved.
    static func disk(rounds: Int) throws -> VirtualFileSystem {
        var files = VirtualFileSystem(seed: 1)
        for round in 1..<rounds + 1 { try CheckpointFiles.save(checkpoint(round: round), in: folder, on: &files) }
        return files
    }

    @Test(arguments: 0..<4) func noStepOfSavingLosesAnything(saved: Int) throws {
        let before = try Self.disk(rounds: saved)
        var whole = before
        try CheckpointFiles.save(Self.checkpoint(round: saved + 1), in: Self.folder, on: &whole)
        let steps = whole.steps - before.steps
        #expect(steps > 6, "\(steps) steps")
        #expect(Self.loaded(whole) == saved + 1)
        for step in 0...steps {
            var crashed = before
            crashed.stepsLeft = step
            let isSaved =
                (try? CheckpointFiles.save(Self.checkpoint(round: saved + 1), in: Self.folder, on: &crashed)) != nil
            #expect(isSaved == (step == steps))
            crashed.stepsLeft = nil
            // The process was killed; the machine goes on.
            let found = Self.loaded(crashed)
            #expect(found == saved + 1 || found == (saved == 0 ? nil : saved), "killed at \(step): \(found ?? -1)")
            // The power failed: whatever subset of the names and part of the bytes is there.
            for kept in 0..<64 {
                for share in [0, 0.4, 1] {
                    var survivor = crashed
                    survivor.losePower(keeping: { kept >> $0 & 1 == 1 }, share: share)
                    let found = Self.loaded(survivor)
                    if isSaved {
                        #expect(found == saved + 1)
                    } else {
                        #expect(found == saved + 1 || found == (saved == 0 ? nil : saved), "power at \(step), \(kept)")
                    }
                    // And it can be saved again.
                    try CheckpointFiles.save(Self.checkpoint(round: 50), in: Self.folder, on: &survivor)
                    #expect(Self.loaded(survivor) == 50)
                }
            }
        }
    }

    /// Crash after crash on one disk: what was confirmed is never lost.
    @Test(arguments: 0..<20) func manyCrashesInARowLoseNothing(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var files = VirtualFileSystem(seed: seed)
        var confirmed = 0
        for round in 1..<200 {
            if generator.uniform() < 0.5 { files.stepsLeft = Int.random(in: 0..<14, using: &generator) }
            if (try? CheckpointFiles.save(Self.checkpoint(round: round), in: Self.folder, on: &files)) != nil {
                confirmed = round
            }
            files.stepsLeft = nil
            if generator.uniform() < 0.5 { files.losePower() }
            #expect(Self.loaded(files) ?? 0 >= confirmed)
        }
        #expect(confirmed > 0 && files.inodes < 6, "files that nobody needs are gone: \(files.inodes)")
    }

    @Test func aDamagedNewestDoesNotReplaceTheWholePrevious() throws {
        var files = try Self.disk(rounds: 2)
        files.fault = .misdirected
        try CheckpointFiles.save(Self.checkpoint(round: 3), in: Self.folder, on: &files)
        #expect(files.hasBetrayed)
        #expect(Self.loaded(files) == 2)
        files.fault = nil
        // The next writing fails midway, wherever: the second is still there.
        for step in 0..<12 {
            var crashed = files
            crashed.stepsLeft = step
            _ = try? CheckpointFiles.save(Self.checkpoint(round: 4), in: Self.folder, on: &crashed)
            crashed.stepsLeft = nil
            crashed.losePower()
            let found = Self.loaded(crashed)
            #expect(found == 2 || found == 4, "\(found ?? -1) after \(step) steps")
        }
    }

    @Test(arguments: [DiskFault.full, .failing]) func whatCannotBeWrittenLeavesTheOld(fault: DiskFault) throws {
        var files = try Self.disk(rounds: 2)
        files.fault = fault
        #expect(throws: FileError.self) {
            try CheckpointFiles.save(Self.checkpoint(round: 3), in: Self.folder, on: &files)
        }
        #expect(Self.loaded(files) == 2 && !files.hasBetrayed)
        files.losePower()
        #expect(Self.loaded(files) == 2)
    }

    @Test func aDiskThatLiesIsKnownToHaveLied() throws {
        var files = try Self.disk(rounds: 2)
        files.fault = .lostSync
        try CheckpointFiles.save(Self.checkpoint(round: 3), in: Self.folder, on: &files)
        #expect(Self.loaded(files) == 3 && files.hasBetrayed)
        files.losePower(keeping: { _ in false }, share: 0)
        #expect(Self.loaded(files) == 2)
    }
}
