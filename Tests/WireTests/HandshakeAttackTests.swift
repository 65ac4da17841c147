import Basics
import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Attacks on the handshake")
struct HandshakeAttackTests {
    /// `packet` with the first code made right again for the holder of `key`, as anyone can who knows the swarm's keys.
    func recoded(_ packet: [UInt8], for key: [UInt8]) -> [UInt8] {
        let body = Array(packet.dropLast(32))
        let code = Digest.of(body, byteCount: 16, key: Digest.blake2b256(key, personalisation: "murmur-mac1"))
        return body + code + Array(repeating: 0, count: 16)
    }

    /// Positions of header, Noise message and codes, and one of the padding.
    private let interesting = Array(0..<120) + [600] + Array(1168..<1200)

    @Test("Every flipped bit of an initiation fails it, with the code left as it was")
    func flippedInitiation() throws {
        var configuration = WireConfiguration()
        configuration.initiationsWithoutCookie = .max
        var rig = try MeshRig(seed: 41, configuration: configuration)
        rig.captures = true
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.drain(0)
        let initiation = try #require(rig.captured.first?.datagram)
        for position in interesting where position < 1184 {
            for bit in 0..<8 {
                var altered = initiation
                altered.bytes[position] ^= 1 << UInt8(bit)
                rig.endpoints[1].receive(altered, at: rig.time, using: &rig.generator)
                rig.drain(1)
                #expect(rig.bytesSent[1] == 0, "byte \(position), bit \(bit)")
            }
        }
    }

    @Test("Every flipped bit of the Noise messages fails the handshake, with codes made right again")
    func flippedNoise() throws {
        var configuration = WireConfiguration()
        configuration.initiationsWithoutCookie = .max
        var rig = try MeshRig(seed: 42, configuration: configuration)
        rig.captures = true
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.drain(0)
        let initiation = try #require(rig.captured.first?.datagram)
        for position in 8..<120 {
            for bit in 0..<8 {
                var altered = initiation
                altered.bytes[position] ^= 1 << UInt8(bit)
                altered.bytes = recoded(altered.bytes, for: rig.keys[1].exchange.publicKey)
                rig.endpoints[1].receive(altered, at: rig.time, using: &rig.generator)
                rig.drain(1)
                #expect(rig.bytesSent[1] == 0, "initiation, byte \(position), bit \(bit)")
            }
        }
        // The true one still works: nothing was spoiled.
        rig.endpoints[1].receive(initiation, at: rig.time, using: &rig.generator)
        rig.drain(1)
        let response = try #require(rig.captured.last?.datagram)
        #expect(response.bytes.count == 100)
        for position in 4..<100 where position < 84 {
            for bit in 0..<8 {
                var altered = response
                altered.bytes[position] ^= 1 << UInt8(bit)
                // The responder's index (4 to 7) is covered by the code alone, and the code by nothing.
                if (8..<68).contains(position) {
                    altered.bytes = recoded(altered.bytes, for: rig.keys[0].exchange.publicKey)
                }
                rig.endpoints[0].receive(altered, at: rig.time, using: &rig.generator)
                rig.drain(0)
                #expect(rig.events[0].isEmpty, "response, byte \(position), bit \(bit)")
            }
        }
        rig.endpoints[0].receive(response, at: rig.time, using: &rig.generator)
        rig.drain(0)
        #expect(rig.events[0] == [.connected(rig.id(1))])
    }

    @Test(
        "Replaying half of all packets, across a restart, applies nothing twice",
        arguments: 1...5 as ClosedRange<UInt64>)
    func replayAcrossRestart(seed: UInt64) throws {
        var rig = try MeshRig(seed: seed)
        rig.captures = true
        try rig.connectPair()
        for index in 0..<40 { rig.endpoints[0].send(message: [UInt8(index)], to: rig.id(1), at: rig.time) }
        rig.run(for: .seconds(130))
        #expect(rig.events[1].compactMap(\.message).count == 40)
        let half = rig.captured.filter { $0.datagram.bytes[0] == 1 || rig.generator.uniform() < 0.5 }
        #expect(half.contains { $0.to == 1 && $0.datagram.bytes[0] == 1 }, "an initiation is among them")

        // The process of 1 begins anew with what it kept; the network replays before anyone else speaks.
        let memory = try #require(EndpointMemory(encoded: rig.endpoints[1].memory.encoded))
        rig.endpoints[1] = rig.makeEndpoint(1, timestamp: 9_000_000_000_000, memory: memory)
        rig.events[1] = []
        rig.captures = false
        rig.network.clear()
        let sent = rig.bytesSent[1]
        for (to, datagram) in half where to == 1 {
            rig.endpoints[1].receive(datagram, at: rig.time, using: &rig.generator)
            rig.drain(1)
        }
        #expect(rig.events[1].isEmpty && rig.bytesSent[1] == sent, "not a byte of answer")
        #expect(rig.endpoints[1].statistics.dropped[.staleInitiation, default: 0] > 0)

        // Then the true peer comes back, while the replaying goes on.
        for _ in 0..<20 {
            for (to, datagram) in half where to == 1 && rig.generator.uniform() < 0.2 {
                rig.endpoints[1].receive(datagram, at: rig.time, using: &rig.generator)
                rig.drain(1)
            }
            rig.run(for: .seconds(1))
        }
        #expect(rig.events[1] == [.connected(rig.id(0))], "no old message, and the session stands")
        rig.endpoints[0].send(message: [99], to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        #expect(rig.events[1].compactMap(\.message) == [[99]])
    }

    @Test(
        "Before a session stands, never more bytes out than in, whatever is sent",
        arguments: 1...4 as ClosedRange<UInt64>)
    func amplification(seed: UInt64) throws {
        var rig = try MeshRig(count: 3, seed: seed)
        rig.captures = true
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.endpoints[2].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.drain(0)
        rig.drain(2)
        let initiations = rig.captured.map(\.datagram.bytes)
        var bytesIn = 0
        for step in 0..<30_000 {
            var bytes = initiations[Int.random(in: 0..<initiations.count, using: &rig.generator)]
            let kind = Int.random(in: 0..<5, using: &rig.generator)
            if kind > 0 { mutate(&bytes, using: &rig.generator) }
            if kind > 1, bytes.count > 40 { bytes = recoded(bytes, for: rig.keys[1].exchange.publicKey) }
            if kind > 3 { bytes = Array(bytes.prefix(Int.random(in: 0..<1300, using: &rig.generator))) }
            bytesIn += bytes.count
            // From anywhere; the answers go there and not to the peers.
            let place = NetworkAddress(host: "198.51.100.\(step % 200)", port: UInt16(1 + step % 999))
            rig.endpoints[1].receive(Datagram(address: place, bytes: bytes), at: rig.time, using: &rig.generator)
            rig.time = rig.time + .microseconds(500)
            rig.drain(1)
            #expect(rig.bytesSent[1] <= bytesIn)
        }
        #expect(rig.bytesSent[1] > 0, "something was answered: cookies at least")
        #expect(rig.events[1].isEmpty)
    }

    @Test("A thousand transfers that creep along take no more than the limit on their memory")
    func slowTransfers() throws {
        var configuration = WireConfiguration()
        configuration.inboundByteLimit = 40 << 20
        var rig = try MeshRig(count: 12, seed: 43, configuration: configuration)
        // 11 peers offer a hundred objects of 5 MB each; the manifests are true, the chunks never come.
        for peer in 1..<12 { rig.endpoints[0].connect(to: rig.id(peer), at: rig.time, using: &rig.generator) }
        rig.run(for: .seconds(5))
        rig.conditions.loss = 0
        let payload = rig.payload(byteCount: 5_000_000)
        var requested = 0
        for peer in 1..<12 {
            let template = rig.manifest(by: peer, payload: payload).manifest
            for sequence in 0..<91 as Range<UInt64> {
                var manifest = template
                manifest.sequence = sequence
                let signed = SignedManifest(manifest, signedWith: rig.keys[peer].signing)
                rig.endpoints[peer].publish(signed, payload: [])
                rig.endpoints[peer].announce(signed.id, to: rig.id(0), at: rig.time)
                rig.run(for: .milliseconds(12))
                rig.endpoints[0].request(signed.id, from: rig.id(peer), at: rig.time)
                requested += 1
            }
        }
        #expect(requested == 1001)
        #expect(rig.endpoints[0].inboundByteCount <= 40 << 20)
        let refused = rig.events[0].count { event in
            if case .transferFailed(_, _, .limitReached) = event { true } else { false }
        }
        #expect(refused > 900)
        // And in the end they are given up.
        rig.run(for: .seconds(120))
        #expect(rig.endpoints[0].inboundByteCount == 0)
    }
}
