import TestSupport
import Testing
import Wire

@Suite("Credit: who receives says how much may come")
struct CreditTests {
    private static func configuration(credit: Int, undelivered: Int = 256 << 20) -> WireConfiguration {
        var configuration = WireConfiguration()
        configuration.creditByteCount = credit
        configuration.undeliveredByteLimit = undelivered
        return configuration
    }

    /// Publishes `count` objects at 0 and has 1 ask for all of them.
    private func ask(for count: Int, byteCount: Int, _ rig: inout MeshRig) -> [[UInt8]] {
        var payloads: [[UInt8]] = []
        for number in 0..<count {
            let payload = rig.payload(byteCount: byteCount, seed: UInt64(100 + number))
            let manifest = rig.manifest(by: 0, payload: payload, sequence: UInt64(number))
            let object = rig.endpoints[0].publish(manifest, payload: payload)
            rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
            rig.run(for: .seconds(1)) { $0.events[1].contains { $0.announcedManifest == manifest } }
            rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
            payloads.append(payload)
        }
        return payloads
    }

    @Test(
        "An object of many times the credit arrives whole, whatever the network does",
        arguments: [0.0, 0.1], [128, 65_536, 1 << 20])
    func wholeObjects(loss: Double, credit: Int) throws {
        let conditions = NetworkConditions(
            delay: .milliseconds(5), jitter: .milliseconds(2), loss: loss, duplication: loss, reorder: loss)
        let byteCount = credit == 128 ? 60_000 : 6_000_000
        var rig = try MeshRig(seed: 61, conditions: conditions, configuration: Self.configuration(credit: credit))
        try rig.connectPair()
        let payloads = ask(for: 1, byteCount: byteCount, &rig)
        rig.run(for: .seconds(600)) { $0.events[1].contains { $0.receivedPayload != nil } }
        #expect(rig.events[1].compactMap(\.receivedPayload) == payloads)
        #expect(rig.events[1].allSatisfy { if case .disconnected = $0 { false } else { true } })
    }

    @Test("Several holders share an object under little credit")
    func severalHolders() throws {
        var rig = try MeshRig(
            count: 4, seed: 62, conditions: NetworkConditions(loss: 0.05),
            configuration: Self.configuration(credit: 65_536))
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
        rig.run(for: .seconds(120)) { $0.events[3].contains { $0.receivedPayload != nil } }
        #expect(rig.events[3].compactMap(\.receivedPayload) == [payload])
    }

    @Test("While what arrives is not taken the sender stops and memory is bounded; then the transfer goes on")
    func slowReceiver() throws {
        let configuration = Self.configuration(credit: 262_144, undelivered: 2_000_000)
        var rig = try MeshRig(seed: 63, conditions: NetworkConditions(loss: 0.01), configuration: configuration)
        try rig.connectPair()
        // Small ones are there soon and fill what may wait; the great one has to stop.
        let great = ask(for: 1, byteCount: 20_000_000, &rig)[0]
        rig.deaf = [1]
        let small = rig.payload(byteCount: 700_000)
        for sequence in 1...3 as ClosedRange<UInt64> {
            let manifest = rig.manifest(by: 0, payload: small, sequence: 100 + sequence)
            rig.endpoints[0].publish(manifest, payload: small)
            rig.endpoints[0].announce(manifest.id, to: rig.id(1), at: rig.time)
            rig.run(for: .milliseconds(20))
            rig.endpoints[1].request(manifest.id, from: rig.id(0), at: rig.time)
        }
        rig.run(for: .seconds(20))
        #expect(rig.endpoints[1].undeliveredByteCount == 2_100_000)
        let sent = rig.bytesSent[0]
        #expect(sent < 10_000_000)
        rig.run(for: .seconds(100))
        #expect(rig.bytesSent[0] - sent < 20_000, "keepalives and renewals only")
        rig.deaf = []
        rig.run(for: .seconds(60)) { $0.events[1].contains { $0.receivedPayload == great } }
        #expect(rig.events[1].compactMap(\.receivedPayload) == [small, small, small, great])
        #expect(rig.endpoints[1].undeliveredByteCount == 0)
        for event in rig.events[1] {
            if case .transferFailed = event { Issue.record("nothing failed meanwhile") }
            if case .disconnected = event { Issue.record("the session stood all the time") }
        }
    }

    @Test("A sender that does not care for credit is cut off")
    func overrun() throws {
        let configuration = Self.configuration(credit: 65_536)
        var rig = try MeshRig(seed: 64, configuration: configuration)
        rig.endpoints[0] = rig.makeEndpoint(0, timestamp: 1_000, configuration: Self.configuration(credit: 1 << 30))
        try rig.connectPair()
        _ = ask(for: 1, byteCount: 30_000_000, &rig)
        rig.run(for: .seconds(20)) { $0.events[1].contains(.disconnected($0.id(0), .overrun)) }
        #expect(rig.events[1].contains(.disconnected(rig.id(0), .overrun)))
        #expect(rig.endpoints[1].inboundByteCount == 0)
        #expect(rig.events[1].compactMap(\.receivedPayload).isEmpty)
    }
}
