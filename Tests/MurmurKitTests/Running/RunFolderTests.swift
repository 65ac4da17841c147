import Foundation
import MurmurKit
import Observability
import Storage
import SwarmFile
import TestSupport
import Testing

@Suite struct RunFolderTests {
    @Test func aRunIsPreparedAndGoneOnWith() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, peers: 3)
        func prepare(fresh: Bool) throws -> SwarmTopology {
            let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: fresh)
            #expect(try SwarmTopology.load(path: run.topologyPath) == run.topology)
            return run.topology
        }
        let first = try prepare(fresh: false)
        #expect(first.isResolved)
        #expect(try prepare(fresh: false) == first)
        #expect(try prepare(fresh: true).peers[0].id != first.peers[0].id)
    }

    @Test func aRunAtWorkIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, peers: 2)
        let peer = folder.path("run/peer-1")
        do {
            let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
            for fresh in [false, true] {
                let failure = #expect(throws: CommandFailure.self) {
                    try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: fresh)
                }
                #expect(failure?.description.contains("`murmur swarm` is at work") == true)
            }
            withExtendedLifetime(run) {}
        }
        // The supervisor is gone, and a peer works on.
        let lock = try OutputFolder.peer.claim(peer)
        let failure = #expect(throws: CommandFailure.self) {
            try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: true)
        }
        #expect(failure?.description.contains("`murmur peer` is at work") == true)
        #expect(FileManager.default.fileExists(atPath: "\(peer)/identity"))
        withExtendedLifetime(lock) {}
    }

    @Test func anotherTopologysRunIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        _ = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder), fresh: false)
        let other = try SmallTopology.write(in: folder, rounds: 9)
        let failure = #expect(throws: CommandFailure.self) {
            try RunFolder.prepare(folder.path("run"), topologyPath: other, fresh: false)
        }
        #expect(failure?.description.contains("another topology") == true)
        #expect(try RunFolder.prepare(folder.path("run"), topologyPath: other, fresh: true).topology.tuning.rounds == 9)
    }

    @Test func freshRemovesNothingButARun() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder)
        let run = folder.path("run")
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        // An empty folder is fine; one with something else is not.
        _ = try RunFolder.prepare(run, topologyPath: path, fresh: true)
        try FileManager.default.removeItem(atPath: run)
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        try folder.write("dear", to: "run/letter.txt")
        #expect(throws: CommandFailure.self) { try RunFolder.prepare(run, topologyPath: path, fresh: true) }
        #expect(FileManager.default.fileExists(atPath: run + "/letter.txt"))
        // Beside a run it stays when the run goes.
        try FileManager.default.removeItem(atPath: run)
        let first = try RunFolder.prepare(run, topologyPath: path, fresh: false).topology
        try folder.write("dear", to: "run/letter.txt")
        try folder.write("{}", to: "run/summary.json")
        #expect(try RunFolder.prepare(run, topologyPath: path, fresh: true).topology.peers[0].id != first.peers[0].id)
        #expect(FileManager.default.fileExists(atPath: run + "/letter.txt"))
        #expect(!FileManager.default.fileExists(atPath: run + "/summary.json"))
        #expect(throws: CommandFailure.self) {
            try RunFolder.prepare("/proc/none", topologyPath: path, fresh: false)
        }
    }

    @Test func identitiesOfATopologyAreNotReplaced() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder)
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        let failure = #expect(throws: CommandFailure.self) {
            try RunFolder.prepare(folder.path("other"), topologyPath: run.topologyPath, fresh: false)
        }
        #expect(failure?.description.contains("run it with `murmur peer`") == true)
    }

    @Test func logsBecomeProgress() throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder), fresh: false)
        #expect(!run.holdsAllAdapters)
        let event = LoggedEvent(
            time: 1, peer: "peer-1", event: "trained",
            fields: JSONObject([("round", .integer(0)), ("loss", .number(2.5))]))
        try (event.encoded + Data("\ntorn li".utf8)).write(to: run.events(of: "peer-1"))
        #expect(run.progress().peers["peer-1"]?.loss == 2.5)
        #expect(run.progress().peers["peer-0"]?.loss == nil)
        for name in ["peer-0", "peer-1"] {
            try FileManager.default.createDirectory(at: run.adapter(of: name), withIntermediateDirectories: true)
            try Data().write(to: run.adapter(of: name).appendingPathComponent("adapter_config.json"))
        }
        #expect(run.holdsAllAdapters)
    }
}
