import Basics
import Cryptography
import Testing
import Wire

@Suite("Floods of initiations")
struct CookieTests {
    /// An initiation that anyone can make who knows the responder's public key: the first code is right, the rest noise.
    func forged(for key: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var packet: [UInt8] = [1, 0, 0, 0] + generator.bytes(count: 1164)
        packet += Digest.of(packet, byteCount: 16, key: Digest.blake2b256(key, personalisation: "murmur-mac1"))
        return packet + generator.bytes(count: 16)
    }

    @Test("Under a flood from forged addresses a peer of the swarm still gets its session")
    func honestPeer() throws {
        var rig = try MeshRig(seed: 15)
        var sent = 0
        var answered = 0
        var connected = false
        for step in 0..<10_000 where !connected {
            if step == 200 { rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator) }
            let stranger = NetworkAddress(host: "198.51.100.\(step % 250)", port: UInt16(step % 60_000 + 1))
            let bytes = forged(for: rig.keys[1].exchange.publicKey, using: &rig.generator)
            sent += bytes.count
            rig.endpoints[1].receive(Datagram(address: stranger, bytes: bytes), at: rig.time, using: &rig.generator)
            answered += rig.endpoints[1].statistics.bytesSent > 0 ? 1 : 0
            rig.run(for: .milliseconds(1))
            connected = rig.events[1].contains(.connected(rig.id(0)))
        }
        #expect(connected)
        #expect(rig.endpoints[1].statistics.dropped[.cookieAsked, default: 0] > 100)
        #expect(rig.bytesSent[1] < sent / 10)
        // Only those without a cookie that are let through cost a key agreement.
        let seconds = rig.time.nanoseconds / 1_000_000_000 + 1
        #expect(rig.endpoints[1].statistics.dropped[.badHandshake, default: 0] <= UInt64(50 * seconds))
        #expect(answered > 0)
    }

    @Test("A session that stands does not feel the flood")
    func standingSession() throws {
        var rig = try MeshRig(seed: 16)
        try rig.connectPair()
        for index in 0..<200 {
            for _ in 0..<20 {
                let bytes = forged(for: rig.keys[1].exchange.publicKey, using: &rig.generator)
                let stranger = NetworkAddress(host: "203.0.113.9", port: 7)
                rig.endpoints[1].receive(
                    Datagram(address: stranger, bytes: bytes), at: rig.time, using: &rig.generator)
            }
            rig.endpoints[0].send(message: [UInt8(index)], to: rig.id(1), at: rig.time)
            rig.run(for: .milliseconds(10))
        }
        rig.run(for: .seconds(1))
        #expect(rig.events[1].compactMap(\.message).count == 200)
    }

    @Test("A cookie of another address, an altered cookie and an unasked one are of no use")
    func badCookies() throws {
        var configuration = WireConfiguration()
        configuration.initiationsWithoutCookie = 0
        var rig = try MeshRig(seed: 17, configuration: configuration)
        rig.captures = true
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.drain(0)
        rig.run(for: .milliseconds(11))
        let reply = try #require(rig.captured.last?.datagram)
        #expect(reply.bytes.count == 64)
        #expect(rig.events[1].isEmpty)
        for position in reply.bytes.indices where !(1...3).contains(position) {
            var altered = reply
            altered.bytes[position] ^= 1
            rig.endpoints[0].receive(altered, at: rig.time, using: &rig.generator)
        }
        let dropped = rig.endpoints[0].statistics.dropped
        #expect(dropped[.unexpectedCookie, default: 0] >= 59)
        // The reply itself counts once, however often it comes.
        rig.endpoints[0].receive(reply, at: rig.time, using: &rig.generator)
        let refused = rig.endpoints[0].statistics.dropped[.unexpectedCookie, default: 0]
        rig.endpoints[0].receive(reply, at: rig.time, using: &rig.generator)
        #expect(rig.endpoints[0].statistics.dropped[.unexpectedCookie] == refused + 1)
        // The next initiation shows the cookie; from elsewhere it is asked for another.
        rig.run(for: .milliseconds(400)) { $0.captured.last!.datagram.bytes.count == 1200 }
        var moved = try #require(rig.captured.last?.datagram)
        moved.address = NetworkAddress(host: "192.0.2.77", port: 5)
        rig.endpoints[1].receive(moved, at: rig.time, using: &rig.generator)
        #expect(rig.endpoints[1].statistics.dropped[.cookieAsked] == 2)
        rig.run(for: .seconds(2))
        #expect(rig.events[1] == [.connected(rig.id(0))])
    }
}
