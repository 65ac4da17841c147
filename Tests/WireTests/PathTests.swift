import Basics
import TestSupport
import Testing
import Wire

@Suite("Addresses that change in mid-session")
struct PathTests {
    @Test("A router forgets whom it translated: the session goes on at the new address", arguments: [0, 1])
    func rebinding(moved: Int) throws {
        var hasMoved = false
        let conditions = NetworkConditions(delay: .milliseconds(20), loss: 0.02)
        let outcome = try BadWeatherTests.transfer(byteCount: 8_000_000, seed: 21, conditions: conditions) {
            rig, seconds in
            guard seconds >= 0.5, !hasMoved else { return }
            hasMoved = true
            rig.addresses[moved] = NetworkAddress(host: "192.0.2.7", port: 777)
        }
        #expect(hasMoved && outcome.received == outcome.payload)
        #expect(outcome.rig.endpoints[1 - moved].statistics.pathsChanged == 1)
        #expect(outcome.rig.endpoints[0].statistics.handshakesCompleted == 1, "no new handshake was needed")
        #expect(outcome.seconds < 12, "nothing waited for the next handshake")
    }

    @Test("Who repeats packets from elsewhere gets a challenge at most, and the session stays where it is")
    func diversion() throws {
        var rig = try MeshRig(seed: 22)
        try rig.connectPair()
        rig.captures = true
        let elsewhere = NetworkAddress(host: "198.51.100.9", port: 9)
        var bytesFromElsewhere = 0
        var challenges = 0
        for index in 0..<200 {
            rig.endpoints[0].send(message: [UInt8(index)], to: rig.id(1), at: rig.time)
            rig.captured = []
            rig.drain(0)
            // The network's packets reach 1 from the attacker's address first, then from the true one.
            let sent = rig.captured.map(\.datagram)
            rig.network.clear()
            for datagram in sent {
                rig.endpoints[1].receive(
                    Datagram(address: elsewhere, bytes: datagram.bytes), at: rig.time, using: &rig.generator)
                bytesFromElsewhere += datagram.bytes.count
                rig.endpoints[1].receive(datagram, at: rig.time, using: &rig.generator)
            }
            while let datagram = rig.endpoints[1].pollTransmit(at: rig.time, using: &rig.generator) {
                if datagram.address == elsewhere {
                    challenges += datagram.bytes.count
                    #expect(challenges <= bytesFromElsewhere)
                } else {
                    #expect(datagram.address == MeshRig.address(0))
                    rig.endpoints[0].receive(
                        Datagram(address: MeshRig.address(1), bytes: datagram.bytes), at: rig.time,
                        using: &rig.generator)
                }
            }
            rig.run(for: .milliseconds(30))
        }
        #expect(challenges > 0, "it was asked whether it is the peer")
        #expect(rig.endpoints[1].statistics.pathsChanged == 0)
        #expect(rig.events[1].compactMap(\.message).count == 200)
    }
}
