import Adapters
import Basics
import Federation
import Foundation
import Storage
import Testing
import Wire

@Suite struct CheckpointTests {
    static func checkpoint(round: Int = 3) -> PeerCheckpoint {
        let schema = AdapterSchema(tensors: [
            .init(name: "é.a", rows: 2, columns: 3), .init(name: "b", rows: 1, columns: 2),
        ])
        return PeerCheckpoint(
            identity: PeerID(bytes: [UInt8](repeating: 1, count: 32))!, swarm: [UInt8](repeating: 2, count: 32),
            baseModelDigest: [UInt8](repeating: 3, count: 32), round: round, isFinished: round > 5,
            handshakeTimestamp: 1 << 60,
            delta: AdapterDelta(schema: schema, values: [1, -0.0, 3.5, -4, .leastNonzeroMagnitude, 6, 7, 8]),
            trainerSnapshot: [9, 8, 7],
            progress: [.init(peer: PeerID(bytes: [UInt8](repeating: 5, count: 32))!, round: 4)])
    }

    static func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("murmur-\(UUID().uuidString)").path
    }

    @Test(arguments: [[], [4], [UInt8](repeating: 6, count: 70)])
    func theBinaryFormReadsBack(exchangeState: [UInt8]) throws {
        var checkpoint = Self.checkpoint()
        checkpoint.exchangeState = exchangeState
        #expect(try PeerCheckpoint(encoded: checkpoint.encoded) == checkpoint)
    }

    /// The bytes of `checkpoint()` as release 0.1 wrote them, made from its description of the layout alone.
    static let firstLayout = """
        6d75726d7572636b010001010101010101010101010101010101010101010101010101010101010101010202020202020202020202020202
        0202020202020202020202020202020202020303030303030303030303030303030303030303030303030303030303030303030000000000
        0000000000000000000010020000000100000062010000000200000004000000c3a92e6102000000030000000000803f0000008000006040
        000080c0010000000000c0400000e04000000041030000000000000009080701000000050505050505050505050505050505050505050505
        050505050505050505050504000000000000006ac1449c14a0666c17ffd74c6321902299c57f9ea6c74d604c6c6f63810142f1
        """

    /// The same as it is written now, made with Python's hashlib.
    static let layout = """
        6d75726d7572636b040001010101010101010101010101010101010101010101010101010101010101010202020202020202020202020202
        0202020202020202020202020202020202020303030303030303030303030303030303030303030303030303030303030303030000000000
        0000000000000000000010020000000100000062010000000200000004000000c3a92e6102000000030000000000803f0000008000006040
        000080c0010000000000c0400000e04000000041030000000000000009080701000000050505050505050505050505050505050505050505
        0505050505050505050505040000000000000000000000000000000044d3abaf96ff0bda9bfe3ccf8663bc93bc191811601d75e89086f208
        6aa5e9cd
        """

    @Test func theFirstLayoutIsStillRead() throws {
        let first = try #require([UInt8](hexadecimal: Self.firstLayout.filter { !$0.isWhitespace }))
        #expect(try PeerCheckpoint(encoded: first) == Self.checkpoint())
        let bytes = try #require([UInt8](hexadecimal: Self.layout.filter { !$0.isWhitespace }))
        #expect(Self.checkpoint().encoded == bytes)
    }

    /// As the last release wrote it: with what the exchange keeps, and with what gives the numbers their meaning.
    @Test(arguments: [2, 3]) func laterLayoutsAreStillRead(version: UInt8) throws {
        var checkpoint = Self.checkpoint()
        checkpoint.exchangeState = [4, 5]
        if version == 3 { checkpoint.settings = SettingsTests.settings }
        var body = Array(checkpoint.encoded.dropLast(32))
        body[8] = version
        // The byte that says whether there are settings is new.
        body.remove(at: body.count - 1 - (checkpoint.settings.map { 4 + $0.encoded.count } ?? 0))
        #expect(try PeerCheckpoint(encoded: PeerCheckpoint.sealed(body)) == checkpoint)
    }

    /// In pieces as files give them, and cut or altered at each place.
    @Test(arguments: [1, 7, 32, 33, 1000]) func whatComesInPiecesIsInspectedAlike(length: Int) {
        func isWhole(_ bytes: [UInt8]) -> Bool {
            var inspection = PeerCheckpoint.Inspection()
            for start in stride(from: 0, to: bytes.count, by: length) {
                inspection.take(bytes[start..<min(start + length, bytes.count)])
            }
            return inspection.finish()
        }
        let bytes = Self.checkpoint().encoded
        #expect(isWhole(bytes))
        #expect(!isWhole(bytes + [0]))
        for place in bytes.indices {
            #expect(!isWhole(Array(bytes[..<place])), "cut at \(place)")
            var altered = bytes
            altered[place] ^= 1
            #expect(!isWhole(altered), "altered at \(place)")
        }
    }

    @Test func aReleaseThatIsNotKnownIsNamed() {
        var bytes = Array(Self.checkpoint().encoded.dropLast(32))
        bytes[8] = 7
        #expect(throws: CheckpointError.unknownVersion(7)) {
            try PeerCheckpoint(encoded: PeerCheckpoint.sealed(bytes))
        }
    }

    @Test("A clock that was set back: timestamps and sequence numbers still grow, and never run over")
    func timestamps() {
        var checkpoint = Self.checkpoint()
        #expect(checkpoint.nextTimestamp(wallClock: 5) == (1 << 60) + (1 << 32))
        #expect(checkpoint.nextTimestamp(wallClock: 1 << 61) == 1 << 61)
        #expect(checkpoint.nextTimestamp(wallClock: (1 << 60) + 1) == (1 << 60) + (1 << 32))
        // Two processes within seconds, the first of which left no checkpoint.
        for later: UInt64 in [100_000_000, 200_000_000, 4_000_000_000] {
            #expect(checkpoint.nextTimestamp(wallClock: (1 << 60) + later) == (1 << 60) + later)
        }
        checkpoint.handshakeTimestamp = .max - 3
        #expect(checkpoint.nextTimestamp(wallClock: 5) < .max)
    }

    @Test func theMemoryIsKeptBesideTheCheckpoint() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = CheckpointStore(folder: folder)
        #expect(store.loadMemory().memory == nil && store.loadMemory().problems.isEmpty)
        let memory = EndpointMemory(stamps: [
            .init(peer: PeerID(bytes: [UInt8](repeating: 5, count: 32))!, timestamp: 77)
        ])
        try store.save(memory)
        #expect(store.loadMemory().memory == memory)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder + "/memory.bin"))
        #expect(store.loadMemory().memory == nil && store.loadMemory().problems.count == 1)
    }

    @Test func cutOrAlteredBytesAreRefused() {
        let bytes = Self.checkpoint().encoded
        for length in 0..<bytes.count {
            #expect(throws: CheckpointError.self) { try PeerCheckpoint(encoded: Array(bytes.prefix(length))) }
        }
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 0x41
            #expect(throws: CheckpointError.self) { try PeerCheckpoint(encoded: altered) }
        }
    }

    @Test func contentUnderARightChecksumIsCheckedToo() {
        var generator = SeededGenerator(seed: 8)
        let bytes = Self.checkpoint().encoded
        for _ in 0..<3000 {
            var altered = Array(bytes.dropLast(32))
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                altered[Int.random(in: 8..<altered.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            if generator.uniform() < 0.3 { altered.removeLast(Int.random(in: 0..<40, using: &generator)) }
            _ = try? PeerCheckpoint(encoded: PeerCheckpoint.sealed(altered))
        }
    }

    @Test func theStoreKeepsTwoAndFallsBack() throws {
        let store = CheckpointStore(folder: Self.folder())
        defer { try? FileManager.default.removeItem(atPath: store.folder) }
        #expect(store.load().checkpoint == nil && store.load().problems.isEmpty)
        try store.save(Self.checkpoint(round: 1))
        try store.save(Self.checkpoint(round: 2))
        try store.save(Self.checkpoint(round: 3))
        #expect(store.load().checkpoint?.round == 3)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(store.folder)/checkpoint.bin"))
        #expect(store.load().checkpoint?.round == 2)
        #expect(store.load().problems.count == 1)
        try FileManager.default.removeItem(atPath: "\(store.folder)/checkpoint.bin")
        #expect(store.load().checkpoint?.round == 2)
    }

    @Test func aFullDiskLeavesTheOldCheckpoint() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try CheckpointStore(folder: folder).save(Self.checkpoint(round: 1))
        let full = CheckpointStore(folder: folder, files: FullFileSystem())
        #expect(throws: FileError.self) { try full.save(Self.checkpoint(round: 2)) }
        #expect(throws: FileError.self) { try full.save(Self.checkpoint(round: 3)) }
        #expect(full.load().checkpoint?.round == 1)
    }

    @Test func aForeignCheckpointIsRefused() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 3)
        swarm.members[0].disk = Self.checkpoint()
        do {
            try swarm.start(0)
            Issue.record("another peer's checkpoint was taken")
        } catch let error as PeerSetupError {
            #expect(error.description.contains("of peer 01010101"))
        }
    }
}

/// The machine's file system, where nothing more fits.
private struct FullFileSystem: FileSystem {
    let local = LocalFileSystem()
    func createFolder(_ folder: String) throws(FileError) { try local.createFolder(folder) }
    func contents(of path: String) throws(FileError) -> [UInt8]? { try local.contents(of: path) }
    func write(_ bytes: [UInt8], to path: String) throws(FileError) { throw .diskFull(path: path) }
    func link(_ path: String, as other: String) throws(FileError) { try local.link(path, as: other) }
    func rename(_ path: String, to other: String) throws(FileError) { try local.rename(path, to: other) }
    func remove(_ path: String) throws(FileError) { try local.remove(path) }
    func synchronise(folder: String) throws(FileError) { try local.synchronise(folder: folder) }
}
