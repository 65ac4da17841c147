import Foundation
import MurmurKit
import Observability
import Storage
import SwarmFile
import TestSupport
import Testing

/// Following runs from their files, with folders as runs leave them.
@Suite struct RunFollowerTests {
    private static func line(
        _ event: String, of peer: String, at time: Double, _ fields: [(String, JSONValue)] = []
    )
        -> String
    {
        let event = LoggedEvent(time: time, peer: peer, event: event, fields: JSONObject(fields))
        return String(decoding: event.encoded, as: UTF8.self)
    }

    /// A file to which the test writes as a peer would.
    private static func append(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: url) }
        let handle = try FileHandle(forWritingTo: url)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    /// A run of `murmur swarm` with two peers that nobody has begun.
    private static func run(in folder: borrowing TemporaryFolder) throws -> String {
        let path = try SmallTopology.write(in: folder)
        let run = folder.path("run")
        for name in ["peer-0", "peer-1"] {
            try FileManager.default.createDirectory(
                atPath: "\(run)/\(name)/state", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: path, toPath: "\(run)/topology.yaml")
        return run
    }

    private func state(_ follower: RunFollower, _ name: String = "peer-0") -> SwarmProgress.PeerState? {
        follower.board.status.metrics?.progress.peers[name]
    }

    @Test func aRunThatBeginsLaterIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        var follower = RunFollower(folder.path("run"))
        try follower.look(at: 0)
        #expect(!follower.hasRun && follower.board.status.notice?.contains("there is no run in") == true)
        let run = try Self.run(in: folder)
        // The folder is not searched at every look.
        for _ in 0..<25 { try follower.look(at: 1) }
        #expect(follower.hasRun && follower.board.status.notice?.contains("has told anything yet") == true)
        #expect(follower.board.status.metrics?.progress.names == ["peer-0", "peer-1"])
        try Self.append(Self.line("started", of: "peer-0", at: 5) + "\n", to: "\(run)/peer-0/events.jsonl")
        try follower.look(at: 6)
        #expect(state(follower)?.lastHeard == 5)
    }

    @Test func linesAreTakenWhenTheyAreWhole() throws {
        let folder = try TemporaryFolder()
        let run = try Self.run(in: folder)
        let log = "\(run)/peer-0/events.jsonl"
        let trained = Self.line("trained", of: "peer-0", at: 2, [("round", .integer(0)), ("loss", .number(2.5))])
        try Self.append(Self.line("started", of: "peer-0", at: 1) + "\n" + trained.prefix(20), to: log)
        var follower = RunFollower(run)
        try follower.look(at: 3)
        #expect(state(follower)?.loss == nil)
        try Self.append(trained.dropFirst(20) + "\n", to: log)
        try follower.look(at: 3)
        #expect(state(follower)?.loss == 2.5)
        // A line that a crash cut short is ended by the next process, and is none.
        try Self.append("{\"time\":3,\"pe", to: log)
        let lines = try LineFile(appendingTo: URL(fileURLWithPath: log))
        lines.append(Data(Self.line("started", of: "peer-0", at: 4, [("round", .integer(1))]).utf8))
        try follower.look(at: 5)
        #expect(state(follower)?.round == 1 && state(follower)?.lastHeard == 4)
    }

    @Test func whoEndsIsToldFromWhoIsAtWork() throws {
        let folder = try TemporaryFolder()
        let run = try Self.run(in: folder)
        for name in ["peer-0", "peer-1"] {
            try Self.append(
                Self.line("round_started", of: name, at: 1, [("round", .integer(0))]) + "\n",
                to: "\(run)/\(name)/events.jsonl")
        }
        func holder() -> FolderLock.Holder {
            .init(maker: "murmur peer", user: "murmur peer", process: 1, host: "h", since: "now")
        }
        var follower = RunFollower(run)
        let later = Date().timeIntervalSince1970 + 60
        do {
            let swarm = try FolderLock(folder: run, for: holder())
            let peer = try FolderLock(folder: "\(run)/peer-0", for: holder())
            try follower.look(at: later)
            #expect(follower.board.status.stage == .running)
            // No process has the other's folder, and it has told nothing for a minute.
            #expect(state(follower)?.phase == "training" && state(follower, "peer-1")?.phase == "dead")
            // It is started again, and tells so.
            try Self.append(Self.line("started", of: "peer-1", at: 2) + "\n", to: "\(run)/peer-1/events.jsonl")
            try follower.look(at: Date().timeIntervalSince1970)
            #expect(state(follower, "peer-1")?.phase == "starting")
            withExtendedLifetime((swarm, peer)) {}
        }
        try Self.append(Self.line("finished", of: "peer-0", at: 3) + "\n", to: "\(run)/peer-0/events.jsonl")
        try follower.look(at: later)
        #expect(follower.board.status.stage == .ended && state(follower)?.phase == "finished")
        #expect(state(follower, "peer-1")?.phase == "dead")
    }

    /// `--fresh`: other files under the same names.
    @Test func aRunThatBeganAnewIsReadAnew() throws {
        let folder = try TemporaryFolder()
        let run = try Self.run(in: folder)
        let log = "\(run)/peer-0/events.jsonl"
        let mixed = Self.line("mixed", of: "peer-0", at: 2, [("round", .integer(0)), ("disagreement", .number(0.5))])
        try Self.append(mixed + "\n" + mixed + "\n", to: log)
        var follower = RunFollower(run)
        try follower.look(at: 3)
        #expect(state(follower)?.disagreements.count == 2)
        try FileManager.default.removeItem(atPath: log)
        // Another file may get the number of the one that was removed.
        try Self.append("x", to: folder.path("other"))
        try Self.append(mixed + "\n", to: log)
        try follower.look(at: 3)
        #expect(state(follower)?.disagreements.count == 1)
    }

    /// `murmur peer --out DIR`, and the folder of one peer in it.
    @Test func foldersOfSinglePeersAreRuns() throws {
        let folder = try TemporaryFolder()
        let topology = try SmallTopology.write(in: folder, peers: 3)
        let out = folder.path("out")
        for name in ["peer-2", "peer-0", "unrelated"] {
            try Self.append(Self.line("started", of: name, at: 1) + "\n", to: "\(out)/\(name)/events.jsonl")
            guard name != "unrelated" else { continue }
            try FileManager.default.createDirectory(atPath: "\(out)/\(name)/state", withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: topology, toPath: "\(out)/\(name)/state/topology.yaml")
        }
        for (path, names) in [
            (out, ["peer-0", "peer-2"]), ("\(out)/peer-2", ["peer-2"]), ("\(out)/peer-2/", ["peer-2"]),
        ] {
            var follower = RunFollower(path)
            try follower.look(at: 2)
            #expect(follower.board.status.metrics?.progress.names == names)
            #expect(state(follower, "peer-2")?.lastHeard == 1)
        }
        var nothing = RunFollower("\(out)/unrelated")
        try nothing.look(at: 2)
        #expect(!nothing.hasRun)
    }

    @Test func aTopologyThatCannotBeReadIsSaid() throws {
        let folder = try TemporaryFolder()
        try folder.write("murmuration: [", to: "topology.yaml")
        var follower = RunFollower(folder.url.path)
        #expect(throws: CommandFailure.self) { try follower.look(at: 0) }
    }

    /// Whatever lies in the place of a log: it is read, and means nothing.
    @Test(arguments: [
        Data([0xFF, 0xFE, 0x00, 0x0A, 0x0A, 0x7B]), Data(repeating: 0x41, count: 3 << 20),
        Data("null\n[]\n{\"time\":1e999,\"peer\":\"peer-0\",\"event\":\"mixed\"}\n".utf8),
        Data("{\"time\":1,\"peer\":\"peer-9\",\"event\":\"mixed\",\"round\":1}\n".utf8),
        Data(String(repeating: "[", count: 100_000).utf8),
    ])
    func garbageIsPassedOver(garbage: Data) throws {
        let folder = try TemporaryFolder()
        let run = try Self.run(in: folder)
        let log = "\(run)/peer-0/events.jsonl"
        try garbage.write(to: URL(fileURLWithPath: log))
        var follower = RunFollower(run)
        try follower.look(at: 1)
        try Self.append("\n" + Self.line("started", of: "peer-0", at: 7, [("round", .integer(1))]) + "\n", to: log)
        try follower.look(at: 1)
        #expect(state(follower)?.lastHeard == 7 && state(follower)?.round == 1)
        #expect(follower.board.status.metrics?.progress.peers.count == 2)
    }

    /// What is no plain file is not waited for.
    @Test func aPipeInThePlaceOfALogHoldsNobodyUp() throws {
        let folder = try TemporaryFolder()
        let run = try Self.run(in: folder)
        #expect(mkfifo("\(run)/peer-0/events.jsonl", 0o600) == 0)
        var follower = RunFollower(run)
        try follower.look(at: 1)
        #expect(follower.hasRun && state(follower)?.lastHeard == nil)
    }
}
