import Basics
import TestSupport
import Testing
import Wire

@Suite("Deliveries: the sender says what was acknowledged of an object, never more")
struct DeliveryTests {
    /// Publishes an object at `holders`, offers it to `index` and has that ask for it.
    private func send(
        byteCount: Int, from holders: [Int] = [0], to index: Int = 1, sequence: UInt64 = 1, _ rig: inout MeshRig
    ) -> SignedManifest {
        let payload = rig.payload(byteCount: byteCount, seed: sequence)
        let manifest = rig.manifest(by: 0, payload: payload, sequence: sequence)
        for holder in holders {
            rig.endpoints[holder].publish(manifest, payload: payload)
            rig.endpoints[holder].announce(manifest.id, to: rig.id(index), at: rig.time)
        }
        rig.run(for: .seconds(60)) { rig in
            rig.events[index].filter { $0.announcedManifest == manifest }.count == holders.count
        }
        for holder in holders { rig.endpoints[index].request(manifest.id, from: rig.id(holder), at: rig.time) }
        return manifest
    }

    /// What `index` said of its deliveries of an object.
    private func deliveries(_ object: SignedManifest, by index: Int, _ rig: MeshRig) -> [(bytes: Int, of: Int)] {
        rig.events[index].compactMap { event in
            if case .delivered(object.id, _, let count, let whole) = event { (count, whole) } else { nil }
        }
    }

    /// A great object that is on its way for a while.
    private func begun(_ rig: inout MeshRig, loss: Double) throws -> SignedManifest {
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        try rig.connectPair()
        rig.conditions.loss = loss
        let manifest = send(byteCount: 5_000_000, &rig)
        rig.run(for: .seconds(30)) { $0.bytesSent[0] > 2_000_000 }
        #expect(rig.events[1].allSatisfy { $0.receivedPayload == nil }, "it is under way")
        #expect(deliveries(manifest, by: 0, rig).isEmpty)
        return manifest
    }

    /// Expects one report of a part, which is no more than what arrived, before the end of the session is reported.
    private func expectPart(_ manifest: SignedManifest, arrived: UInt64, _ rig: MeshRig) {
        let reports = deliveries(manifest, by: 0, rig)
        #expect(reports.count == 1)
        guard let report = reports.first else { return }
        #expect(report.of == manifest.manifest.payloadByteCount)
        #expect(report.bytes > 0 && report.bytes < report.of)
        #expect(report.bytes <= arrived)
    }

    @Test(
        "All bytes of an object that arrives whole, once, small and great, whatever is lost",
        arguments: [0.0, 0.1, 0.3], [1, 700, 16_384, 16_385, 65_536, 200_003, 3_000_001])
    func whole(loss: Double, byteCount: Int) throws {
        let conditions = NetworkConditions(
            delay: .milliseconds(5), jitter: .milliseconds(3), loss: loss, duplication: loss, reorder: loss)
        var rig = try MeshRig(seed: 71, conditions: conditions)
        try rig.connectPair()
        let manifest = send(byteCount: byteCount, &rig)
        rig.run(for: .seconds(600)) { rig in !self.deliveries(manifest, by: 0, rig).isEmpty }
        rig.run(for: .seconds(20))
        #expect(rig.events[1].compactMap(\.receivedPayload).map(\.count) == [byteCount])
        #expect(deliveries(manifest, by: 0, rig).map(\.bytes) == [byteCount])
        #expect(deliveries(manifest, by: 0, rig).map(\.of) == [byteCount])
        // Asked for once more it is sent once more, and not reported again; nor when it is retired.
        rig.endpoints[1].request(manifest.id, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(60))
        rig.endpoints[0].retire(manifest.id)
        rig.run(for: .seconds(1))
        #expect(rig.events[1].compactMap(\.receivedPayload).count == 2)
        #expect(deliveries(manifest, by: 0, rig).count == 1)
    }

    @Test("Of an object that is retired on its way, what was acknowledged", arguments: [0.0, 0.05])
    func retired(loss: Double) throws {
        var rig = try MeshRig(seed: 72)
        let manifest = try begun(&rig, loss: loss)
        rig.endpoints[0].retire(manifest.id)
        rig.run(for: .zero)
        expectPart(manifest, arrived: rig.endpoints[1].statistics.bytesReceived, rig)
        rig.run(for: .seconds(60))
        #expect(deliveries(manifest, by: 0, rig).count == 1)
    }

    @Test("Of an object whose receiver falls silent, what was acknowledged", arguments: [0.0, 0.05])
    func silent(loss: Double) throws {
        var rig = try MeshRig(seed: 73)
        let manifest = try begun(&rig, loss: loss)
        let arrived = rig.endpoints[1].statistics.bytesReceived
        rig.conditions.loss = 1
        rig.run(for: .seconds(60))
        expectPart(manifest, arrived: arrived + 10_000, rig)
        let report = rig.events[0].firstIndex { if case .delivered = $0 { true } else { false } }
        let end = rig.events[0].firstIndex(of: .disconnected(rig.id(1), .idle))
        #expect(try #require(report) < (try #require(end)))
    }

    @Test("A receiver that begins anew gets it whole, which is a delivery of its own")
    func restarted() throws {
        var rig = try MeshRig(seed: 74)
        let manifest = try begun(&rig, loss: 0.02)
        let arrived = rig.endpoints[1].statistics.bytesReceived
        rig.endpoints[1] = rig.makeEndpoint(1, timestamp: 1 << 40)
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(30)) { $0.events[0].contains(.disconnected($0.id(1), .restarted)) }
        expectPart(manifest, arrived: arrived, rig)
        rig.endpoints[0].announce(manifest.id, to: rig.id(1), at: rig.time)
        let seen = rig.events[1].count
        rig.run(for: .seconds(30)) { $0.events[1][seen...].contains { $0.announcedManifest != nil } }
        rig.endpoints[1].request(manifest.id, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(60)) { rig in self.deliveries(manifest, by: 0, rig).count == 2 }
        #expect(deliveries(manifest, by: 0, rig).last?.bytes == 5_000_000)
    }

    @Test("An endpoint that closes, or expels the receiver, says what was acknowledged", arguments: [true, false])
    func closed(expels: Bool) throws {
        var rig = try MeshRig(seed: 75)
        let manifest = try begun(&rig, loss: 0.02)
        if expels {
            rig.endpoints[0].expel(rig.id(1), at: rig.time)
        } else {
            rig.endpoints[0].close(at: rig.time, using: &rig.generator)
        }
        rig.run(for: .zero)
        expectPart(manifest, arrived: rig.endpoints[1].statistics.bytesReceived, rig)
    }

    @Test("Several holders of an object deliver all of it together", arguments: [76, 77] as [UInt64])
    func severalHolders(seed: UInt64) throws {
        var rig = try MeshRig(count: 4, seed: seed, conditions: NetworkConditions(loss: 0.05))
        for holder in 0..<3 { rig.endpoints[holder].connect(to: rig.id(3), at: rig.time, using: &rig.generator) }
        rig.run(for: .seconds(5))
        let manifest = send(byteCount: 4_000_000, from: [0, 1, 2], to: 3, &rig)
        rig.run(for: .seconds(120)) { $0.events[3].contains { $0.receivedPayload != nil } }
        rig.run(for: .seconds(10))
        for holder in 0..<3 { rig.endpoints[holder].retire(manifest.id) }
        rig.run(for: .seconds(1))
        let reports = (0..<3).map { deliveries(manifest, by: $0, rig) }
        #expect(reports.allSatisfy { $0.count == 1 })
        let sum = reports.joined().reduce(0) { $0 + $1.bytes }
        #expect(sum >= 4_000_000, "all that came was acknowledged")
        #expect(reports.joined().allSatisfy { $0.bytes < 4_000_000 }, "nobody sent it alone")
    }

    @Test("Nothing is said of an object that was offered and not asked for")
    func offeredOnly() throws {
        var rig = try MeshRig(seed: 78)
        try rig.connectPair()
        let payload = rig.payload(byteCount: 100_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        rig.endpoints[0].publish(manifest, payload: payload)
        rig.endpoints[0].announce(manifest.id, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(10))
        rig.endpoints[0].retire(manifest.id)
        rig.endpoints[0].close(at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(1))
        #expect(deliveries(manifest, by: 0, rig).isEmpty)
    }

    @Test("A small object that is retired before its pieces are acknowledged is reported when they are")
    func retiredPush() throws {
        var rig = try MeshRig(seed: 79)
        try rig.connectPair()
        let payload = rig.payload(byteCount: 10_000)
        let manifest = rig.manifest(by: 0, payload: payload)
        rig.endpoints[0].publish(manifest, payload: payload)
        rig.endpoints[0].announce(manifest.id, to: rig.id(1), at: rig.time)
        rig.endpoints[0].retire(manifest.id)
        #expect(deliveries(manifest, by: 0, rig).isEmpty)
        rig.run(for: .seconds(5))
        #expect(deliveries(manifest, by: 0, rig).map(\.bytes) == [10_000])
    }
}
