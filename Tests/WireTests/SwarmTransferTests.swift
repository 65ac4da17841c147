import Basics
import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Leaves from several holders at once")
struct SwarmTransferTests {
    /// Peers 1... hold an object of 1's making (with `lie`, 2 serves other bytes under it), and 0 is in session with all.
    private func rig(
        holders: Int, byteCount: Int, seed: UInt64, conditions: NetworkConditions = NetworkConditions(),
        lie: Bool = false
    ) throws -> (rig: MeshRig, object: ObjectID, payload: [UInt8]) {
        var rig = try MeshRig(count: holders + 1, seed: seed, conditions: conditions)
        let payload = rig.payload(byteCount: byteCount)
        let manifest = rig.manifest(by: 1, payload: payload)
        for holder in 1...holders {
            rig.endpoints[0].connect(to: rig.id(holder), at: rig.time, using: &rig.generator)
            if lie, holder == 2 {
                var other = payload
                for position in stride(from: 0, to: other.count, by: 40_000) { other[position] ^= 1 }
                rig.endpoints[holder].publish(manifest, payload: other)
            } else {
                rig.endpoints[holder].publish(manifest, payload: payload)
            }
        }
        rig.run(for: .seconds(5))
        for holder in 1...holders { rig.endpoints[holder].announce(manifest.id, to: rig.id(0), at: rig.time) }
        rig.run(for: .seconds(2))
        return (rig, manifest.id, payload)
    }

    private func received(_ rig: MeshRig) -> [[UInt8]] { rig.events[0].compactMap(\.receivedPayload) }

    @Test("Three holders bring it about three times as fast as one", arguments: [0.0, 0.02])
    func faster(loss: Double) throws {
        // The path of each is slow for its length: small windows.
        let conditions = NetworkConditions(delay: .milliseconds(40), loss: loss)
        var seconds: [Double] = []
        for asked in [1, 3] {
            var (rig, object, payload) = try rig(holders: 3, byteCount: 12_000_000, seed: 61, conditions: conditions)
            let start = rig.time
            let before = rig.bytesSent
            for holder in 1...asked { rig.endpoints[0].request(object, from: rig.id(holder), at: rig.time) }
            rig.run(for: .seconds(600)) { $0.events[0].last?.receivedPayload != nil }
            #expect(received(rig) == [payload])
            seconds.append((rig.time - start).inSeconds)
            let served = (1...3).map { rig.bytesSent[$0] - before[$0] }
            #expect(served.reduce(0, +) < payload.count * 13 / 10, "little is sent twice: \(served)")
            if asked == 3 { #expect(served.allSatisfy { $0 > payload.count / 10 }, "all have served: \(served)") }
        }
        print("swarm: 12 MB at loss \(loss) from one holder \(seconds[0]) s, from three \(seconds[1]) s")
        #expect(seconds[1] < seconds[0] * (loss == 0 ? 0.9 : 0.6))
    }

    @Test("A holder that lies is found out, and the others bring the object", arguments: 1...3 as ClosedRange<UInt64>)
    func liar(seed: UInt64) throws {
        var (rig, object, payload) = try rig(holders: 3, byteCount: 5_000_000, seed: seed, lie: true)
        for holder in 1...3 { rig.endpoints[0].request(object, from: rig.id(holder), at: rig.time) }
        rig.run(for: .seconds(60)) { $0.events[0].last?.receivedPayload != nil }
        #expect(received(rig) == [payload])
        let failures = rig.events[0].filter { if case .transferFailed = $0 { true } else { false } }
        #expect(failures == [.transferFailed(object, from: rig.id(2), .corrupt)])
        #expect(rig.endpoints[0].inboundByteCount == 0)
    }

    @Test("Holders that go away, or hold it no more, leave their part to the others", arguments: [false, true])
    func leaving(retires: Bool) throws {
        var (rig, object, payload) = try rig(
            holders: 3, byteCount: 8_000_000, seed: 63, conditions: NetworkConditions(delay: .milliseconds(30)))
        for holder in 1...3 { rig.endpoints[0].request(object, from: rig.id(holder), at: rig.time) }
        rig.run(for: .milliseconds(150))
        if retires {
            rig.endpoints[2].retire(object)
            rig.endpoints[3].retire(object)
        } else {
            rig.endpoints[2].close(at: rig.time, using: &rig.generator)
            rig.endpoints[3].close(at: rig.time, using: &rig.generator)
        }
        rig.run(for: .seconds(60)) { $0.events[0].last?.receivedPayload != nil }
        #expect(received(rig) == [payload])
        #expect(rig.endpoints[0].inboundByteCount == 0)
    }

    @Test("A holder that falls silent is left behind")
    func silence() throws {
        var (rig, object, payload) = try rig(
            holders: 2, byteCount: 8_000_000, seed: 64, conditions: NetworkConditions(delay: .milliseconds(30)))
        for holder in 1...2 { rig.endpoints[0].request(object, from: rig.id(holder), at: rig.time) }
        rig.run(for: .milliseconds(150))
        rig.addresses[2] = NetworkAddress(host: "192.0.2.99", port: 1)
        rig.endpoints[2] = rig.makeEndpoint(2, timestamp: 1)
        rig.run(for: .seconds(90)) { $0.events[0].last?.receivedPayload != nil }
        #expect(received(rig) == [payload])
    }
}
