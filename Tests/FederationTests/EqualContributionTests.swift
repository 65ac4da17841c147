import Adapters
import Basics
import Federation
import Testing
import Wire

/// A contribution that is the peer's own to the last bit is not fetched.
@Suite struct EqualContributionTests {
    private func fetched(_ swarm: VirtualSwarm, by peer: Int) -> [(from: Int, round: Int, bytes: Int)] {
        swarm.kinds(peer).compactMap { kind in
            guard case .contributionReceived(let from, let round, let bytes, _) = kind else { return nil }
            return (swarm.members.indices.first { swarm.id($0) == from }!, round, bytes)
        }
    }

    /// Who trains alone is fetched from; those that stay where they are are equal, and so is everybody in the end.
    @Test(arguments: [0, 16_384]) func onlyWhatDiffersIsFetched(pushed: Int) throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 4, seed: 3, rounds: 1, unequal: false, rows: 40)
        swarm.wire.pushByteLimit = pushed
        for peer in 1..<4 { swarm.members[peer].idles = true }
        try swarm.startAll()
        let began = swarm.time
        try swarm.expectToAgree()
        // Nobody waits for a neighbour to fetch what it has already.
        #expect(swarm.time - began < .seconds(20))
        let first = (0..<4).map { peer in
            Dictionary(
                fetched(swarm, by: peer).filter { $0.round == 0 }.map { ($0.from, $0.bytes) }, uniquingKeysWith: max)
        }
        for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let bytes = [try #require(first[one][other]), try #require(first[other][one])]
            // Who publishes later has fetched the other's by then.
            if one == 0 { #expect(bytes.min()! > 0) } else { #expect(bytes.min() == 0, "\(one) and \(other)") }
        }
        let finals = swarm.finals(0..<4)
        #expect(finals[0].norm > 0)
        let ideal = swarm.ideal(0..<4)
        // The one that trained counts a quarter.
        #expect(finals[0].norm < ideal.norm)
    }

    /// All stay where they are: nothing is fetched at all, with loss and a restart in between.
    @Test(arguments: [0, 0.1]) func whatNobodyChangesNobodyFetches(loss: Double) throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 4, seed: 4, rounds: 6, loss: loss, rows: 40)
        for peer in 0..<4 { swarm.members[peer].idles = true }
        try swarm.startAll()
        swarm.crash(2, after: .milliseconds(3300), keepsDisk: true, for: .seconds(2))
        let isDone = swarm.run(for: .seconds(600))
        #expect(isDone)
        for peer in [0, 1, 3] {
            let later = fetched(swarm, by: peer).filter { $0.round > 0 }
            let bytes = later.reduce(0) { $0 + $1.bytes }
            #expect(later.count > 12 && bytes == 0, "\(peer): \(bytes) bytes")
        }
        #expect(swarm.finals(0..<4).count == 4)
    }
}
