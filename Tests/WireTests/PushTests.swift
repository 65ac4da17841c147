import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Small objects are pushed")
struct PushTests {
    /// A pair in which 0 has announced an object of `byteCount` bytes to 1, and 1 has been told; from then on nothing
    /// passes, so that what 1 is given when it asks was there before.
    private func told(
        byteCount: Int, _ rig: inout MeshRig, publish: (inout ProtocolEndpoint, SignedManifest, [UInt8]) -> Void
    ) throws -> (ObjectID, [UInt8]) {
        try rig.connectPair()
        let payload = rig.payload(byteCount: byteCount)
        let manifest = rig.manifest(by: 0, payload: payload)
        publish(&rig.endpoints[0], manifest, payload)
        let isTaken = rig.endpoints[0].announce(manifest.id, to: rig.id(1), at: rig.time)
        #expect(isTaken)
        rig.run(for: .seconds(30)) { $0.events[1].contains { $0.announcedManifest == manifest } }
        #expect(rig.events[1].last == .announced(from: rig.id(0), manifest))
        return (manifest.id, payload)
    }

    private func ask(_ object: ObjectID, _ rig: inout MeshRig) {
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.drain(1)
    }

    @Test(
        "Its bytes are there with its manifest, whatever the network does",
        arguments: [1, 830, 831, 832, 1_930, 5_000, 16_384], [0.0, 0.2])
    func pushed(byteCount: Int, disorder: Double) throws {
        let conditions = NetworkConditions(
            jitter: .milliseconds(3), loss: disorder, duplication: disorder, reorder: disorder)
        var rig = try MeshRig(seed: 71, conditions: conditions)
        let (object, payload) = try told(byteCount: byteCount, &rig) { $0.publish($1, payload: $2) }
        rig.conditions.loss = 1
        ask(object, &rig)
        #expect(rig.events[1].last?.receivedPayload == payload)
        #expect(rig.endpoints[1].statistics.objectsReceived == 1)
        #expect(rig.endpoints[1].statistics.payloadBytesReceived == UInt64(byteCount))
        // A second time it has to be asked for.
        let count = rig.events[1].count
        ask(object, &rig)
        #expect(rig.events[1].count == count)
        rig.conditions.loss = 0
        rig.run(for: .seconds(20)) { $0.events[1].count > count }
        #expect(rig.events[1].last?.receivedPayload == payload)
    }

    @Test(
        "What is larger, or where nothing is pushed, waits for a request",
        arguments: [(16_385, 16_384), (100, 0), (100, 99)])
    func offered(byteCount: Int, limit: Int) throws {
        var configuration = WireConfiguration()
        configuration.pushByteLimit = limit
        var rig = try MeshRig(seed: 72, configuration: configuration)
        let (object, payload) = try told(byteCount: byteCount, &rig) { $0.publish($1, payload: $2) }
        let count = rig.events[1].count
        ask(object, &rig)
        #expect(rig.events[1].count == count)
        rig.run(for: .seconds(5))
        #expect(rig.events[1].last?.receivedPayload == payload)
    }

    @Test("False bytes are forgotten, and who sent them is found out by asking")
    func lies() throws {
        var rig = try MeshRig(seed: 73)
        let (object, _) = try told(byteCount: 3_000, &rig) { endpoint, manifest, payload in
            var altered = payload
            altered[2_000] ^= 1
            endpoint.publish(manifest, payload: altered)
        }
        #expect(rig.endpoints[1].statistics.dropped[.badPush] == 1)
        ask(object, &rig)
        rig.run(for: .seconds(5))
        #expect(rig.events[1].last == .transferFailed(object, from: rig.id(0), .corrupt))
    }

    @Test("Of what nobody asks for the last four are kept; the others are fetched")
    func forgotten() throws {
        var rig = try MeshRig(seed: 74)
        try rig.connectPair()
        var objects: [ObjectID] = []
        for sequence in 0..<6 {
            let payload = rig.payload(byteCount: 2_000, seed: UInt64(sequence))
            let manifest = rig.manifest(by: 0, payload: payload, sequence: UInt64(sequence))
            objects.append(rig.endpoints[0].publish(manifest, payload: payload))
            rig.endpoints[0].announce(objects[sequence], to: rig.id(1), at: rig.time)
        }
        rig.run(for: .seconds(5))
        #expect(rig.endpoints[1].brokenBound == nil)
        for object in objects.reversed() { ask(object, &rig) }
        #expect(rig.events[1].compactMap(\.receivedPayload).count == 4)
        rig.run(for: .seconds(5))
        #expect(rig.events[1].compactMap(\.receivedPayload).count == 6)
    }

    @Test("While much waits for a peer it is offered, so that it holds nothing else up")
    func fullQueue() throws {
        var rig = try MeshRig(seed: 75)
        try rig.connectPair()
        rig.conditions.loss = 1
        for number in 0..<120 as Range<UInt8> { rig.endpoints[0].send(message: [number], to: rig.id(1), at: rig.time) }
        let payload = rig.payload(byteCount: 16_000)
        let object = rig.endpoints[0].publish(rig.manifest(by: 0, payload: payload), payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.conditions.loss = 0
        rig.run(for: .seconds(10)) { $0.events[1].contains { $0.announcedManifest != nil } }
        let count = rig.events[1].count
        ask(object, &rig)
        #expect(rig.events[1].count == count)
        rig.run(for: .seconds(10))
        #expect(rig.events[1].last?.receivedPayload == payload)
    }

    @Test("The frames are the page's", arguments: [40, 5_000])
    func frames(byteCount: Int) throws {
        let insiders = InsiderTests()
        var (rig, insider) = try insiders.insider(seed: 77)
        _ = insiders.answers(of: &rig)
        let payload = rig.payload(byteCount: byteCount)
        let manifest = rig.manifest(by: 1, payload: payload)
        rig.endpoints[1].publish(manifest, payload: payload)
        rig.endpoints[1].announce(manifest.id, to: rig.id(0), at: rig.time)
        let expected = HandmadePeer.pushBodies(manifest, payload: payload).enumerated().map {
            HandmadePeer.control(16, sequence: UInt64($0), body: $1)
        }
        let packets = try insiders.answers(of: &rig).map { try insider.frames(of: $0) }
        #expect(packets.count == expected.count)
        // The first may bring an acknowledgement, too.
        for (packet, frame) in zip(packets, expected) { #expect(packet.suffix(frame.count) == frame[...]) }
    }

    @Test("Pieces that are none do nothing")
    func badPieces() throws {
        let insiders = InsiderTests()
        var (rig, insider) = try insiders.insider(seed: 76)
        let payload = rig.payload(byteCount: 50)
        let signed = rig.manifest(by: 0, payload: payload).encoded
        let large = rig.manifest(by: 0, payload: rig.payload(byteCount: 16_385), sequence: 2).encoded
        let empty = rig.manifest(by: 0, payload: [], sequence: 3).encoded
        var forged = signed
        forged[forged.count - 1] ^= 1
        func beginning(_ signed: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
            [1] + HandmadePeer.little(UInt16(signed.count)) + signed + bytes
        }
        var sequence: UInt64 = 0
        func push(_ body: [UInt8]) {
            insiders.deliver(insider.packet(frames: HandmadePeer.control(16, sequence: sequence, body: body)), to: &rig)
            sequence += 1
        }
        // Nothing has begun; a manifest that is cut, forged, of too large a payload, of none; more bytes than the payload has.
        for body in [
            [0, 1], [1, 9], [1] + HandmadePeer.little(UInt16(signed.count + 1)) + signed, beginning(forged, payload),
            beginning(large, [1]), beginning(empty, []), beginning(signed, payload + [0]),
        ] { push(body) }
        #expect(rig.endpoints[1].statistics.dropped[.badPush] == 7)
        // Too many in the second piece; then that object is over.
        push(beginning(signed, Array(payload[..<20])))
        push([0] + payload[19...])
        push([0] + payload[20...])
        #expect(rig.endpoints[1].statistics.dropped[.badPush] == 9)
        #expect(rig.events[1] == [.connected(rig.id(0))])
        // A new beginning takes the place of one that is not whole; other frames may come between.
        push(beginning(signed, Array(payload[..<30])))
        push(beginning(signed, Array(payload[..<20])))
        insiders.deliver(insider.packet(frames: HandmadePeer.control(4, sequence: sequence, body: [7])), to: &rig)
        sequence += 1
        push([0] + payload[20..<49])
        push([0] + payload[49...])
        let manifest = try SignedManifest(encoded: signed)
        #expect(rig.events[1].suffix(2) == [.message(from: rig.id(0), [7]), .announced(from: rig.id(0), manifest)])
        rig.endpoints[1].request(manifest.id, from: rig.id(0), at: rig.time)
        rig.drain(1)
        #expect(rig.events[1].last == .received(from: rig.id(0), manifest, payload: payload))
        // A frame that does not keep to its layout ends the packet.
        for body in [[], [1], [2, 1]] as [[UInt8]] { push(body) }
        #expect(rig.endpoints[1].statistics.dropped[.badFrame] == 3)
    }
}
