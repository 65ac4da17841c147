import Basics
import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Membership: peers are admitted and expelled while others go on")
struct MembershipTests {
    /// Serves `payload` at 0 and has `index` ask for it, once it is offered.
    private func ask(_ index: Int, for manifest: SignedManifest, _ rig: inout MeshRig) {
        rig.endpoints[0].announce(manifest.id, to: rig.id(index), at: rig.time)
        rig.run(for: .seconds(10)) { $0.events[index].contains { $0.announcedManifest == manifest } }
        rig.endpoints[index].request(manifest.id, from: rig.id(0), at: rig.time)
    }

    private func remote(_ index: Int, of rig: MeshRig) -> RemotePeer {
        RemotePeer(
            id: rig.id(index), exchangeKey: rig.keys[index].exchange.publicKey, address: MeshRig.address(index))
    }

    private func expectBounds(_ rig: MeshRig) {
        for endpoint in rig.endpoints { #expect(endpoint.brokenBound == nil) }
    }

    @Test(
        "A peer that is admitted while others transfer connects and gets objects", arguments: [1, 2, 3] as [UInt64],
        [0.0, 0.1])
    func admitted(seed: UInt64, loss: Double) throws {
        var rig = try MeshRig(count: 3, seed: seed, conditions: NetworkConditions(loss: loss))
        // 0 and 1 do not know 2 yet, which knows them and is not answered.
        for index in 0...1 {
            let wasKnown = rig.endpoints[index].expel(rig.id(2), at: rig.time)
            #expect(wasKnown)
        }
        rig.endpoints[2].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        try rig.connectPair()
        let payload = rig.payload(byteCount: 3_000_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        rig.endpoints[0].publish(manifest, payload: payload)
        ask(1, for: manifest, &rig)
        rig.run(for: .milliseconds(20))
        #expect(rig.events[1].allSatisfy { $0.receivedPayload == nil }, "the transfer is under way")
        #expect(rig.events[2] == [])

        let isAdmitted = rig.endpoints[0].admit(remote(2, of: rig), at: rig.time)
        #expect(isAdmitted)
        rig.run(for: .seconds(60)) { $0.events[2].contains(.connected($0.id(0))) }
        ask(2, for: manifest, &rig)
        rig.run(for: .seconds(120)) { rig in
            [1, 2].allSatisfy { rig.events[$0].contains { $0.receivedPayload != nil } }
        }
        for index in 1...2 { #expect(rig.events[index].compactMap(\.receivedPayload) == [payload]) }
        #expect(rig.events[0].filter { $0 == .connected(rig.id(1)) }.count == 1, "the old session stood all the time")
        expectBounds(rig)
    }

    @Test(
        "An expelled peer gets no answer and is forgotten; admitted anew it is served again",
        arguments: [4, 5, 6] as [UInt64])
    func expelled(seed: UInt64) throws {
        var rig = try MeshRig(seed: seed, conditions: NetworkConditions(loss: 0.02))
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        try rig.connectPair()
        let payload = rig.payload(byteCount: 3_000_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        rig.endpoints[0].publish(manifest, payload: payload)
        ask(1, for: manifest, &rig)
        rig.run(for: .milliseconds(20))
        rig.captures = true
        rig.run(for: .milliseconds(20))
        let old = try #require(rig.captured.last { $0.to == 0 }?.datagram)
        rig.captures = false

        let wasKnown = rig.endpoints[0].expel(rig.id(1), at: rig.time)
        #expect(wasKnown)
        let wasStillKnown = rig.endpoints[0].expel(rig.id(1), at: rig.time)
        #expect(!wasStillKnown)
        rig.run(for: .seconds(1))
        #expect(
            rig.events[0].last { if case .disconnected = $0 { true } else { false } }
                == .disconnected(rig.id(1), .expelled))
        #expect(rig.events[1].contains(.disconnected(rig.id(0), .closed)), "it is told goodbye")
        let (sent, received) = (rig.bytesSent[0], rig.endpoints[0].statistics.datagramsReceived)
        rig.run(for: .seconds(120))
        #expect(rig.endpoints[0].statistics.datagramsReceived > received, "it keeps on asking")
        #expect(rig.bytesSent[0] == sent)
        #expect(rig.endpoints[0].memory == EndpointMemory())
        #expect(rig.endpoints[0].nextDeadline == nil)
        let isOffered = rig.endpoints[0].announce(manifest.id, to: rig.id(1), at: rig.time)
        #expect(!isOffered)
        expectBounds(rig)

        let isAdmitted = rig.endpoints[0].admit(remote(1, of: rig), at: rig.time)
        #expect(isAdmitted)
        // A packet of the old session belongs to nobody.
        let dropped = rig.endpoints[0].statistics.dropped[.unknownSession] ?? 0
        rig.endpoints[0].receive(old, at: rig.time, using: &rig.generator)
        #expect(rig.endpoints[0].statistics.dropped[.unknownSession] == dropped + 1)
        let before = rig.events[1].count
        rig.run(for: .seconds(60)) { $0.events[1][before...].contains(.connected($0.id(0))) }
        ask(1, for: manifest, &rig)
        rig.run(for: .seconds(120)) { $0.events[1].contains { $0.receivedPayload != nil } }
        #expect(rig.events[1].compactMap(\.receivedPayload) == [payload])
        expectBounds(rig)
    }

    @Test("When a holder is expelled the others bring what is missing", arguments: [7, 8] as [UInt64])
    func expelledHolder(seed: UInt64) throws {
        var rig = try MeshRig(count: 4, seed: seed, conditions: NetworkConditions(loss: 0.02))
        for holder in 0..<3 { rig.endpoints[holder].connect(to: rig.id(3), at: rig.time, using: &rig.generator) }
        rig.run(for: .seconds(5))
        let payload = rig.payload(byteCount: 4_000_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        for holder in 0..<3 {
            rig.endpoints[holder].publish(manifest, payload: payload)
            rig.endpoints[holder].announce(manifest.id, to: rig.id(3), at: rig.time)
        }
        rig.run(for: .seconds(5))
        for holder in 0..<3 { rig.endpoints[3].request(manifest.id, from: rig.id(holder), at: rig.time) }
        rig.run(for: .milliseconds(60))
        #expect(rig.events[3].allSatisfy { $0.receivedPayload == nil })
        let wasKnown = rig.endpoints[3].expel(rig.id(1), at: rig.time)
        #expect(wasKnown)
        rig.run(for: .seconds(120)) { $0.events[3].contains { $0.receivedPayload != nil } }
        #expect(rig.events[3].contains(.transferFailed(manifest.id, from: rig.id(1), .disconnected)))
        #expect(rig.events[3].compactMap(\.receivedPayload) == [payload])
        #expect(rig.endpoints[3].inboundByteCount == 0)
        expectBounds(rig)
    }

    @Test(
        "A liar that is expelled before its lie is found out does no harm", arguments: [15, 25, 35, 45, 60] as [Int64])
    func expelledLiar(milliseconds: Int64) throws {
        var rig = try MeshRig(count: 3, seed: 12)
        for holder in 0..<2 { rig.endpoints[holder].connect(to: rig.id(2), at: rig.time, using: &rig.generator) }
        rig.run(for: .seconds(5))
        let payload = rig.payload(byteCount: 4_000_000)
        var forged = payload
        for position in stride(from: 0, to: payload.count, by: 65_536) { forged[position] ^= 1 }
        let manifest = rig.manifest(by: 0, payload: payload)
        rig.endpoints[0].publish(manifest, payload: forged)
        rig.endpoints[1].publish(manifest, payload: payload)
        for holder in 0..<2 { rig.endpoints[holder].announce(manifest.id, to: rig.id(2), at: rig.time) }
        rig.run(for: .seconds(5))
        // The list of hashes comes from the honest one, which is asked first.
        for holder in [1, 0] { rig.endpoints[2].request(manifest.id, from: rig.id(holder), at: rig.time) }
        rig.run(for: .milliseconds(milliseconds))
        rig.endpoints[2].expel(rig.id(0), at: rig.time)
        rig.run(for: .seconds(120)) { $0.events[2].contains { $0.receivedPayload != nil } }
        #expect(rig.events[2].compactMap(\.receivedPayload) == [payload])
        expectBounds(rig)
    }

    @Test("A revoked key stays revoked when its peer is expelled and admitted anew, in a new process too")
    func revokedStaysRevoked() throws {
        var rig = try MeshRig(seed: 9)
        try rig.connectPair()
        let revocation = Revocation(of: rig.keys[1].signing, swarm: rig.swarm.identifier)
        let isTaken = rig.endpoints[0].revoke(revocation, at: rig.time)
        #expect(isTaken)
        let wasKnown = rig.endpoints[0].expel(rig.id(1), at: rig.time)
        #expect(wasKnown)
        #expect(rig.endpoints[0].memory.revocations == [revocation])
        rig.endpoints[0] = rig.makeEndpoint(0, timestamp: 1 << 40, memory: rig.endpoints[0].memory)
        #expect(rig.endpoints[0].isBarred(rig.id(1)))
        rig.endpoints[0].expel(rig.id(1), at: rig.time)
        rig.endpoints[0].admit(remote(1, of: rig), at: rig.time)
        #expect(rig.endpoints[0].isBarred(rig.id(1)))
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        let count = rig.events[0].count
        rig.run(for: .seconds(60))
        #expect(!rig.events[0][count...].contains(.connected(rig.id(1))))
    }

    @Test("A peer that is admitted with another address is looked for there, with another key it begins anew")
    func readmitted() throws {
        var rig = try MeshRig(seed: 10)
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.addresses[1] = NetworkAddress(host: "10.0.0.77", port: 9000)
        rig.run(for: .seconds(10))
        #expect(rig.events[0] == [])
        var moved = remote(1, of: rig)
        moved.address = rig.addresses[1]
        let isMoved = rig.endpoints[0].admit(moved, at: rig.time)
        #expect(isMoved)
        rig.run(for: .seconds(10))
        #expect(rig.events[0] == [.connected(rig.id(1))])
        let other = RemotePeer(id: rig.id(1), exchangeKey: Array(repeating: 9, count: 32), address: nil)
        let isChanged = rig.endpoints[0].admit(other, at: rig.time)
        #expect(isChanged)
        rig.run(for: .seconds(1))
        #expect(rig.events[0].last == .disconnected(rig.id(1), .expelled))
        expectBounds(rig)
    }

    @Test("Nobody is admitted under another's key, as this peer itself, or after the end")
    func refusals() throws {
        var rig = try MeshRig(count: 3, seed: 11)
        rig.endpoints[0].expel(rig.id(2), at: rig.time)
        let thief = RemotePeer(id: rig.id(2), exchangeKey: rig.keys[1].exchange.publicKey, address: nil)
        let isThiefAdmitted = rig.endpoints[0].admit(thief, at: rig.time)
        #expect(!isThiefAdmitted)
        let isOwnAdmitted = rig.endpoints[0].admit(remote(0, of: rig), at: rig.time)
        #expect(!isOwnAdmitted)
        rig.endpoints[0].close(at: rig.time, using: &rig.generator)
        let isLateAdmitted = rig.endpoints[0].admit(remote(2, of: rig), at: rig.time)
        #expect(!isLateAdmitted)
        let isLateExpelled = rig.endpoints[0].expel(rig.id(1), at: rig.time)
        #expect(!isLateExpelled)
    }
}
