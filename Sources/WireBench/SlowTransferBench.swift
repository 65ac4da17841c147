import Basics
import Cryptography
import Foundation
import Wire

/// What a thousand transfers that never get on take up: peers that offer great objects and send nothing of them, to one that
/// asks for all. No sockets; the memory is the process's own.
enum SlowTransferBench {
    /// Prints its lines of the table.
    static func run() throws {
        let peers = 125
        let (perPeer, byteCount) = (8, 8 << 20)
        var generator = SeededGenerator(seed: 5)
        let swarm = try SwarmSecret(name: "slow", seed: 1)
        let keys = try (0...peers).map { _ in try IdentityKeys.generate(using: &generator) }
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        let addresses = (0...peers).map { NetworkAddress(host: "127.0.0.1", port: UInt16(1 + $0)) }
        let configuration = WireConfiguration()
        let remotes = (0...peers).map {
            RemotePeer(id: ids[$0], exchangeKey: keys[$0].exchange.publicKey, address: addresses[$0])
        }
        var endpoints = (0...peers).map { index in
            ProtocolEndpoint(
                local: LocalPeer(keys[index]), remotes: index == 0 ? Array(remotes.dropFirst()) : [remotes[0]],
                swarm: swarm, configuration: configuration, handshakeTimestamp: 1, at: .zero)
        }
        for id in ids.dropFirst() { endpoints[0].connect(to: id, at: .zero, using: &generator) }
        carry(&endpoints, addresses, at: .zero, using: &generator)
        let template = BenchPeer.manifest(
            of: HashedPayload([UInt8](repeating: 0, count: byteCount)), swarm: swarm.identifier, keys: keys[1],
            round: 1,
            sequence: 1
        ).manifest
        let before = HandshakeBench.residentBytes()
        var asked = 0
        for index in 1...peers {
            for sequence in 0..<perPeer {
                var manifest = template
                manifest.origin = ids[index]
                manifest.sequence = UInt64(sequence)
                let signed = SignedManifest(manifest, signedWith: keys[index].signing)
                // The manifest is true, the bytes never come.
                endpoints[index].publish(signed, payload: [])
                endpoints[index].announce(signed.id, to: ids[0], at: .zero)
                carry(&endpoints, addresses, at: .zero, using: &generator)
                endpoints[0].request(signed.id, from: ids[index], at: .zero)
                asked += 1
            }
        }
        carry(&endpoints, addresses, at: .zero, using: &generator)
        let grown = Double(HandshakeBench.residentBytes() - before) / 1_048_576
        let share = WireBench.number(grown / Double(configuration.inboundByteLimit >> 20) * 100, digits: 1)
        print(
            "| \(asked) transfers that never get on: memory taken, all peers in one process | "
                + "\(WireBench.number(grown)) MiB, \(share) % of the limit of \(configuration.inboundByteLimit >> 20) MiB; "
                + "\(endpoints[0].inboundByteCount >> 20) MiB under way |")
    }

    /// Carries datagrams between the hub, which is the first, and the others until nobody has any.
    private static func carry(
        _ endpoints: inout [ProtocolEndpoint], _ addresses: [NetworkAddress], at time: MonotonicTime,
        using generator: inout SeededGenerator
    ) {
        var moved = true
        while moved {
            moved = false
            for index in endpoints.indices {
                while let datagram = endpoints[index].pollTransmit(at: time, using: &generator) {
                    moved = true
                    let arriving = Datagram(address: addresses[index], bytes: datagram.bytes)
                    endpoints[Int(datagram.address.port) - 1].receive(arriving, at: time, using: &generator)
                }
                while endpoints[index].pollEvent() != nil {}
            }
        }
    }
}
