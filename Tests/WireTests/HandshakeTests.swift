import Basics
import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Sessions")
struct HandshakeTests {
    @Test func aPairConnectsInOneRoundTrip() throws {
        var rig = try MeshRig()
        let start = rig.time
        try rig.connectPair()
        // Initiation, response, and the first packet: three crossings of five milliseconds.
        #expect(rig.time - start == .milliseconds(15))
        rig.endpoints[0].send(message: [1, 2, 3], to: rig.id(1), at: rig.time)
        rig.endpoints[1].send(message: [4], to: rig.id(0), at: rig.time)
        rig.run(for: .seconds(1))
        #expect(rig.events[1].compactMap(\.message) == [[1, 2, 3]])
        #expect(rig.events[0].compactMap(\.message) == [[4]])
    }

    @Test("Two that begin at once end with one association each", arguments: 1...20 as ClosedRange<UInt64>)
    func simultaneousOpen(seed: UInt64) throws {
        var rig = try MeshRig(seed: seed, conditions: NetworkConditions(jitter: .milliseconds(10), loss: 0.1))
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        rig.endpoints[0].send(message: [7], to: rig.id(1), at: rig.time)
        rig.endpoints[1].send(message: [8], to: rig.id(0), at: rig.time)
        rig.run(for: .seconds(60))
        #expect(rig.events[0] == [.connected(rig.id(1)), .message(from: rig.id(1), [8])])
        #expect(rig.events[1] == [.connected(rig.id(0)), .message(from: rig.id(0), [7])])
    }

    @Test func messagesKeepTheirOrderUnderLoss() throws {
        var rig = try MeshRig(
            seed: 8, conditions: NetworkConditions(jitter: .milliseconds(20), loss: 0.3, duplication: 0.2))
        try rig.connectPair()
        let messages = (0..<200).map { index in [UInt8(index), 1, 2] + Array(repeating: 0, count: index * 4) }
        for message in messages {
            #expect(rig.endpoints[0].send(message: message, to: rig.id(1), at: rig.time) == true)
        }
        rig.run(for: .seconds(120))
        #expect(rig.events[1].compactMap(\.message) == messages)
    }

    @Test func limitsOfMessages() throws {
        var rig = try MeshRig()
        let tooLong = [UInt8](repeating: 0, count: 1001)
        let peer = rig.id(1)
        let stranger = PeerID(bytes: Array(repeating: 9, count: 32))!
        let refused = [
            rig.endpoints[0].send(message: tooLong, to: peer, at: rig.time),
            rig.endpoints[0].send(message: [1], to: stranger, at: rig.time),
        ]
        #expect(refused == [false, false])
        let taken = (0..<300).map { _ in rig.endpoints[0].send(message: [1], to: peer, at: rig.time) }
        #expect(taken.count { $0 } == 256)
    }

    @Test("Sessions are renewed every two minutes, without a word to the layer above")
    func rekey() throws {
        var rig = try MeshRig(seed: 3, conditions: NetworkConditions(loss: 0.1))
        try rig.connectPair()
        for index in 0..<100 {
            rig.endpoints[index % 2].send(message: [UInt8(index)], to: rig.id(1 - index % 2), at: rig.time)
            rig.run(for: .seconds(7))
        }
        #expect(rig.endpoints[0].statistics.handshakesCompleted >= 6)
        let odd: [[UInt8]] = stride(from: 1, to: 100, by: 2).map { [UInt8($0)] }
        let even: [[UInt8]] = stride(from: 0, to: 100, by: 2).map { [UInt8($0)] }
        #expect(rig.events[0].compactMap(\.message) == odd)
        #expect(rig.events[1].compactMap(\.message) == even)
        #expect(!rig.events[0].contains(.disconnected(rig.id(1), .idle)))
    }

    @Test("A session is renewed after its number of packets")
    func rekeyByCount() throws {
        var configuration = WireConfiguration()
        configuration.rekeyAfterPackets = 200
        configuration.datagramByteLimit = 1200
        var rig = try MeshRig(configuration: configuration)
        try rig.connectPair()
        let payload = rig.payload(byteCount: 2_000_000)
        let object = rig.endpoints[0].publish(rig.manifest(by: 0, payload: payload), payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(30))
        #expect(rig.events[1].compactMap(\.receivedPayload) == [payload])
        #expect(rig.endpoints[0].statistics.handshakesCompleted > 2)
    }

    @Test("A peer that begins anew is taken back, and what was before is forgotten", arguments: [0, 1])
    func restart(who: Int) throws {
        var rig = try MeshRig(seed: 6)
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        try rig.connectPair()
        rig.endpoints[0].send(message: [1], to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        rig.events = [[], []]
        rig.endpoints[who] = rig.makeEndpoint(who, timestamp: 5_000_000_000)
        let other = 1 - who
        rig.endpoints[who].connect(to: rig.id(other), at: rig.time, using: &rig.generator)
        rig.endpoints[who].send(message: [2], to: rig.id(other), at: rig.time)
        rig.run(for: .seconds(5))
        #expect(
            rig.events[other] == [
                .disconnected(rig.id(who), .restarted), .connected(rig.id(who)), .message(from: rig.id(who), [2]),
            ])
        rig.endpoints[other].send(message: [3], to: rig.id(who), at: rig.time)
        rig.run(for: .seconds(5))
        #expect(rig.events[who] == [.connected(rig.id(other)), .message(from: rig.id(other), [3])])
    }

    @Test("A peer that comes back without connecting is found by the one that wants it")
    func silentRestart() throws {
        var rig = try MeshRig(seed: 6)
        try rig.connectPair()
        rig.run(for: .seconds(1))
        rig.endpoints[1] = rig.makeEndpoint(1, timestamp: 5_000_000_000)
        rig.events = [[], []]
        rig.run(for: .seconds(30))
        #expect(rig.events[0] == [.disconnected(rig.id(1), .restarted), .connected(rig.id(1))])
        #expect(rig.events[1] == [.connected(rig.id(0))])
    }

    @Test("Silence ends the association; the handshake is tried until the network is back")
    func outage() throws {
        var rig = try MeshRig(seed: 2)
        try rig.connectPair()
        rig.conditions.loss = 1
        rig.run(for: .seconds(100))
        #expect(rig.events[0].last == .disconnected(rig.id(1), .idle))
        #expect(rig.events[1].last == .disconnected(rig.id(0), .idle))
        rig.conditions.loss = 0
        rig.run(for: .seconds(10))
        #expect(rig.events[0].last == .connected(rig.id(1)))
        #expect(rig.events[1].last == .connected(rig.id(0)))
    }

    @Test func goodbye() throws {
        var rig = try MeshRig()
        try rig.connectPair()
        rig.endpoints[1].close(at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(1))
        #expect(rig.events[0].last == .disconnected(rig.id(1), .closed))
        let sent = rig.bytesSent[1]
        rig.run(for: .seconds(100))
        #expect(rig.bytesSent[1] == sent)
        #expect(rig.endpoints[1].nextDeadline == nil)
    }

    @Test("An idle pair says little: only keepalives")
    func idleTraffic() throws {
        var rig = try MeshRig()
        try rig.connectPair()
        let before = rig.endpoints[0].statistics.datagramsSent
        rig.run(for: .seconds(100))
        #expect(rig.endpoints[0].statistics.datagramsSent - before < 40)
        #expect(!rig.events[0].contains(.disconnected(rig.id(1), .idle)))
    }
}
