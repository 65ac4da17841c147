import Adapters
import Aggregation
import Basics
import Cryptography
import Federation
import Foundation
import Recording
import Simulation
import SwarmFile
import Synchronization
import Testing
import Transport
import Wire

/// Real sockets, the real clock, real files: the shell around the core.
@Suite(.serialized) struct PeerOverUDPTests {
    struct Rig {
        let schema = AdapterSchema(tensors: [.init(name: "a", rows: 50, columns: 400)])
        let keys: [IdentityKeys]
        let endpoints: [UDPEndpoint]
        let topology: SwarmTopology
        let secret: SwarmSecret
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("murmur-\(UUID().uuidString)").path

        init(count: Int, rounds: Int = 4) async throws {
            var generator = SeededGenerator(seed: 4)
            var keys: [IdentityKeys] = []
            var endpoints: [UDPEndpoint] = []
            for _ in 0..<count {
                keys.append(try IdentityKeys.generate(using: &generator))
                endpoints.append(try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0)))
            }
            var topology = try SwarmTopology.parse(
                """
                murmuration: 1
                swarm: { name: udp }
                model: { base: builtin:fledgling }
                tuning: { rounds: \(rounds), local-steps: 3 }
                data: { source: builtin:chores }
                graph: { kind: ring }
                peers: { count: \(count) }
                """, file: "udp.yaml")
            topology = topology.expanded(
                identities: keys.map {
                    PeerIdentity(id: PeerID(bytes: $0.signing.publicKey)!, exchangeKey: $0.exchange.publicKey)
                })
            for index in 0..<count { topology.peers[index].address = endpoints[index].localAddress }
            self.keys = keys
            self.endpoints = endpoints
            self.topology = topology
            secret = try SwarmSecret(name: "udp", seed: 0)
        }

        func target(_ index: Int) -> AdapterDelta {
            var generator = SeededGenerator(seed: 9, label: "target", index: UInt64(index))
            return AdapterDelta(
                schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
        }

        func peer(
            _ index: Int, endpoint: (any DatagramEndpoint)? = nil, of other: SwarmTopology? = nil,
            environment: PeerEnvironment = .system
        ) throws -> Peer {
            let configuration = try PeerConfiguration(
                topology: other ?? topology, index: index, schema: schema,
                baseModelDigest: [UInt8](repeating: 1, count: 32),
                sampleCount: 10 + index)
            return try Peer(
                configuration: configuration, local: LocalPeer(keys[index]), swarm: secret,
                endpoint: endpoint ?? endpoints[index],
                trainer: QuadraticTrainer(target: target(index), sampleCount: 10 + index),
                store: CheckpointStore(folder: "\(folder)/\(index)"), environment: environment)
        }

        /// What perfect averaging leads to.
        var ideal: AdapterDelta {
            let optimum = WeightedMean.of(keys.indices.map { (10 + $0, target($0)) })!
            let steps = topology.tuning.rounds * topology.tuning.localSteps
            return QuadraticTrainer.outcome(
                of: TrainingRequest(round: 0, steps: steps, delta: AdapterDelta(zeroOf: schema)),
                target: optimum.values, rate: 0.1
            ).delta
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [0.0, 0.1]) func fourPeersAgreeOverLoopback(loss: Double) async throws {
        let rig = try await Rig(count: 4)
        defer { try? FileManager.default.removeItem(atPath: rig.folder) }
        let peers = try (0..<4).map { index -> Peer in
            let generator = SeededGenerator(seed: UInt64(index))
            return try rig.peer(index, endpoint: LossyEndpoint(rig.endpoints[index], loss: loss, using: generator))
        }
        let results = try await withThrowingTaskGroup(of: Peer.Result.self) { group in
            for peer in peers { group.addTask { try await peer.run() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let finals = results.compactMap(\.delta)
        #expect(finals.count == 4 && results.allSatisfy { $0.reason == .finished })
        #expect(ConsensusDistance.relative(finals) <= 1e-3)
        let ideal = rig.ideal
        #expect(finals.allSatisfy { $0.distance(to: ideal) / ideal.norm < 2e-3 })
        #expect(results.allSatisfy { $0.traffic.bytesSent > 80_000 })
        for index in 0..<4 {
            let checkpoint = CheckpointStore(folder: "\(rig.folder)/\(index)").load().checkpoint
            #expect(checkpoint?.isFinished == true)
            var finished = 0
            for await event in peers[index].events {
                if case .finished = event.kind { finished += 1 }
            }
            #expect(finished == 1)
        }
    }

    /// The name of a neighbour's host leads nowhere at first, then to where nobody is, and at last to where it is.
    @Test(.timeLimit(.minutes(1))) func aNameIsLookedUpUntilItLeadsToThePeer() async throws {
        let rig = try await Rig(count: 2)
        defer { try? FileManager.default.removeItem(atPath: rig.folder) }
        let name = try #require(PeerAddress("ben.example:9100"))
        var named = rig.topology
        named.peers[1].place = name
        // Ben is not told where Ada is: she has to find him.
        var unaware = rig.topology
        unaware.peers[0].place = nil
        let asked = Mutex(0)
        var environment = PeerEnvironment.system
        environment.lookUp = { [there = rig.endpoints[1].localAddress] place in
            #expect(place == name)
            switch asked.withLock({
                $0 += 1; return $0
            }) {
            case 1: throw TransportError.unknownHost(place.host)
            case 2: return NetworkAddress(host: "127.0.0.1", port: 9)
            default: return there
            }
        }
        let peers = [try rig.peer(0, of: named, environment: environment), try rig.peer(1, of: unaware)]
        let results = try await withThrowingTaskGroup(of: Peer.Result.self) { group in
            for peer in peers { group.addTask { try await peer.run() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.allSatisfy { $0.reason == .finished } && results.count == 2)
        #expect(asked.withLock { $0 } == 3, "a neighbour that is there is not looked up")
        var told: [String] = []
        for await event in peers[0].events {
            switch event.kind {
            case .hostUnknown(_, let name, let reason): told.append("\(name): \(reason)")
            case .hostFound(_, let name, let address): told.append("\(name) = \(address)")
            case .mixed(_, _, let present, _, _): #expect(present.count == 1)
            default: break
            }
        }
        try #require(told.count == 3)
        #expect(told[0].hasPrefix("ben.example:9100: no address is known"))
        #expect(
            told[1...] == ["ben.example:9100 = 127.0.0.1:9", "ben.example:9100 = \(rig.endpoints[1].localAddress)"])
    }

    @Test(.timeLimit(.minutes(1))) func whoIsAskedToLeaveStopsAndGoesOnLater() async throws {
        let rig = try await Rig(count: 3, rounds: 60)
        defer { try? FileManager.default.removeItem(atPath: rig.folder) }
        let peers = try (0..<3).map { try rig.peer($0) }
        async let first = peers[0].run()
        async let second = peers[1].run()
        async let third = peers[2].run()
        for await event in peers[2].events {
            if case .checkpointed(let round) = event.kind, round >= 3 { break }
        }
        await peers[2].leave()
        let left = try await third
        #expect(left.reason == .left && left.delta == nil)
        let endpoint = try await UDPEndpoint.bind(to: rig.endpoints[2].localAddress)
        let again = try rig.peer(2, endpoint: endpoint)
        let returned = try await again.run()
        let results = try await [first, second, returned]
        #expect(results.allSatisfy { $0.reason == .finished })
        #expect(ConsensusDistance.relative(results.compactMap(\.delta)) <= 1e-3)
    }
}
