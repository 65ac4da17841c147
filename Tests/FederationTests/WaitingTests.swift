import Basics
import Federation
import Testing
import Wire

/// What a peer says while it waits.
@Suite struct WaitingTests {
    /// The waits that a peer told, each with its moment.
    static func waits(_ swarm: VirtualSwarm, _ index: Int) -> [(time: MonotonicTime, kind: PeerEvent.Kind)] {
        swarm.members[index].events.compactMap { event in
            if case .waiting = event.kind { (event.time, event.kind) } else { nil }
        }
    }

    @Test func itSaysForWhomAndWhereAndHowLongStill() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 3)
        try swarm.start(0)
        try swarm.start(1)
        swarm.run(for: .seconds(30))
        let waits = Self.waits(swarm, 0)
        #expect(waits.count >= 4)
        for (earlier, later) in zip(waits, waits.dropFirst()) { #expect(later.time - earlier.time >= .seconds(5)) }
        guard
            case .waiting(let round, let awaited, let addresses, let unheard, let strangers, let left)? = waits.first?
                .kind
        else { return }
        #expect(round == 0 && awaited == [swarm.id(2)] && unheard == [swarm.id(2)])
        #expect(addresses == "10.0.0.1:9002" && strangers == 0)
        #expect(left > .seconds(40) && left <= .seconds(60))
        if case .waiting(_, _, _, _, _, let later) = waits[2].kind { #expect(later < left - .seconds(9)) }
    }

    @Test("Who came and went without a sign of work is waited for as if it had not been there")
    func aVisitChangesNothing() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 3)
        try swarm.start(0)
        try swarm.start(1)
        swarm.after(.seconds(5)) { swarm in
            try? swarm.start(2)
            swarm.after(.milliseconds(200)) { swarm in
                swarm.members[2].core!.leave(at: swarm.time, using: &swarm.generator)
                swarm.drain(2)
            }
        }
        swarm.run(for: .seconds(50))
        let came = swarm.kinds(0).contains { if case .connected(swarm.id(2)) = $0 { true } else { false } }
        let went = swarm.kinds(0).contains { if case .disconnected(swarm.id(2), "closed") = $0 { true } else { false } }
        #expect(came && went)
        // A minute after the start they still wait.
        guard case .waiting(let round, let awaited, _, let unheard, _, let left)? = Self.waits(swarm, 0).last?.kind
        else {
            Issue.record("nothing was told")
            return
        }
        #expect(round == 0 && awaited == [swarm.id(2)] && unheard == awaited && left < .seconds(20))
        #expect(!swarm.kinds(0).contains { if case .mixed = $0 { true } else { false } })
    }

    @Test func whoDoesNotWaitSaysNothing() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 5)
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(600))
        #expect(stopped)
        for index in 0..<5 { #expect(Self.waits(swarm, index).isEmpty) }
    }

    @Test("Datagrams that fit neither key, secret nor swarm are told") func strangersAreTold() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 3)
        try swarm.start(0)
        try swarm.start(1)
        swarm.after(.seconds(1)) { swarm in
            // As long and of the type of a first message, and none.
            for step in 0..<3 {
                let bytes = [1, 0, 0, 0] + [UInt8](repeating: UInt8(step), count: 1196)
                let address = NetworkAddress(host: "10.0.0.1", port: 9002)
                swarm.members[0].core!.receive(
                    Datagram(address: address, bytes: bytes), at: swarm.time, using: &swarm.generator)
            }
            swarm.drain(0)
        }
        swarm.run(for: .seconds(20))
        let told = Self.waits(swarm, 0).last?.kind
        guard case .waiting(_, _, _, _, let strangers, _)? = told else {
            Issue.record("nothing was told")
            return
        }
        #expect(strangers == 3)
    }

    @Test func sharesAreToldWhenTheyChange() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 3, rounds: 6)
        try swarm.startAll()
        swarm.run(for: .seconds(600))
        let shares = swarm.kinds(0).compactMap { kind in
            if case .shares(_, let shares) = kind { shares } else { nil }
        }
        #expect(shares.count == 1, "nothing changes where everybody is there")
        #expect(shares.first?.map(\.peer) == [swarm.id(1), swarm.id(2)].sorted())
        #expect(shares.first?.allSatisfy { $0.share > 0 && $0.share < 1 } == true)
    }
}
