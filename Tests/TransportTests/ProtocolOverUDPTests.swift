import Basics
import Cryptography
import Testing
import Transport
import Wire

@Suite("The protocol over real sockets")
struct ProtocolOverUDPTests {
    @Test("A signed object crosses the loopback interface", .timeLimit(.minutes(1)), arguments: [0.0, 0.05])
    func transfer(loss: Double) async throws {
        var generator = SeededGenerator(seed: 31)
        let keys = [try IdentityKeys.generate(using: &generator), try IdentityKeys.generate(using: &generator)]
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        let swarm = try SwarmSecret(name: "sockets", seed: 1)
        var sockets: [LossyEndpoint<UDPEndpoint, SeededGenerator>] = []
        for seed in [1, 2] as [UInt64] {
            let socket = try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))
            sockets.append(LossyEndpoint(socket, loss: loss, using: SeededGenerator(seed: seed)))
        }
        let peers = (0..<2).map { index in
            SocketPeer(
                keys: keys[index],
                remotes: [
                    RemotePeer(
                        id: ids[1 - index], exchangeKey: keys[1 - index].exchange.publicKey,
                        address: sockets[1 - index].localAddress)
                ], swarm: swarm, socket: sockets[index], seed: UInt64(index))
        }
        let payload = generator.bytes(count: 2_000_000)
        let manifest = SignedManifest(
            ContributionManifest(
                swarm: swarm.identifier, origin: ids[0], round: 1, sequence: 1,
                baseModelDigest: Array(repeating: 0, count: 32), schemaDigest: Array(repeating: 0, count: 32),
                encoding: 0, sampleCount: 1, payload: payload), signedWith: keys[0].signing)
        let loops = peers.map { peer in Task { await peer.run() } }
        await peers[0].perform { endpoint, time, generator in
            endpoint.connect(to: ids[1], at: time, using: &generator)
            endpoint.publish(manifest, payload: payload)
            endpoint.announce(manifest.id, to: ids[1], at: time)
        }
        try await wait(for: .announced(from: ids[0], manifest), at: peers[1])
        await peers[1].perform { endpoint, time, _ in endpoint.request(manifest.id, from: ids[0], at: time) }
        try await wait(for: .received(from: ids[0], manifest, payload: payload), at: peers[1])
        await peers[0].perform { endpoint, time, generator in endpoint.close(at: time, using: &generator) }
        if loss == 0 { try await wait(for: .disconnected(ids[0], .closed), at: peers[1]) }
        for socket in sockets { await socket.close() }
        for loop in loops { await loop.value }
    }

    private func wait<Socket>(for event: WireEvent, at peer: SocketPeer<Socket>) async throws {
        while await !peer.events.contains(event) { try await Task.sleep(for: .milliseconds(5)) }
    }
}
