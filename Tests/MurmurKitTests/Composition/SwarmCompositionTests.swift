import Adapters
import Basics
import Cryptography
import Federation
import Foundation
import MurmurKit
import SwarmFile
import TestSupport
import Testing
import Wire

@Suite struct SwarmCompositionTests {
    @Test func pathsAreRelativeToTheTopology() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, data: "records.jsonl")
        let swarm = try SwarmComposition.load(path)
        #expect(swarm.topology.model.base == "builtin:fledgling")
        #expect(swarm.topology.data.source?.paths == [folder.url.standardizedFileURL.path + "/records.jsonl"])
        #expect(swarm.names == ["peer-0", "peer-1"])
        let moved = try SwarmComposition.load(
            path, replacing: SourceChoices(model: "/models/other", data: "builtin:chores"))
        #expect(moved.topology.model.base == "/models/other")
        #expect(moved.topology.data.source == "builtin:chores")
    }

    @Test func aPeerOnItsOwnBringsItsRecords() throws {
        var topology = SwarmTopology(
            swarm: .init(name: "s"), model: .init(base: "builtin:fledgling"), tuning: .init(), data: .init(source: nil),
            exchange: .init(), graph: .init(kind: .complete), peers: [.init(name: "ada"), .init(name: "ben")])
        var swarm = SwarmComposition(topology)
        swarm.replaceSources(by: SourceChoices(data: "/data/ben.jsonl"), ofPeer: "ben")
        #expect(swarm.topology.data.source == nil)
        #expect(swarm.topology.peers.map(\.data) == [nil, "/data/ben.jsonl"])
        topology.data.source = "/data/all.jsonl"
        swarm = SwarmComposition(topology)
        swarm.replaceSources(by: SourceChoices(data: "/data/ben.jsonl"), ofPeer: "ben")
        #expect(swarm.topology.data.source == "/data/ben.jsonl")
    }

    @Test func strangersAreNamed() throws {
        let folder = try TemporaryFolder()
        let swarm = try SwarmComposition.load(try SmallTopology.write(in: folder))
        #expect(try swarm.place(of: "peer-1") == 1)
        let failure = #expect(throws: CommandFailure.self) { try swarm.place(of: "zoe") }
        #expect(failure?.description == "the topology has no peer zoe; it has peer-0, peer-1")
    }

    @Test func aSecretHasSixteenBytes() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, extra: ", secret: key")
        try folder.write("short", to: "key")
        #expect(throws: CommandFailure.self) { try SwarmComposition.load(path).secret() }
        try folder.write("0123456789abcdef", to: "key")
        let secret = try SwarmComposition.load(path).secret()
        #expect(secret.isSecret)
        let open = try SwarmComposition.load(try SmallTopology.write(in: folder)).secret()
        #expect(!open.isSecret && open.identifier == secret.identifier)
    }

    @Test func keysMustBeThoseOfTheTopology() throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder), fresh: false)
        let swarm = SwarmComposition(run.topology)
        let own = try swarm.keys(of: "peer-0", in: run.identity(of: "peer-0").path)
        #expect(own.signing.publicKey == run.topology.peers[0].id?.bytes)
        let failure = #expect(throws: CommandFailure.self) {
            try swarm.keys(of: "peer-0", in: run.identity(of: "peer-1").path)
        }
        #expect(failure?.description.contains("is not the identity of peer-0") == true)
    }

    @Test func aConfigurationKnowsTheNeighbours() async throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, peers: 3)
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        let swarm = SwarmComposition(run.topology)
        let schema = AdapterSchema(tensors: [.init(name: "a", rows: 1, columns: 4)])
        let configuration = try await swarm.configuration(
            of: "peer-1", schema: schema, baseModelDigest: [UInt8](repeating: 1, count: 32), sampleCount: 5)
        let neighbours = Set(configuration.remotes.map(\.id))
        #expect(neighbours == Set([0, 2].compactMap { run.topology.peers[$0].id }))
        #expect(configuration.remotes.allSatisfy { $0.address?.host == "127.0.0.1" })
    }

    @Test func revocationsAreRead() throws {
        let folder = try TemporaryFolder()
        #expect(try SwarmComposition.revocations(in: nil).isEmpty)
        try folder.write("\n", to: "none")
        #expect(try SwarmComposition.revocations(in: folder.path("none")).isEmpty)
        for text in ["zz", "00ff"] {
            try folder.write(text, to: "bad")
            #expect(throws: CommandFailure.self) { try SwarmComposition.revocations(in: folder.path("bad")) }
        }
    }

    @Test func identityFilesAreSecret() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("identity")
        #expect(throws: CommandFailure.self) { try IdentityFile.read(path) }
        let made = try IdentityFile.readOrCreate(path)
        #expect(try IdentityFile.readOrCreate(path).signing.publicKey == made.signing.publicKey)
        let taken = #expect(throws: CommandFailure.self) { try IdentityFile.create(at: path) }
        #expect(taken?.description.contains("exists") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let open = #expect(throws: CommandFailure.self) { try IdentityFile.read(path) }
        #expect(open?.description.contains("chmod 600") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(throws: CommandFailure.self) { try IdentityFile.read(path) }
    }

    @Test func aDraftIsATopology() throws {
        let topology = try SwarmTopology.draft(
            name: "d", seed: 1, graph: .init(kind: .ring), peers: 5, firstPort: 9_100, base: "builtin:fledgling",
            data: "builtin:chores")
        let report = try TopologyReport(topology)
        #expect(report.peers == 5 && report.edges == 5 && report.degreeText == "2 to 2" && report.diameterText == "2")
        #expect(!report.hasIdentities && report.cutPeers.isEmpty)
        #expect(topology.tuning.template == "terse")
        #expect(topology.peers.map { $0.address?.port } == [9_100, 9_101, 9_102, 9_103, 9_104])
        #expect(try SwarmTopology.parse(topology.yaml, file: "d.yaml") == topology)
    }
}
