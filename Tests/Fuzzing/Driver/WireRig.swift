import Basics
import Cryptography

@testable import Wire

/// Two endpoints in session with each other, made once; every input begins with a copy of them.
struct WireRig: Sendable {
    /// The pair: the first is the one that lies, the second the one that is tried.
    var endpoints: [ProtocolEndpoint]
    let keys: [IdentityKeys]
    let swarm: SwarmSecret
    var generator = SeededGenerator(seed: 4)
    var time = MonotonicTime(nanoseconds: 1_000_000_000)
    /// An object that the second serves, and one that the first has offered.
    let served: SignedManifest
    let offered: SignedManifest
    /// A small object of the first's, and the frames that push it.
    let small: SignedManifest
    let pushed: [[UInt8]]

    /// A record of the first that says more than the list.
    let record: PeerRecord

    static let payload = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    static let addresses = [1, 2].map { NetworkAddress(host: "192.0.2.\($0)", port: 9000) }
    static let strange = NetworkAddress(host: "198.51.100.7", port: 7)

    /// The only connection of an endpoint.
    func connection(of index: Int) -> Connection { endpoints[index].connections[endpoints[index].connections.ids[0]] }

    /// A pair with a session, in which the first has offered an object.
    static let connected: WireRig = {
        var rig = WireRig()
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        _ = rig.endpoints[0].publish(rig.offered, payload: payload)
        rig.endpoints[0].announce(rig.offered.id, to: rig.id(1), at: rig.time)
        for _ in 0..<8 {
            rig.carry(0)
            rig.carry(1)
        }
        precondition(rig.connection(of: 1).isAssociated, "the pair is in session")
        return rig
    }()

    /// A pair whose second has begun a handshake; and its initiation.
    static let begun: (rig: WireRig, initiation: [UInt8]) = {
        var rig = WireRig()
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        let initiation = rig.endpoints[1].pollTransmit(at: rig.time, using: &rig.generator)!.bytes
        return (rig, initiation)
    }()

    /// The pair in session, the tried one under a flood of initiations.
    static let loaded: WireRig = {
        var rig = WireRig.connected
        let body = [1, 0, 0, 0] + [UInt8](repeating: 0, count: 1164)
        let key = HandshakePacket.codeKey(for: rig.keys[1].exchange.publicKey)
        let forged = body + Digest.code(body, count: body.count, key: key) + [UInt8](repeating: 0, count: 16)
        for _ in 0..<51 { rig.deliver(forged) }
        _ = rig.drain()
        return rig
    }()

    private init() {
        var generator = SeededGenerator(seed: 3)
        // Keys of a seeded generator cannot be wrong, nor can a swarm without a secret.
        let keys = (0..<2).map { _ in try! IdentityKeys.generate(using: &generator) }
        let swarm = try! SwarmSecret(name: "fuzz", seed: 1)
        self.keys = keys
        self.swarm = swarm
        func manifest(_ origin: Int, sequence: UInt64 = 1, payload: [UInt8] = Self.payload) -> SignedManifest {
            SignedManifest(
                ContributionManifest(
                    swarm: swarm.identifier, origin: PeerID(bytes: keys[origin].signing.publicKey)!, round: 1,
                    sequence: sequence, baseModelDigest: Array(repeating: 1, count: 32),
                    schemaDigest: Array(repeating: 2, count: 32), encoding: 1, sampleCount: 3, payload: payload,
                    status: [1]), signedWith: keys[origin].signing)
        }
        served = manifest(1)
        offered = manifest(0)
        let few = Array(Self.payload.prefix(1_000))
        small = manifest(0, sequence: 2, payload: few)
        pushed = PushedObject.bodies(of: small, payload: few)
        record = PeerRecord(
            PeerRecord.Content(
                swarm: swarm.identifier, peer: PeerID(bytes: keys[0].signing.publicKey)!,
                exchangeKey: keys[0].exchange.publicKey, sequence: 9_000_000_000_000, life: 3600,
                addresses: [Self.strange]), signedWith: keys[0].signing)
        let start = time
        endpoints = [0, 1].map { index in
            let other = keys[1 - index]
            let remote = RemotePeer(
                id: PeerID(bytes: other.signing.publicKey)!, exchangeKey: other.exchange.publicKey,
                address: Self.addresses[1 - index])
            return ProtocolEndpoint(
                local: LocalPeer(keys[index]), remotes: [remote], swarm: swarm, configuration: WireConfiguration(),
                handshakeTimestamp: 1000, at: start)
        }
        _ = endpoints[1].publish(served, payload: Self.payload)
    }

    func id(_ index: Int) -> PeerID { PeerID(bytes: keys[index].signing.publicKey)! }

    /// Hands what endpoint `index` wants to send to the other.
    private mutating func carry(_ index: Int) {
        while let datagram = endpoints[index].pollTransmit(at: time, using: &generator) {
            let arriving = Datagram(address: Self.addresses[index], bytes: datagram.bytes)
            endpoints[1 - index].receive(arriving, at: time, using: &generator)
        }
        time = time + .milliseconds(1)
    }

    /// Takes what the tried endpoint wants to send and to say.
    ///
    /// - Returns: bytes sent.
    mutating func drain() -> Int {
        var bytes = 0
        while let datagram = endpoints[1].pollTransmit(at: time, using: &generator) { bytes += datagram.bytes.count }
        while endpoints[1].pollEvent() != nil {}
        return bytes
    }

    /// Gives the tried endpoint a datagram.
    mutating func deliver(_ bytes: [UInt8], from address: NetworkAddress = addresses[0]) {
        endpoints[1].receive(Datagram(address: address, bytes: bytes), at: time, using: &generator)
    }
}
