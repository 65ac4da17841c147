import Basics
import Faults
import Foundation
import MurmurKit
import SwarmFile
import Synchronization
import TestSupport
import Testing
import Transport
import Wire

@Suite struct FaultRelayTests {
    static func topology(_ addresses: [NetworkAddress]) -> SwarmTopology {
        SwarmTopology(
            swarm: .init(name: "s"), model: .init(base: "b"), tuning: .init(), data: .init(), exchange: .init(),
            graph: .init(kind: .complete),
            peers: zip(["ada", "ben"], addresses).map { .init(name: $0, address: $1) })
    }

    @Test func datagramsGoThroughTheRelay() async throws {
        let ada = try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))
        let ben = try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))
        let topology = Self.topology([ada.localAddress, ben.localAddress])
        let schedule = FaultSchedule(name: "f", network: LinkConditions(delay: .fixed(.milliseconds(5)), duplicate: 1))
        let plan = try FaultPlan(schedule, names: ["ada", "ben"], seed: 1)
        let relay = try await FaultRelay.bind(plan: plan, topology: topology, host: "127.0.0.1")
        await relay.start(at: .now)
        let seenByAda = await relay.topology(topology, for: 0)
        let seenByBen = await relay.topology(topology, for: 1)
        let entrance = try #require(seenByAda.peers[1].address)
        #expect(entrance != ben.localAddress && seenByAda.peers[0].address == ada.localAddress)
        ada.send([Datagram(address: entrance, bytes: [1, 2, 3])])
        var arrived: [Datagram] = []
        for await burst in ben.incoming {
            arrived += burst.flatMap(\.packets)
            if arrived.count == 2 { break }
        }
        #expect(arrived.allSatisfy { $0.bytes == [1, 2, 3] && $0.address == seenByBen.peers[0].address })
        let traffic = await relay.links.first { $0.from == 0 }?.traffic
        #expect(traffic?.taken == 1 && traffic?.delivered == 2 && traffic?.duplicated == 1 && traffic?.takenBytes == 3)
        let lines = Mutex<[Data]>([])
        let teller = Task {
            await relay.tellTraffic(since: .now, names: ["ada", "ben"]) { line in lines.withLock { $0.append(line) } }
        }
        teller.cancel()
        await teller.value
        let line = try #require(lines.withLock { $0 }.first)
        #expect(String(decoding: line, as: UTF8.self).contains("\"delivered_bytes\":6"))
        await relay.close()
        await ada.close()
        await ben.close()
    }

    @Test func everyPeerNeedsAnAddress() async throws {
        var topology = Self.topology([
            NetworkAddress(host: "127.0.0.1", port: 9), NetworkAddress(host: "127.0.0.1", port: 9),
        ])
        topology.peers[1].address = nil
        let plan = try FaultPlan(.none, names: ["ada", "ben"], seed: 1)
        let failure = await #expect(throws: CommandFailure.self) {
            try await FaultRelay.bind(plan: plan, topology: topology, host: "127.0.0.1")
        }
        #expect(failure?.description.contains("no address for ben") == true)
    }

    @Test func aSwarmsFaultsWriteATopologyForEachPeer() async throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder, firstPort: 24_630), fresh: false)
        try folder.write("murmuration-faults: 1\nname: f\nnetwork: { delay: 2ms }\n", to: "f.yaml")
        _ = try await SwarmFaults(path: folder.path("f.yaml"), seed: 3, folder: run)
        let own = try SwarmTopology.load(path: run.peer("peer-0").appendingPathComponent("topology.yaml").path)
        #expect(own.peers[0] == run.topology.peers[0] && own.peers[1].address != run.topology.peers[1].address)
        _ = try await ChaosRun(
            swarm: SwarmComposition(run.topology), topologyPath: "t.yaml", faultsPath: folder.path("f.yaml"), seed: nil,
            host: "127.0.0.1", folder: folder.path("relay"))
        #expect(try SwarmTopology.load(path: folder.path("relay/peer-1.yaml")).peers.count == 2)
    }
}
