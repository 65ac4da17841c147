import Cryptography
import Foundation
import Overlay
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
    static func vectors() throws -> [(name: String, value: [UInt8])] {
        let swarm = try SwarmSecret(name: "vector", seed: 42)
        let keys = try [1, 2].map { (number: UInt8) in
            IdentityKeys(
                signing: try SigningKey(seed: Array(repeating: number, count: 32)),
                exchange: try ExchangeKey(secretBytes: Array(repeating: number + 16, count: 32)))
        }
        var vectors: [(String, [UInt8])] = [
            ("swarm identifier", swarm.identifier),
            (
                "pre-shared key, no secret",
                Digest.blake2b256(
                    Array("vector".utf8) + HandmadePeer.little(UInt64(42)), personalisation: "murmur-open-psk")
            ),
            (
                "pre-shared key of the secret `secret`",
                Digest.blake2b256(Array("secret".utf8), personalisation: "murmur-psk")
            ),
        ]
        for (name, key) in zip(["initiator", "responder"], keys) {
            vectors.append(("\(name)'s identity", key.signing.publicKey))
            vectors.append(("\(name)'s exchange key", key.exchange.publicKey))
            vectors.append(
                (
                    "key of the first code to the \(name)",
                    Digest.blake2b256(key.exchange.publicKey, personalisation: "murmur-mac1")
                ))
        }
        vectors += try handshake(keys: keys, swarm: swarm)
        vectors += objects(key: keys[0].signing, swarm: swarm)
        return vectors
    }

    /// Initiation, response and the first data packet of each side.
    private static func handshake(
        keys: [IdentityKeys], swarm: SwarmSecret
    ) throws -> [(String, [UInt8])] {
        let addresses = [1, 2].map { NetworkAddress(host: "192.0.2.\($0)", port: 9000) }
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        var endpoints = [0, 1].map { index in
            ProtocolEndpoint(
                local: LocalPeer(keys[index]),
                remotes: [
                    RemotePeer(
                        id: ids[1 - index], exchangeKey: keys[1 - index].exchange.publicKey,
                        address: addresses[1 - index])
                ], swarm: swarm, configuration: WireConfiguration(), handshakeTimestamp: UInt64(1000 * (index + 1)),
                at: .zero)
        }
        var generators = [CountingGenerator(count: 0), CountingGenerator(count: 64)]
        endpoints[0].connect(to: ids[1], at: .zero, using: &generators[0])
        endpoints[0].send(message: Array("hello".utf8), to: ids[1], at: .zero)
        let initiation = endpoints[0].pollTransmit(at: .zero, using: &generators[0])!.bytes
        endpoints[1].receive(Datagram(address: addresses[0], bytes: initiation), at: .zero, using: &generators[1])
        let response = endpoints[1].pollTransmit(at: .zero, using: &generators[1])!.bytes
        endpoints[0].receive(Datagram(address: addresses[1], bytes: response), at: .zero, using: &generators[0])
        let first = endpoints[0].pollTransmit(at: .zero, using: &generators[0])!.bytes
        let code = Array(initiation[1168..<1184])
        return [
            ("initiation, first 120 bytes (1048 zeros follow)", Array(initiation[..<120])),
            ("initiation, first code (16 zeros follow)", code),
            ("response", response),
            ("first data packet: MESSAGE 0 `hello`, PING", first),
        ]
    }

    private static func objects(key: SigningKey, swarm: SwarmSecret) -> [(String, [UInt8])] {
        let payload = (0..<200_000).map { UInt8($0 % 251) }
        let manifest = ContributionManifest(
            swarm: swarm.identifier, origin: PeerID(bytes: key.publicKey)!, round: 3, sequence: 4,
            baseModelDigest: Array(repeating: 0xaa, count: 32), schemaDigest: Array(repeating: 0xbb, count: 32),
            encoding: 1, flags: .final, sampleCount: 57, payload: payload, status: Array("ok".utf8))
        let signed = SignedManifest(manifest, signedWith: key)
        return [
            ("leaf hashes of the payload", MerkleTree.leafHashes(of: payload)),
            ("root of the payload", manifest.root),
            ("root of no bytes", MerkleTree.root(of: [])),
            ("manifest with signature", signed.encoded),
            ("object identifier", signed.id.bytes),
        ]
    }

    @Test func thePageHasThem() throws {
        let page = SharedData.projectRoot.appendingPathComponent("docs/protocol.md")
        let text = try String(contentsOf: page, encoding: .utf8).filter { !$0.isWhitespace }
        for (name, value) in try Self.vectors() {
            #expect(
                text.contains(value.hexadecimal), "docs/protocol.md lacks the vector “\(name)”: \(value.hexadecimal)")
        }
    }

    @Test("The handmade peer, written from the page, agrees on the first packets")
    func handmade() throws {
        let vectors = Dictionary(uniqueKeysWithValues: try Self.vectors().map { ($0.name, $0.value) })
        let keys = IdentityKeys(
            signing: try SigningKey(seed: Array(repeating: 1, count: 32)),
            exchange: try ExchangeKey(secretBytes: Array(repeating: 17, count: 32)))
        var ephemeral: [UInt8] = []
        for byte in 1...4 as ClosedRange<UInt8> { ephemeral += Array(repeating: byte, count: 8) }
        var peer = HandmadePeer(
            keys: keys, remoteExchangeKey: try #require(vectors["responder's exchange key"]),
            swarmIdentifier: try #require(vectors["swarm identifier"]),
            preSharedKey: try #require(vectors["pre-shared key, no secret"]),
            ephemeral: try ExchangeKey(secretBytes: ephemeral))
        let initiation = try peer.initiation(timestamp: 1001, incarnation: 1000)
        let documented = try #require(vectors["initiation, first 120 bytes (1048 zeros follow)"])
        #expect(initiation[8..<120].elementsEqual(documented[8..<120]))
        #expect(try peer.take(response: try #require(vectors["response"])) == 2000)
        let packet = try #require(vectors["first data packet: MESSAGE 0 `hello`, PING"])
        #expect(
            peer.packet(frames: HandmadePeer.control(4, sequence: 0, body: Array("hello".utf8)) + [1]) == packet)
    }
}
