import Basics
import Cryptography
import Testing
import Wire

@Suite("Peer records: where peers say that they are")
struct PeerRecordTests {
    /// Peers that tell where they are, all in session with each other.
    private func mesh(_ count: Int, seed: UInt64, tells: Bool = true) throws -> MeshRig {
        var rig = try MeshRig(count: count, seed: seed)
        for index in 0..<count {
            rig.endpoints[index] = rig.makeEndpoint(
                index, timestamp: 1_000, listening: tells ? [MeshRig.address(index)] : [])
            for peer in 0..<count where peer != index {
                rig.endpoints[index].connect(to: rig.id(peer), at: rig.time, using: &rig.generator)
            }
        }
        let connected = rig.run(for: .seconds(30)) {
            $0.events.allSatisfy { $0.count { $0.connectedPeer != nil } == count - 1 }
        }
        try #require(connected)
        return rig
    }

    private static let elsewhere = NetworkAddress(host: "10.9.9.9", port: 4242)

    private func record(
        of index: Int, in rig: MeshRig, sequence: UInt64 = 5_000_000_000_000, life: UInt32 = 3600,
        addresses: [NetworkAddress] = [elsewhere], change: (inout PeerRecord.Content) -> Void = { _ in }
    ) -> PeerRecord {
        var content = PeerRecord.Content(
            swarm: rig.swarm.identifier, peer: rig.id(index), exchangeKey: rig.keys[index].exchange.publicKey,
            sequence: sequence, life: life, addresses: addresses)
        change(&content)
        return PeerRecord(content, signedWith: rig.keys[index].signing)
    }

    @Test("A record is read as it was written, and nothing else is")
    func layout() throws {
        let rig = try MeshRig(seed: 71)
        let right = record(of: 0, in: rig, addresses: [Self.elsewhere, NetworkAddress(host: "2001:db8::1", port: 1)])
        #expect(PeerRecord(encoded: right.encoded) == right)
        for position in right.encoded.indices {
            var altered = right.encoded
            altered[position] ^= 1
            #expect(PeerRecord(encoded: altered) == nil)
        }
        for count in right.encoded.indices { #expect(PeerRecord(encoded: Array(right.encoded[..<count])) == nil) }
    }

    @Test("Who was started again at another address is found by those that it does not know how to reach")
    func restartedElsewhere() throws {
        var rig = try mesh(4, seed: 72)
        // Its process ends without a word, and comes back elsewhere; it asks only the first neighbour.
        rig.addresses[0] = Self.elsewhere
        rig.endpoints[0] = rig.makeEndpoint(0, timestamp: 1_000_000_000_000, listening: [Self.elsewhere])
        rig.events = Array(repeating: [], count: 4)
        rig.endpoints[0].connect(to: rig.id(1), at: rig.time, using: &rig.generator)
        let isFound = rig.run(for: .seconds(20)) { rig in
            (1..<4).allSatisfy { rig.events[$0].contains(.connected(rig.id(0))) }
        }
        #expect(isFound)
        for index in 1..<4 {
            #expect(rig.endpoints[index].record(of: rig.id(0))?.content.addresses == [Self.elsewhere])
        }
        // And who is started anew itself remembers where it was.
        let memory = try #require(EndpointMemory(encoded: rig.endpoints[2].memory.encoded))
        #expect(memory == rig.endpoints[2].memory && memory.records.count == 1)
        rig.endpoints[2] = rig.makeEndpoint(
            2, timestamp: 2_000_000_000_000, memory: memory, listening: [MeshRig.address(2)])
        rig.events[2] = []
        rig.endpoints[2].connect(to: rig.id(0), at: rig.time, using: &rig.generator)
        rig.run(for: .milliseconds(100))
        #expect(rig.events[2] == [.connected(rig.id(0))])
    }

    @Test("Who moves in mid-session tells everyone, and who comes back home takes the news back")
    func movedAndBack() throws {
        var rig = try mesh(3, seed: 73)
        rig.addresses[0] = Self.elsewhere
        rig.endpoints[0].listens(at: [Self.elsewhere], at: rig.time)
        rig.run(for: .seconds(2))
        for index in 1..<3 {
            #expect(rig.endpoints[index].record(of: rig.id(0))?.content.addresses == [Self.elsewhere])
        }
        rig.addresses[0] = MeshRig.address(0)
        rig.endpoints[0].listens(at: [MeshRig.address(0)], at: rig.time)
        rig.run(for: .seconds(2))
        for index in 1..<3 { #expect(rig.endpoints[index].record(of: rig.id(0)) == nil, "the list says it") }
    }

    @Test("A newer record takes an older one's place; old, expired, forged and foreign ones are refused")
    func refused() throws {
        var rig = try mesh(3, seed: 74)
        let other = NetworkAddress(host: "10.8.8.8", port: 1)
        func present(_ rig: MeshRig) -> [NetworkAddress]? { rig.endpoints[1].record(of: rig.id(0))?.content.addresses }
        func tell(_ bytes: [UInt8], _ rig: inout MeshRig) {
            rig.endpoints[2].tell(record: bytes, to: rig.id(1))
            rig.run(for: .milliseconds(1100))
        }
        tell(record(of: 0, in: rig, sequence: 9_000).encoded, &rig)
        #expect(present(rig) == nil, "its own first record is newer")
        tell(record(of: 0, in: rig).encoded, &rig)
        #expect(present(rig) == [Self.elsewhere])
        let refused = rig.endpoints[1].statistics.dropped[.badRecord, default: 0]
        #expect(refused == 0)
        var bad: [[UInt8]] = []
        bad.append(record(of: 0, in: rig, sequence: 6_000_000_000_001, addresses: [other]) { $0.swarm[0] ^= 1 }.encoded)
        bad.append(
            record(of: 0, in: rig, sequence: 6_000_000_000_002, addresses: [other]) { $0.exchangeKey[0] ^= 1 }.encoded)
        var forged = record(of: 0, in: rig, sequence: 6_000_000_000_003, addresses: [other]).encoded
        forged[forged.count - 1] ^= 1
        bad.append(forged)
        bad.append([])
        for bytes in bad { tell(bytes, &rig) }
        #expect(present(rig) == [Self.elsewhere])
        #expect(rig.endpoints[1].statistics.dropped[.badRecord, default: 0] == 4)
        // Older than what is known, or of somebody who is not known: nothing happens.
        tell(record(of: 0, in: rig, sequence: 4_000_000_000_000, addresses: [other]).encoded, &rig)
        var strange = try MeshRig(count: 2, seed: 75)
        strange.time = rig.time
        tell(record(of: 0, in: strange) { $0.swarm = rig.swarm.identifier }.encoded, &rig)
        #expect(present(rig) == [Self.elsewhere])
        #expect(rig.endpoints[1].statistics.dropped[.badRecord, default: 0] == 4)
        tell(record(of: 0, in: rig, sequence: 7_000_000_000_000, addresses: [other]).encoded, &rig)
        #expect(present(rig) == [other])
    }

    @Test("A record that has expired is neither taken, told nor followed")
    func expired() throws {
        var rig = try mesh(3, seed: 76)
        // Made on the rig's clock a moment ago, for three seconds.
        let short = record(of: 0, in: rig, sequence: UInt64(rig.time.nanoseconds) + 500, life: 3)
        rig.endpoints[2].tell(record: short.encoded, to: rig.id(1))
        rig.run(for: .seconds(1))
        #expect(rig.endpoints[1].record(of: rig.id(0)) == short)
        rig.run(for: .seconds(5))
        rig.endpoints[1].tell(record: short.encoded, to: rig.id(2))
        rig.run(for: .seconds(1))
        #expect(rig.endpoints[2].record(of: rig.id(0)) == nil)
        #expect(rig.endpoints[2].statistics.dropped[.badRecord] == 1)
    }

    @Test("Where nobody moves, records cost no datagram; who moves all the time is passed on once a second")
    func cost() throws {
        func datagrams(tells: Bool) throws -> UInt64 {
            var rig = try mesh(5, seed: 77, tells: tells)
            rig.run(for: .seconds(300))
            return rig.endpoints.reduce(0) { $0 + $1.statistics.datagramsSent }
        }
        let (with, without) = (try datagrams(tells: true), try datagrams(tells: false))
        #expect(Double(with) <= Double(without) * 1.02)

        var rig = try mesh(4, seed: 78)
        let before = rig.endpoints[1].statistics.datagramsSent
        for step in 0..<1000 as Range<UInt64> {
            let restless = record(
                of: 0, in: rig, sequence: 5_000_000_000_000 + step,
                addresses: [NetworkAddress(host: "10.7.7.7", port: UInt16(1 + step))])
            rig.endpoints[0].tell(record: restless.encoded, to: rig.id(1))
            rig.run(for: .milliseconds(10))
        }
        #expect(rig.endpoints[1].statistics.dropped[.badRecord, default: 0] >= 980)
        // Acknowledgements to the restless one, and eleven at most to each of the others.
        let sent = rig.endpoints[1].statistics.datagramsSent - before
        #expect(sent < 1100)
    }
}
