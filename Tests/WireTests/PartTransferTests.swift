import Basics
import TestSupport
import Testing
import Wire

/// Some leaves of an object, without the rest.
@Suite struct PartTransferTests {
    private static let leaf = 65_536

    /// Peer 1 serves an object that 0 knows of. With `lie`, the byte there is not what the manifest says.
    private func rig(
        byteCount: Int, seed: UInt64 = 71, conditions: NetworkConditions = NetworkConditions(), lie: Int? = nil,
        pushes: Bool = false
    ) throws -> (rig: MeshRig, object: ObjectID, payload: [UInt8]) {
        var configuration = WireConfiguration()
        if !pushes { configuration.pushByteLimit = 0 }
        var rig = try MeshRig(seed: seed, conditions: conditions, configuration: configuration)
        try rig.connectPair()
        let payload = rig.payload(byteCount: byteCount)
        var served = payload
        if let lie { served[lie] ^= 1 }
        let manifest = rig.manifest(by: 1, payload: payload)
        rig.endpoints[1].publish(manifest, payload: served)
        rig.endpoints[1].announce(manifest.id, to: rig.id(0), at: rig.time)
        let isKnown = rig.run(for: .seconds(20)) { rig in
            rig.events[0].contains { $0.announcedManifest?.id == manifest.id }
        }
        try #require(isKnown)
        return (rig, manifest.id, payload)
    }

    private func parts(_ rig: MeshRig) -> [(leaves: Range<Int>, bytes: [UInt8])] {
        rig.events[0].compactMap { event in
            if case .receivedLeaves(let leaves, _, _, let bytes) = event { (leaves, bytes) } else { nil }
        }
    }

    private func failures(_ rig: MeshRig) -> [TransferFailure] {
        rig.events[0].compactMap { if case .transferFailed(_, _, let reason) = $0 { reason } else { nil } }
    }

    /// 20 leaves and a piece: the first, some in the middle, the short last one, nearly all, across eight that are
    /// hashed side by side.
    @Test(
        arguments: [0..<1, 3..<5, 7..<18, 20..<21, 18..<21, 0..<20],
        [
            NetworkConditions(), NetworkConditions(delay: .milliseconds(20), jitter: .milliseconds(30)),
            NetworkConditions(delay: .milliseconds(5), jitter: .milliseconds(5), loss: 0.2),
        ])
    func someLeavesCome(leaves: Range<Int>, conditions: NetworkConditions) throws {
        var (rig, object, payload) = try rig(byteCount: 20 * Self.leaf + 777, conditions: conditions)
        let before = rig.bytesSent[1]
        rig.endpoints[0].request(object, leaves: leaves, from: rig.id(1), at: rig.time)
        let hasCome = rig.run(for: .seconds(300)) { parts($0).count == 1 }
        #expect(hasCome)
        let expected = payload[leaves.lowerBound * Self.leaf..<min(payload.count, leaves.upperBound * Self.leaf)]
        #expect(parts(rig).first?.leaves == leaves && parts(rig).first?.bytes == Array(expected))
        // Nothing else is sent, also not later; what is lost is sent again.
        rig.run(for: .seconds(40))
        let sent = rig.bytesSent[1] - before
        let isRough = conditions.loss > 0 || conditions.jitter > .zero
        #expect(Double(sent) < (isRough ? 2 : 1.2) * Double(expected.count) + 20_000, "\(sent)")
        #expect(parts(rig).count == 1 && failures(rig).isEmpty)
        #expect(rig.endpoints[0].inboundByteCount == 0 && rig.endpoints[0].undeliveredByteCount == 0)
        #expect(rig.endpoints[0].brokenBound == nil && rig.endpoints[1].brokenBound == nil)
    }

    /// First a part, then another, then all of the same object.
    @Test func partsOneAfterTheOtherThenAll() throws {
        var (rig, object, payload) = try rig(byteCount: 5 * Self.leaf + 1)
        for leaves in [1..<2, 4..<6] {
            rig.endpoints[0].request(object, leaves: leaves, from: rig.id(1), at: rig.time)
            rig.run(for: .seconds(5))
        }
        rig.endpoints[0].request(object, from: rig.id(1), at: rig.time)
        rig.run(for: .seconds(5))
        #expect(parts(rig).map(\.leaves) == [1..<2, 4..<6])
        #expect(parts(rig).last?.bytes == Array(payload[(4 * Self.leaf)...]))
        #expect(rig.events[0].compactMap(\.receivedPayload) == [payload])
        // All leaves, asked for by their numbers, are the whole object.
        rig.endpoints[0].request(object, leaves: 0..<6, from: rig.id(1), at: rig.time)
        rig.run(for: .seconds(5))
        #expect(rig.events[0].compactMap(\.receivedPayload) == [payload, payload])
    }

    /// While a part is on its way the whole cannot be asked for, until the part is given up; then no trace is left of
    /// it.
    @Test func whatIsAbandonedStops() throws {
        let conditions = NetworkConditions(delay: .milliseconds(50))
        var (rig, object, payload) = try rig(byteCount: 60 * Self.leaf, conditions: conditions)
        rig.endpoints[0].request(object, leaves: 2..<50, from: rig.id(1), at: rig.time)
        rig.run(for: .milliseconds(260))
        #expect(rig.endpoints[0].inboundByteCount == 48 * Self.leaf)
        rig.endpoints[0].request(object, from: rig.id(1), at: rig.time)
        rig.run(for: .milliseconds(1))
        #expect(failures(rig).isEmpty && rig.endpoints[0].inboundByteCount == 48 * Self.leaf)
        rig.endpoints[0].abandon(object)
        #expect(rig.endpoints[0].inboundByteCount == 0)
        let before = rig.bytesSent[1]
        rig.run(for: .seconds(10))
        #expect(parts(rig).isEmpty && rig.bytesSent[1] - before < 40 * Self.leaf, "the sender was told")
        rig.endpoints[0].request(object, from: rig.id(1), at: rig.time)
        rig.run(for: .seconds(20)) { $0.events[0].last?.receivedPayload != nil }
        #expect(rig.events[0].compactMap(\.receivedPayload) == [payload])
        rig.endpoints[0].abandon(object)
        #expect(rig.endpoints[0].inboundByteCount == 0)
    }

    @Test(arguments: [0..<0, 2..<2, 3..<5, 9..<11, -1..<1]) func leavesThatAreNotThereAreRefused(
        leaves: Range<Int>
    ) throws {
        var (rig, object, _) = try rig(byteCount: 4 * Self.leaf)
        rig.endpoints[0].request(object, leaves: leaves, from: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        #expect(failures(rig) == [.unavailable] && parts(rig).isEmpty)
        #expect(rig.endpoints[0].inboundByteCount == 0)
    }

    /// Who serves other bytes is found out by the list of hashes, whichever part is fetched.
    @Test(arguments: [1..<3, 3..<6]) func whatIsFalseIsFound(leaves: Range<Int>) throws {
        var (rig, object, _) = try rig(byteCount: 6 * Self.leaf, lie: 2 * Self.leaf + 5)
        rig.endpoints[0].request(object, leaves: leaves, from: rig.id(1), at: rig.time)
        rig.run(for: .seconds(10))
        #expect(failures(rig) == [.corrupt] && parts(rig).isEmpty)
        #expect(rig.endpoints[0].inboundByteCount == 0)
    }

    /// What was pushed is here already.
    @Test func aPushedObjectIsGivenAsAskedFor() throws {
        var (rig, object, payload) = try rig(byteCount: 900, pushes: true)
        rig.run(for: .seconds(1))
        let before = rig.bytesSent[0]
        rig.endpoints[0].request(object, leaves: 0..<1, from: rig.id(1), at: rig.time)
        rig.run(for: .milliseconds(1))
        #expect(rig.events[0].compactMap(\.receivedPayload) == [payload] && rig.bytesSent[0] == before)
    }
}
