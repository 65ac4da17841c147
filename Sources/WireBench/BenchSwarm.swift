import Basics
import Cryptography
import Transport
import Wire

/// Some bench peers on sockets of the loopback interface, every one in session with all others.
struct BenchSwarm {
    let keys: [IdentityKeys]
    let ids: [PeerID]
    let secret: SwarmSecret
    let peers: [BenchPeer]
    /// Where the peers are.
    var addresses: [NetworkAddress] { sockets.map(\.localAddress) }
    private let sockets: [UDPEndpoint]
    private let loops: [Task<Void, Never>]

    /// Returns when all sessions stand.
    init(
        count: Int, configuration: WireConfiguration = WireConfiguration(), using generator: inout SeededGenerator
    ) async throws {
        var keys: [IdentityKeys] = []
        for _ in 0..<count { keys.append(try IdentityKeys.generate(using: &generator)) }
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        let secret = try SwarmSecret(name: "bench", seed: 1)
        var sockets: [UDPEndpoint] = []
        for _ in 0..<count {
            sockets.append(try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0)))
        }
        var peers: [BenchPeer] = []
        for index in 0..<count {
            var remotes: [RemotePeer] = []
            for other in 0..<count where other != index {
                remotes.append(
                    RemotePeer(
                        id: ids[other], exchangeKey: keys[other].exchange.publicKey,
                        address: sockets[other].localAddress))
            }
            peers.append(
                BenchPeer(
                    keys: keys[index], remotes: remotes, swarm: secret, configuration: configuration,
                    socket: sockets[index]))
        }
        loops = peers.map { peer in Task { await peer.run() } }
        for index in 0..<count {
            await peers[index].perform { endpoint, time, generator in
                for other in index + 1..<max(count, index + 1) {
                    endpoint.connect(to: ids[other], at: time, using: &generator)
                }
            }
        }
        for peer in peers {
            while await peer.connections < count - 1 { try await Task.sleep(for: .milliseconds(5)) }
        }
        self.keys = keys
        self.ids = ids
        self.secret = secret
        self.peers = peers
        self.sockets = sockets
    }

    /// A signed manifest for a payload of the peer's.
    func manifest(by index: Int, round: UInt64, sequence: UInt64, payload: HashedPayload) -> SignedManifest {
        BenchPeer.manifest(
            of: payload, swarm: secret.identifier, keys: keys[index], round: round, sequence: sequence)
    }

    /// Closes the sockets.
    func close() async {
        for socket in sockets { await socket.close() }
        for loop in loops { await loop.value }
    }
}
