import Basics
import Foundation
import Overlay
import SwarmFile
import TestSupport
import Testing

@Suite struct TopologyPeersTests {
    static func file(_ peers: String, graph: String = "graph: { kind: ring }") -> String {
        """
        murmuration: 1
        swarm: { name: demo }
        model: { base: builtin:fledgling }
        data: { source: builtin:chores }
        \(graph)
        peers:
        \(peers)
        """
    }

    static let one = String(repeating: "ab", count: 32), two = String(repeating: "cd", count: 32)

    @Test func aListIsRead() throws {
        let text = Self.file(
            """
            - { name: ada, id: "\(Self.one)", key: "\(Self.two)", address: "[::1]:9101" }
            - { id: "\(Self.two)", key: "\(Self.one)", address: "[::1]:9100" }
            """)
        let topology = try SwarmTopology.parse(text, file: "t.yaml")
        #expect(topology.isResolved)
        #expect(topology.peers[1].name == "peer-1")
        #expect(topology.index(ofPeerNamed: "ada") == 0)
        #expect(topology.index(of: PeerID(Self.two)!) == 1)
    }

    @Test(arguments: [
        ("- { name: a }\n- { name: a }", "peers[1].name", 8),
        ("- { id: \"\(one)\" }\n- { id: \"\(one)\" }", "peers[1].id", 8),
        ("- { key: \"\(one)\" }\n- { key: \"\(one)\" }", "peers[1].key", 8),
        ("- { address: \"[::1]:1\" }\n- { address: \"[0:0::1]:1\" }", "peers[1].address", 8),
        ("- { name: peer-1 }\n- {}", "peers[1]", 8),
        ("- { id: abc }\n- {}", "peers[0].id", 7),
        ("- { address: \"a.example:1\" }\n- { address: \"A.example.:1\" }", "peers[1].address", 8),
        ("- { address: \"a..example:1\" }\n- {}", "peers[0].address", 7),
        ("- { address: \"300.1.2.3:1\" }\n- {}", "peers[0].address", 7),
        ("- { address: \"127.1:1\" }\n- {}", "peers[0].address", 7),
        ("- { address: \"a.example\" }\n- {}", "peers[0].address", 7),
        ("- { address: \"a.example:0\" }\n- {}", "peers[0].address", 7),
        ("- { address: \"a b:1\" }\n- {}", "peers[0].address", 7),
        ("- { data: a.jsonl }\n- {}", "data.source", 4),
    ]) func doublesAndFaultsAreRefused(peers: String, key: String, line: Int) throws {
        let text = Self.file(peers)
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.key == key && error.line == line, "\(error)")
    }

    @Test(arguments: [
        ("0.0.0.0:9", "listens"), ("0.1.2.3:9", "listens"), ("[::]:9", "listens"), ("[::ffff:0.0.0.0]:9", "listens"),
        ("255.255.255.255:9", "broadcast"), ("224.0.0.1:9", "multicast"), ("239.1.2.3:9", "multicast"),
        ("[ff02::1]:9", "multicast"), ("[::ffff:224.0.0.1]:9", "multicast"), ("240.0.0.1:9", "reserved"),
        ("[fe80::1]:9", "one link"),
    ]) func addressesThatNobodyReachesAreRefused(address: String, reason: String) throws {
        let text = Self.file("- { address: \"\(address)\" }\n- { address: \"127.0.0.1:1\" }")
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.key == "peers[0].address" && error.problem.contains(reason), "\(error)")
        guard let host = NetworkAddress(address)?.host else { return }
        let counted = Self.file("{ count: 2, host: \"\(host)\", first-port: 9 }").replacing("peers:\n", with: "peers: ")
        let other = try #require(throws: TopologyError.self) { try SwarmTopology.parse(counted, file: "t.yaml") }
        #expect(other.key == "peers.host", "\(other)")
    }

    @Test func aMappedAddressIsTheOneItMaps() throws {
        let mapped = Self.file(
            "- { address: \"192.0.2.7:1\" }\n- { address: \"[::ffff:192.0.2.7]:2\" }")
        #expect(try SwarmTopology.parse(mapped, file: "t.yaml").peers[1].address?.description == "192.0.2.7:2")
        let twice = Self.file("- { address: \"192.0.2.7:1\" }\n- { address: \"[::ffff:192.0.2.7]:1\" }")
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(twice, file: "t.yaml") }
        #expect(error.key == "peers[1].address", "\(error)")
    }

    @Test func hostsMayHaveNames() throws {
        let peers = "- { address: \"Ada.Example:9100\" }\n- { address: \"ben-2.example.org.:9100\" }"
        let topology = try SwarmTopology.parse(Self.file(peers), file: "t.yaml")
        #expect(topology.peers.map { $0.place?.description } == ["ada.example:9100", "ben-2.example.org:9100"])
        #expect(topology.peers.allSatisfy { $0.address == nil }, "a name is no number")
        #expect(try SwarmTopology.parse(topology.yaml, file: "again.yaml") == topology)
        let counted = Self.file("{ count: 2, host: localhost, first-port: 9 }").replacing("peers:\n", with: "peers: ")
        let places = try SwarmTopology.parse(counted, file: "t.yaml").peers.map { $0.place?.description }
        #expect(places == ["localhost:9", "localhost:10"])
    }

    @Test func neighboursOfTwoFamiliesAreRefused() throws {
        let mixed = "- { name: a, address: \"127.0.0.1:1\" }\n- { name: b, address: \"[::1]:2\" }"
        let error = try #require(throws: TopologyError.self) {
            try SwarmTopology.parse(Self.file(mixed), file: "t.yaml")
        }
        #expect(error.problem.contains("a is at 127.0.0.1:1 and its neighbour b at [::1]:2"), "\(error)")
    }

    @Test func neighboursMakeTheGraph() throws {
        let peers = "- { name: a, neighbours: [b] }\n- { name: b }\n- { name: c, neighbours: [b, a] }"
        let topology = try SwarmTopology.parse(Self.file(peers, graph: ""), file: "t.yaml")
        #expect(try topology.swarmGraph().neighbours == [[1, 2], [0, 2], [0, 1]])
        #expect(throws: TopologyError.self) { try SwarmTopology.parse(Self.file(peers), file: "t.yaml") }
    }

    @Test func anEdgesFileIsRead() throws {
        let peers = "- { name: a }\n- { name: b }\n- { name: c }"
        let text = Self.file(peers, graph: "graph: { kind: edges, edges: ring.edges }")
        let topology = try SwarmTopology.parse(text, file: "t.yaml") { name in
            #expect(name == "ring.edges")
            return "% a comment\n# another\na b 0.5\n1 2\n\nc,a # closed\nb a\n"
        }
        #expect(topology.graph.edges == [.init(0, 1), .init(0, 2), .init(1, 2)])
        for (broken, line) in [("a", 1), ("a b\nb d", 2), ("a a", 1)] {
            let error = try #require(throws: TopologyError.self) {
                try SwarmTopology.parse(text, file: "t.yaml") { _ in broken }
            }
            #expect(error.file == "ring.edges" && error.line == line)
        }
    }

    @Test func writtenAndReadAgainItIsEqual() throws {
        let folder = SharedData.projectRoot.appendingPathComponent("topologies")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        #expect(names.count >= 6)
        for name in names.sorted() {
            let path = folder.appendingPathComponent(name).path
            let topology = try SwarmTopology.load(path: path)
            let identities = (0..<topology.peers.count).map { (index: Int) -> PeerIdentity in
                func bytes(_ kind: UInt8) -> [UInt8] {
                    let number = [UInt8(index & 255), UInt8(index >> 8)]
                    return number + [UInt8](repeating: kind, count: 30)
                }
                return PeerIdentity(id: PeerID(bytes: bytes(1))!, exchangeKey: bytes(2))
            }
            let resolved = topology.expanded(identities: identities)
            #expect(resolved.isResolved)
            #expect(try SwarmTopology.parse(resolved.yaml, file: "again.yaml") == resolved, "\(name)")
            let first = try String(contentsOfFile: path, encoding: .utf8).prefix { $0 != "\n" }
            #expect(first.hasPrefix("# ") && first.count > 20, "\(name) begins with its purpose")
        }
    }

    @Test func oddTextSurvivesWriting() throws {
        var topology = try SwarmTopology.parse(TopologyReadTests.minimal, file: "t.yaml")
        topology.model.base = "a \"b\" \\ c: #d \u{85} é\t🐦"
        topology.swarm.secret = "'- x"
        topology.graph = .init(kind: .edges, edges: [.init(0, 1), .init(1, 2), .init(2, 3)])
        #expect(try SwarmTopology.parse(topology.yaml, file: "again.yaml") == topology)
    }
}
