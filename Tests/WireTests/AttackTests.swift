import Basics
import Cryptography
import TestSupport
import Testing
import Wire

@Suite("Attacks")
struct AttackTests {
    @Test("Another swarm secret gets no session")
    func wrongSecret() throws {
        let right = try SwarmSecret(name: "rig", seed: 7, secret: [1])
        let wrong = try SwarmSecret(name: "rig", seed: 7, secret: [2])
        var rig = try MeshRig(swarms: [right, wrong])
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(60))
        #expect(rig.events == [[], []])
        #expect(rig.endpoints[0].statistics.dropped[.badHandshake, default: 0] > 0)
    }

    @Test("Another swarm gets no answer at all")
    func wrongSwarm() throws {
        let right = try SwarmSecret(name: "rig", seed: 7)
        let wrong = try SwarmSecret(name: "rig", seed: 8)
        var rig = try MeshRig(swarms: [right, wrong])
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(60))
        #expect(rig.bytesSent[1] == 0)
        #expect(rig.endpoints[1].statistics.dropped[.badHandshake, default: 0] > 0)
    }

    @Test("A peer that is not on the allow list gets no answer at all")
    func stranger() throws {
        var rig = try MeshRig(count: 3)
        let known = RemotePeer(id: rig.id(2), exchangeKey: rig.keys[2].exchange.publicKey, address: nil)
        rig.endpoints[1] = ProtocolEndpoint(
            local: LocalPeer(rig.keys[1]), remotes: [known], swarm: rig.swarm, configuration: rig.configuration,
            handshakeTimestamp: 1, at: rig.time)
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(60))
        #expect(rig.bytesSent[1] == 0)
        #expect(rig.endpoints[1].statistics.dropped[.badHandshake, default: 0] > 5)
    }

    @Test("Garbage gets no answer at all, whatever its first byte")
    func garbage() throws {
        var rig = try MeshRig()
        for round in 0..<20_000 {
            var bytes = rig.generator.bytes(count: Int.random(in: 0..<1400, using: &rig.generator))
            if !bytes.isEmpty { bytes[0] = UInt8(round % 8) }
            let datagram = Datagram(address: MeshRig.address(0), bytes: bytes)
            rig.endpoints[1].receive(datagram, at: rig.time, using: &rig.generator)
            rig.drain(1)
        }
        #expect(rig.bytesSent[1] == 0)
        #expect(rig.endpoints[1].statistics.droppedTotal == 20_000)
        #expect(rig.events[1].isEmpty)
    }

    @Test("No answer to the unauthenticated is longer than its question")
    func amplification() throws {
        var rig = try MeshRig()
        rig.captures = true
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        rig.drain(0)
        let initiation = try #require(rig.captured.first?.datagram)
        #expect(initiation.bytes.count == 1200)
        rig.endpoints[1].receive(initiation, at: rig.time, using: &rig.generator)
        rig.drain(1)
        #expect(rig.bytesSent[1] == 100)
        // The same again, from anywhere: nothing.
        for host in 0..<100 {
            rig.time = rig.time + .milliseconds(50)
            let replayed = Datagram(address: MeshRig.address(host), bytes: initiation.bytes)
            rig.endpoints[1].receive(replayed, at: rig.time, using: &rig.generator)
            rig.drain(1)
        }
        #expect(rig.bytesSent[1] == 100)
        #expect(rig.endpoints[1].statistics.dropped[.staleInitiation] == 100)
    }

    /// Else its owner would be shut out until the clocks have passed it.
    @Test("A timestamp that no clock can show is not taken, nor one that was remembered", arguments: [false, true])
    func aTimestampFarAhead(isRemembered: Bool) throws {
        var rig = try MeshRig()
        rig.endpoints[1] = rig.makeEndpoint(1, timestamp: .max - 1_000_000)
        if isRemembered {
            let memory = EndpointMemory(stamps: [.init(peer: rig.id(1), timestamp: .max - 5)])
            rig.endpoints[0] = rig.makeEndpoint(0, timestamp: 2_000, memory: memory)
        } else {
            rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
            rig.run(for: .seconds(1))
            #expect(rig.endpoints[0].statistics.dropped[.futureInitiation, default: 0] > 0)
            #expect(rig.endpoints[0].statistics.handshakesCompleted == 0)
        }
        rig.endpoints[1] = rig.makeEndpoint(1, timestamp: 3_000)
        rig.endpoints[1].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        rig.run(for: .seconds(5))
        #expect(rig.events[0].contains(.connected(rig.id(1))))
    }

    @Test("Replaying every datagram, at once or later, applies nothing twice")
    func replay() throws {
        var configuration = WireConfiguration()
        configuration.datagramByteLimit = 1200
        var rig = try MeshRig(
            seed: 12, conditions: NetworkConditions(duplication: 0.5), configuration: configuration)
        rig.captures = true
        try rig.connectPair()
        for index in 0..<50 { rig.endpoints[0].send(message: [UInt8(index)], to: rig.id(1), at: rig.time) }
        let payload = rig.payload(byteCount: 300_000)
        let object = rig.endpoints[0].publish(rig.manifest(by: 0, payload: payload), payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(10))
        let events = rig.events
        #expect(events[1].compactMap(\.message).count == 50)
        #expect(events[1].compactMap(\.receivedPayload) == [payload])
        rig.captures = false
        for (to, datagram) in rig.captured + rig.captured.reversed() {
            rig.endpoints[to].receive(datagram, at: rig.time, using: &rig.generator)
            rig.drain(to)
        }
        rig.run(for: .seconds(20))
        #expect(rig.events == events)
        #expect(rig.endpoints[1].statistics.dropped[.replayed, default: 0] > 500)
        // The session still works, and what was captured does not work on the next one.
        rig.endpoints[1] = rig.makeEndpoint(1, timestamp: 9_000_000_000_000)
        rig.events = [[], []]
        for (to, datagram) in rig.captured where to == 1 {
            rig.endpoints[1].receive(datagram, at: rig.time, using: &rig.generator)
            rig.drain(1)
        }
        rig.run(for: .milliseconds(200))
        #expect(rig.events[1].isEmpty)
    }

    @Test("Every single altered byte of a data packet is refused")
    func alteredPackets() throws {
        var rig = try MeshRig()
        try rig.connectPair()
        rig.run(for: .seconds(1))
        rig.captures = true
        rig.endpoints[0].send(message: Array(0..<50), to: rig.id(1), at: rig.time)
        rig.drain(0)
        let packet = try #require(rig.captured.last?.datagram)
        for position in packet.bytes.indices where !(1...3).contains(position) {
            var altered = packet
            altered.bytes[position] ^= 1
            rig.endpoints[1].receive(altered, at: rig.time, using: &rig.generator)
            rig.drain(1)
        }
        #expect(rig.events[1].compactMap(\.message).isEmpty)
        rig.endpoints[1].receive(packet, at: rig.time, using: &rig.generator)
        rig.drain(1)
        #expect(rig.events[1].compactMap(\.message) == [Array(0..<50)])
    }

    @Test("A hundred thousand mutated datagrams: no trap, no event that was not sent")
    func mutationFuzz() throws {
        var rig = try MeshRig(seed: 77)
        rig.captures = true
        try rig.connectPair()
        let payload = rig.payload(byteCount: 100_000)
        let object = rig.endpoints[0].publish(rig.manifest(by: 0, payload: payload), payload: payload)
        rig.endpoints[0].announce(object, to: rig.id(1), at: rig.time)
        rig.run(for: .seconds(1))
        rig.endpoints[1].request(object, from: rig.id(0), at: rig.time)
        rig.run(for: .seconds(10))
        let events = rig.events
        let samples = rig.captured
        rig.captures = false
        for _ in 0..<100_000 {
            var (to, datagram) = samples[Int.random(in: 0..<samples.count, using: &rig.generator)]
            mutate(&datagram.bytes, using: &rig.generator)
            rig.endpoints[to].receive(datagram, at: rig.time, using: &rig.generator)
            rig.drain(to)
        }
        #expect(rig.events == events)
    }
}

/// One to four random changes: a byte, a cut, an insertion, a copied stretch.
func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
        guard !bytes.isEmpty else { return }
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[position] ^= UInt8.random(in: 1...255, using: &generator)
        case 1: bytes[position] = [0, 1, 0x7f, 0x80, 0xff][Int.random(in: 0..<5, using: &generator)]
        case 2: bytes.removeSubrange(position...)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
        default:
            let end = Int.random(in: position..<bytes.count, using: &generator)
            bytes.append(contentsOf: Array(bytes[position...end]))
        }
    }
}
