import Basics
import Cryptography
import Foundation
import TestSupport
import Testing
import Wire

/// A generator whose bytes anyone can write down: words of eight equal bytes, 1, 2, 3 …
struct CountingGenerator: RandomNumberGenerator {
    var count: UInt64 = 0

    mutating func next() -> UInt64 {
        count += 1
        return (count & 0xff) &* 0x0101_0101_0101_0101
    }
}

/// The vectors of docs/protocol.md: made here from fixed inputs, and looked for on the page.
@Suite("The vectors on the page")
struct DocumentedVectorTests {
    /// The keys of initiator and responder.
    private static func keys() throws -> [IdentityKeys] {
        try [1, 2].map { (number: UInt8) in
            IdentityKeys(
                signing: try SigningKey(seed: Array(repeating: number, count: 32)),
                exchange: try ExchangeKey(secretBytes: Array(repeating: number + 16, count: 32)))
        }
    }

    static func vectors() throws -> [(name: String, value: [UInt8])] {
        let swarm = try SwarmSecret(name: "vector", seed: 42)
        let keys = try keys()
        var vectors: [(String, [UInt8])] = [
            ("Swarm identifier", swarm.identifier),
            (
                "Pre-shared key, no secret",
                Digest.blake2b256(
                    Array("vector".utf8) + HandmadePeer.little(UInt64(42)), personalisation: "murmur-open-psk")
            ),
            (
                "Pre-shared key of the secret `secret`",
                Digest.blake2b256(Array("secret".utf8), personalisation: "murmur-psk")
            ),
        ]
        for (name, key) in zip(["Initiator", "Responder"], keys) {
            vectors.append(("\(name)'s identity", key.signing.publicKey))
            vectors.append(("\(name)'s exchange key", key.exchange.publicKey))
            vectors.append(
                (
                    "Key of the first code to the \(name.lowercased())",
                    Digest.blake2b256(key.exchange.publicKey, personalisation: "murmur-mac1")
                ))
        }
        vectors += try handshake(keys: keys, swarm: swarm)
        vectors += try aesHandshake(keys: keys, swarm: swarm)
        vectors += objects(key: keys[0].signing, exchangeKey: keys[0].exchange.publicKey, swarm: swarm)
        return vectors
    }

    /// Initiation, response and the first data packet of each side, from real endpoints.
    private static func handshake(
        keys: [IdentityKeys], swarm: SwarmSecret
    ) throws -> [(String, [UInt8])] {
        var endpoints = pair(keys: keys, swarm: swarm, suite: .chaCha20Poly1305)
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        var generators = [CountingGenerator(count: 0), CountingGenerator(count: 64)]
        endpoints[0].connect(to: ids[1], at: .zero, using: &generators[0])
        endpoints[0].send(message: Array("hello".utf8), to: ids[1], at: .zero)
        let initiation = endpoints[0].pollTransmit(at: .zero, using: &generators[0])!.bytes
        let cookie = cookie(
            for: initiation, shownTo: endpoints[0], of: keys[1].exchange.publicKey, from: addresses[1])
        endpoints[1].receive(Datagram(address: addresses[0], bytes: initiation), at: .zero, using: &generators[1])
        let response = endpoints[1].pollTransmit(at: .zero, using: &generators[1])!.bytes
        endpoints[0].receive(Datagram(address: addresses[1], bytes: response), at: .zero, using: &generators[0])
        let first = endpoints[0].pollTransmit(at: .zero, using: &generators[0])!.bytes

        // A handmade initiator with the same ephemeral key, in the true one's place.
        var peer = try handmadeInitiator(keys: keys, swarm: swarm)
        _ = try peer.initiation(timestamp: 1001, incarnation: 1000)
        _ = try peer.take(response: response)
        for number in [0, 1, 2, 5, 6, 9] as [UInt64] {
            let packet = peer.packet(frames: [1], number: number)
            endpoints[1].receive(Datagram(address: addresses[0], bytes: packet), at: .zero, using: &generators[1])
        }
        let later = MonotonicTime.zero + .microseconds(700)
        let acknowledgement = endpoints[1].pollTransmit(at: later, using: &generators[1])!.bytes
        return [
            ("Initiation, first 120 bytes (1048 zeros follow)", Array(initiation[..<120])),
            ("Initiation, first code (16 zeros follow)", Array(initiation[1168..<1184])),
            ("Response", response),
            ("Transcript digest after the second message", peer.noise.handshakeHash),
            ("First data packet: MESSAGE 0 `hello`, PING", first),
            ("Data packet of the responder: ACK of 0, 1, 2, 5, 6 and 9, delay 700 µs", acknowledgement),
            ("Cookie packet for the initiation", cookie.packet),
            ("Second code of the initiation with this cookie", cookie.code),
        ]
    }

    private static let addresses = [1, 2].map { NetworkAddress(host: "192.0.2.\($0)", port: 9000) }

    /// Two endpoints that speak one suite.
    private static func pair(keys: [IdentityKeys], swarm: SwarmSecret, suite: CipherSuite) -> [ProtocolEndpoint] {
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        var configuration = WireConfiguration()
        configuration.suites = [suite]
        return [0, 1].map { index in
            ProtocolEndpoint(
                local: LocalPeer(keys[index]),
                remotes: [
                    RemotePeer(
                        id: ids[1 - index], exchangeKey: keys[1 - index].exchange.publicKey,
                        address: addresses[1 - index])
                ], swarm: swarm, configuration: configuration, handshakeTimestamp: UInt64(1000 * (index + 1)),
                at: .zero)
        }
    }

    /// The same handshake and first packet under AES-256-GCM.
    private static func aesHandshake(keys: [IdentityKeys], swarm: SwarmSecret) throws -> [(String, [UInt8])] {
        var endpoints = pair(keys: keys, swarm: swarm, suite: .aes256GCM)
        let peer = PeerID(bytes: keys[1].signing.publicKey)!
        var generators = [CountingGenerator(count: 0), CountingGenerator(count: 64)]
        endpoints[0].connect(to: peer, at: .zero, using: &generators[0])
        endpoints[0].send(message: Array("hello".utf8), to: peer, at: .zero)
        let initiation = endpoints[0].pollTransmit(at: .zero, using: &generators[0])!.bytes
        endpoints[1].receive(Datagram(address: addresses[0], bytes: initiation), at: .zero, using: &generators[1])
        let response = endpoints[1].pollTransmit(at: .zero, using: &generators[1])!.bytes
        endpoints[0].receive(Datagram(address: addresses[1], bytes: response), at: .zero, using: &generators[0])
        let first = endpoints[0].pollTransmit(at: .zero, using: &generators[0])!.bytes
        return [
            ("Suite 1: initiation, first 120 bytes", Array(initiation[..<120])),
            ("Suite 1: response", response),
            ("Suite 1: first data packet: MESSAGE 0 `hello`, PING", first),
        ]
    }

    /// A cookie packet that a real initiator takes, and the second code that it leads to.
    private static func cookie(
        for initiation: [UInt8], shownTo initiator: ProtocolEndpoint, of responder: [UInt8],
        from address: NetworkAddress
    ) -> (packet: [UInt8], code: [UInt8]) {
        let nonce = Array(0..<24 as Range<UInt8>)
        let cookie = [UInt8](repeating: 0xc0, count: 16)
        let key = Digest.of(nonce, key: Digest.blake2b256(responder, personalisation: "murmur-cookie"))
        let sealed = AuthenticatedCipher(key: key).seal(
            cookie, additionalData: Array(initiation[1168..<1184]), counter: 0)
        let packet = [3, 0, 0, 0] + Array(initiation[4..<8]) + nonce + sealed
        var initiator = initiator
        var generator = CountingGenerator(count: 128)
        initiator.receive(Datagram(address: address, bytes: packet), at: .zero, using: &generator)
        let later = MonotonicTime.zero + .seconds(1)
        initiator.handleTimeout(at: later, using: &generator)
        let next = initiator.pollTransmit(at: later, using: &generator)!.bytes
        #expect(
            Digest.code(next, count: 1184, key: cookie) == Array(next[1184...]), "the next initiation shows the cookie")
        return (packet, Digest.code(initiation, count: 1184, key: cookie))
    }

    /// The initiator of the vectors, written from the page.
    private static func handmadeInitiator(keys: [IdentityKeys], swarm: SwarmSecret) throws -> HandmadePeer {
        var ephemeral: [UInt8] = []
        for byte in 1...4 as ClosedRange<UInt8> { ephemeral += Array(repeating: byte, count: 8) }
        let key = Digest.blake2b256(
            Array("vector".utf8) + HandmadePeer.little(UInt64(42)), personalisation: "murmur-open-psk")
        return HandmadePeer(
            keys: keys[0], remoteExchangeKey: keys[1].exchange.publicKey, swarmIdentifier: swarm.identifier,
            preSharedKey: key, ephemeral: try ExchangeKey(secretBytes: ephemeral))
    }

    private static func objects(
        key: SigningKey, exchangeKey: [UInt8], swarm: SwarmSecret
    ) -> [(String, [UInt8])] {
        let payload = (0..<200_000).map { UInt8($0 % 251) }
        let manifest = ContributionManifest(
            swarm: swarm.identifier, origin: PeerID(bytes: key.publicKey)!, round: 3, sequence: 4,
            baseModelDigest: Array(repeating: 0xaa, count: 32), schemaDigest: Array(repeating: 0xbb, count: 32),
            encoding: 1, flags: .final, sampleCount: 57, payload: payload, status: Array("ok".utf8))
        let signed = SignedManifest(manifest, signedWith: key)
        var face = manifest
        face.sampleCount = 58
        let other = SignedManifest(face, signedWith: key)
        let content = PeerRecord.Content(
            swarm: swarm.identifier, peer: PeerID(bytes: key.publicKey)!, exchangeKey: exchangeKey,
            sequence: 1_700_000_000_000_000_000, life: 604_800,
            addresses: [
                NetworkAddress(host: "192.0.2.1", port: 9000), NetworkAddress(host: "2001:db8::1", port: 9001),
            ])
        var small = manifest
        small.sequence = 5
        let little = Array(payload.prefix(1_500))
        small.payloadByteCount = little.count
        small.root = MerkleTree.root(of: little)
        let push = HandmadePeer.pushBodies(SignedManifest(small, signedWith: key), payload: little)
        let record = HandmadePeer.control(14, sequence: 3, body: PeerRecord(content, signedWith: key).encoded)
        return [
            ("Leaf hashes of the payload", MerkleTree.leafHashes(of: payload)),
            ("Root of the payload", manifest.root),
            ("Root of no bytes", MerkleTree.root(of: [])),
            ("Manifest with signature", signed.encoded),
            ("Object identifier", signed.id.bytes),
            (
                "Equivocation proof: the manifest above, and the same with 58 samples",
                EquivocationProof(signed, other)!.encoded
            ),
            ("Revocation of the initiator", Revocation(of: key, swarm: swarm.identifier).encoded),
            ("Record of the initiator, frame of sequence 3", record),
            ("Push of a small object, frame of sequence 4", HandmadePeer.control(16, sequence: 4, body: push[0])),
            ("Its second frame", HandmadePeer.control(16, sequence: 5, body: push[1])),
        ]
    }

    /// The vectors as they stand on the page: name, colon, digits by 32 bytes a line.
    private static func text(_ vectors: [(name: String, value: [UInt8])]) -> String {
        vectors.map { name, value in
            let lines = stride(from: 0, to: value.count, by: 32).map {
                "    " + Array(value[$0..<min($0 + 32, value.count)]).hexadecimal
            }
            return "\(name):\n\n" + lines.joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }

    /// With `MURMUR_WRITE_VECTORS` in the environment the page is written anew: `scripts/make-vectors`.
    @Test func thePageHasThem() throws {
        let page = SharedData.projectRoot.appendingPathComponent("docs/protocol.md")
        var text = try String(contentsOf: page, encoding: .utf8)
        let vectors = Self.text(try Self.vectors())
        let start = try #require(text.range(of: "Swarm identifier:\n"), "the page has a section of vectors")
        if ProcessInfo.processInfo.environment["MURMUR_WRITE_VECTORS"] != nil {
            text.replaceSubrange(start.lowerBound..., with: vectors)
            try Data(text.utf8).write(to: page)
        }
        #expect(text[start.lowerBound...] == vectors, "docs/protocol.md differs; scripts/make-vectors writes it")
    }

    @Test("The handmade peer, written from the page, agrees on the first packets")
    func handmade() throws {
        let vectors = Dictionary(uniqueKeysWithValues: try Self.vectors().map { ($0.name, $0.value) })
        let keys = try Self.keys()
        var peer = try Self.handmadeInitiator(keys: keys, swarm: try SwarmSecret(name: "vector", seed: 42))
        let initiation = try peer.initiation(timestamp: 1001, incarnation: 1000)
        let documented = try #require(vectors["Initiation, first 120 bytes (1048 zeros follow)"])
        #expect(initiation[8..<120].elementsEqual(documented[8..<120]))
        #expect(try peer.take(response: try #require(vectors["Response"])) == 2000)
        let packet = try #require(vectors["First data packet: MESSAGE 0 `hello`, PING"])
        #expect(
            peer.packet(frames: HandmadePeer.control(4, sequence: 0, body: Array("hello".utf8)) + [1]) == packet)
    }
}
