import Basics
import Federation
import Testing

/// A slow peer is not a mute one: it says that it is at work.
@Suite struct HeartbeatTests {
    static func run(_ graph: String, slow: Duration, rounds: Int = 3) throws -> VirtualSwarm {
        var swarm = try VirtualSwarm(graph: graph, count: 4, seed: 6, rounds: rounds)
        swarm.members[2].trainingTime = slow
        try swarm.startAll()
        let stopped = swarm.run()
        #expect(stopped)
        return swarm
    }

    /// Twelve times slower than the others, and slower than a mute peer is waited for.
    @Test(arguments: ["ring", "complete"]) func aSlowPeerIsWaitedFor(graph: String) throws {
        let swarm = try Self.run(graph, slow: .seconds(12))
        for index in swarm.members.indices {
            for kind in swarm.kinds(index) {
                guard case .mixed(_, _, _, let absent, _) = kind else { continue }
                #expect(absent.isEmpty, "peer \(index)")
            }
        }
    }

    /// Neighbours hear of a peer that trains for long four times a second at first and every two seconds later, and of one
    /// that has other things to say not more.
    @Test func heartbeatsAreFew() throws {
        let (quick, slow) = (try Self.run("ring", slow: .seconds(1)), try Self.run("ring", slow: .seconds(12)))
        // In the first 24 seconds 12 + 12 ln 8 heartbeats on each of eight ways, then one every two seconds until the end
        // of the 36th; with what acknowledges them and keeps sessions alive.
        let heartbeats = 12 + 25 + 6
        #expect(slow.datagrams - quick.datagrams < heartbeats * 8 * 2)
        #expect(slow.datagrams - quick.datagrams > heartbeats * 2)
    }
}
