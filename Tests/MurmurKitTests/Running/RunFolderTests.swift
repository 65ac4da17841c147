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
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        #expect(run.topology.isResolved)
        #expect(try SwarmTopology.load(path: run.topologyPath) == run.topology)
        let again = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        #expect(again.topology == run.topology)
        let anew = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: true)
        #expect(anew.topology.peers[0].id != run.topology.peers[0].id)
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
