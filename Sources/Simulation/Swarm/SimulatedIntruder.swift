import Basics
import Cryptography
import Faults
import Wire

/// Somebody outside of the swarm who sends datagrams to its peers.
struct SimulatedIntruder: Sendable {
    let intruder: Intruder
    private let address: NetworkAddress
    private var generator: SeededGenerator
    /// What was overheard, at most 64 datagrams.
    private var overheard: [Datagram] = []
    private var next = 0

    init(_ intruder: Intruder, number: Int, seed: UInt64) {
        self.intruder = intruder
        address = NetworkAddress(host: "203.0.113.\(number & 255)", port: 6000)
        generator = SeededGenerator(seed: seed, label: "intruder", index: UInt64(number))
    }

    /// Keeps a copy of a datagram that `source` sent.
    mutating func overhear(_ datagram: Datagram, from source: NetworkAddress) {
        guard intruder.kind == .stolenAddress || intruder.kind == .otherVersion else { return }
        let copy = Datagram(address: source, bytes: datagram.bytes)
        if overheard.count < 64 {
            overheard.append(copy)
        } else {
            overheard[next] = copy
            next = (next + 1) % 64
        }
    }

    mutating func victim(of count: Int) -> Int { Int(generator.next() % UInt64(count)) }

    mutating func pause() -> Duration { intruder.pause * (0.5 + generator.uniform()) }

    /// What it sends to `peer`: datagrams with the source that they pretend to come from.
    mutating func datagrams(to peer: SimulatedPeer, wall: UInt64, at time: MonotonicTime) -> [Datagram] {
        switch intruder.kind {
        case .garbage:
            let count = 1 + Int(generator.next() % 1400)
            var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            // Half of them pretend to be of some type.
            if generator.uniform() < 0.5 { bytes[0] = UInt8(generator.next() % 8) }
            return [Datagram(address: address, bytes: bytes)]
        case .stolenAddress:
            guard !overheard.isEmpty else { return [] }
            let copy = overheard[Int(generator.next() % UInt64(overheard.count))]
            return [generator.uniform() < 0.5 ? copy : Datagram(address: address, bytes: copy.bytes)]
        case .otherVersion:
            guard !overheard.isEmpty else { return [] }
            var copy = overheard[Int(generator.next() % UInt64(overheard.count))]
            if !copy.bytes.isEmpty { copy.bytes[0] ^= 0x40 }
            return [Datagram(address: address, bytes: copy.bytes)]
        case .otherSwarm:
            return firstMessages(to: peer, wall: wall, at: time)
        }
    }

    /// A whole protocol endpoint with a good identity and another swarm's secret opens a session.
    private mutating func firstMessages(
        to peer: SimulatedPeer, wall: UInt64, at time: MonotonicTime
    ) -> [Datagram] {
        guard let keys = try? IdentityKeys.generate(using: &generator),
            let secret = try? SwarmSecret(name: "another", seed: 1, secret: [9])
        else { return [] }
        let remote = RemotePeer(id: peer.id, exchangeKey: peer.keys.exchange.publicKey, address: peer.address)
        var endpoint = ProtocolEndpoint(
            local: LocalPeer(keys), remotes: [remote], swarm: secret, configuration: WireConfiguration(),
            handshakeTimestamp: wall, at: time)
        endpoint.connect(to: peer.id, at: time, using: &generator)
        var sent: [Datagram] = []
        while let datagram = endpoint.pollTransmit(at: time, using: &generator) {
            sent.append(Datagram(address: address, bytes: datagram.bytes))
        }
        return sent
    }
}
