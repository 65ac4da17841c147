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

    /// Neighbours hear of a peer that trains for long every two seconds, and of one that has other things to say not more.
    @Test func heartbeatsAreFew() throws {
        let (quick, slow) = (try Self.run("ring", slow: .seconds(1)), try Self.run("ring", slow: .seconds(12)))
        // Three rounds of eleven seconds more, one heartbeat to each of eight neighbours every two seconds, with what
        // acknowledges them and keeps sessions alive.
        #expect(slow.datagrams - quick.datagrams < 3 * 11 * 8 * 2)
        #expect(slow.datagrams - quick.datagrams > 3 * 11 * 2 / 2)
    }
}
