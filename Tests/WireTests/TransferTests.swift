import TestSupport
import Testing
import Wire

@Suite("Objects cross a bad network whole")
struct TransferTests {
    /// Publishes at 0, requests by 1, and runs until it arrives.
    func transfer(
        byteCount: Int, conditions: NetworkConditions, seed: UInt64, limit: Duration
    ) throws -> (MeshRig, payload: [UInt8]) {
        var rig = try MeshRig(seed: seed, conditions: conditions)
        try rig.connectPair()
        let payload = rig.payload(byteCount: byteCount)
        let manifest = rig.manifest(by: 0, payload: payload)
        let object = rig.endpoints[0].publish(manifest, payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(60)) { $0.events[1].contains { $0.announcedManifest == manifest } }
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: limit) { $0.events[1].contains { $0.receivedPayload != nil } }
        return (rig, payload)
    }

    @Test(arguments: [0.0, 0.05, 0.2, 0.3])
    func oneMegabyte(loss: Double) throws {
        let conditions = NetworkConditions(jitter: .milliseconds(3), loss: loss, duplication: 0.02, corruption: 0.01)
        let (rig, payload) = try transfer(byteCount: 1_000_003, conditions: conditions, seed: 11, limit: .seconds(600))
        let received = rig.events[1].compactMap(\.receivedPayload)
        #expect(received == [payload])
        #expect(!rig.events[1].contains(.disconnected(rig.id(0), .idle)))
    }

    @Test(arguments: [0.0, 0.05, 0.2, 0.3])
    func twentyMegabytes(loss: Double) throws {
        let conditions = NetworkConditions(loss: loss)
        let (rig, payload) = try transfer(byteCount: 20_000_000, conditions: conditions, seed: 5, limit: .seconds(3600))
        #expect(rig.events[1].compactMap(\.receivedPayload) == [payload])
    }

    @Test(arguments: [0, 1, 127, 128, 129, 1152, 1153, 65_535, 65_536, 65_537, 131_072, 3_000_000])
    func everySize(byteCount: Int) throws {
        let (rig, payload) = try transfer(
            byteCount: byteCount, conditions: NetworkConditions(), seed: 2, limit: .seconds(60))
        #expect(rig.events[1].compactMap(\.receivedPayload) == [payload])
    }
}
