import Cryptography
import Testing
import Wire

@Suite("Cipher suites")
struct SuiteTests {
    private func configuration(_ suites: [CipherSuite]) -> WireConfiguration {
        var configuration = WireConfiguration()
        configuration.suites = suites
        return configuration
    }

    @Test(
        "Both have AES-256-GCM: sessions are under it",
        arguments: [[CipherSuite.aes256GCM, .chaCha20Poly1305], [.aes256GCM]])
    func aes(suites: [CipherSuite]) throws {
        var rig = try MeshRig(seed: 31, configuration: configuration(suites))
        rig.captures = true
        try rig.connectPair()
        #expect(rig.captured.first?.datagram.bytes[1] == CipherSuite.aes256GCM.rawValue)
        let payload = rig.payload(byteCount: 2_000_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        let object = rig.endpoints[0].publish(manifest, payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(20)) { $0.events[1].last?.receivedPayload != nil }
        #expect(rig.events[1].compactMap(\.receivedPayload) == [payload])
    }

    @Test("Only one has it: the second suite is tried, and nothing else is answered", arguments: [0, 1])
    func mixed(lacking: Int) throws {
        var rig = try MeshRig(seed: 32, configuration: configuration([.aes256GCM, .chaCha20Poly1305]))
        rig.endpoints[lacking] = rig.makeEndpoint(
            lacking, timestamp: 1_000, configuration: configuration([.chaCha20Poly1305]))
        try rig.connectPair()
        #expect(
            rig.endpoints[1].statistics.dropped[.unknownSuite, default: 0] == (lacking == 1 ? 2 : 0))
    }

    @Test("Whoever changes the suite on the way makes the handshake fail", arguments: CipherSuite.allCases)
    func downgrade(suite: CipherSuite) throws {
        var rig = try MeshRig(seed: 33, configuration: configuration([suite] + CipherSuite.allCases))
        rig.captures = true
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.drain(0)
        var altered = try #require(rig.captured.first?.datagram)
        altered.bytes[1] = suite == .aes256GCM ? 0 : 1
        let body = Array(altered.bytes.dropLast(32))
        let key = Digest.blake2b256(rig.keys[1].exchange.publicKey, personalisation: "murmur-mac1")
        altered.bytes = body + Digest.of(body, byteCount: 16, key: key) + Array(repeating: 0, count: 16)
        rig.endpoints[1].receive(altered, at: rig.time, using: &rig.generator)
        rig.drain(1)
        #expect(rig.bytesSent[1] == 0)
        #expect(rig.endpoints[1].statistics.dropped == [.badHandshake: 1])
    }
}
