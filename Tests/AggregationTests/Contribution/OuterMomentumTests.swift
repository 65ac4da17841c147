import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// Peers of a graph that take drawn local steps and exchange by pipelines with outer momentum.
private struct OuterSwarm {
    static let schema = AdapterSchema(tensors: [.init(name: "a", rows: 6, columns: 20)])

    let neighbours: [[Int]]
    let samples: [Int]
    let outer: OuterMomentum
    var pipelines: [ExchangePipeline]
    var deltas: [AdapterDelta]
    private(set) var number = 0
    private var sequence: UInt64 = 0

    init(neighbours: [[Int]], compression: ExchangePolicy.Compression, outer: OuterMomentum, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.neighbours = neighbours
        self.outer = outer
        samples = neighbours.map { _ in Int.random(in: 50...400, using: &generator) }
        var policy = ExchangePolicy(
            mixing: .metropolis, weights: .samples, factors: .both, compression: compression, robustness: .none)
        policy.outer = outer
        pipelines = neighbours.map { _ in ExchangePipeline(policy, schema: Self.schema) }
        deltas = neighbours.map { _ in AdapterDelta(zeroOf: Self.schema) }
    }

    static func id(_ peer: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(peer + 1), count: 32))! }

    func round(of peer: Int, settling: Bool = false) -> MixingRound {
        let members = neighbours[peer].map { Roster.Member(id: Self.id($0), place: $0, degree: neighbours[$0].count) }
        let roster = Roster(
            place: peer, sampleCount: samples[peer], swarmCount: neighbours.count, depth: 3, members: members)
        return MixingRound(number: number, isSettling: settling, weight: samples[peer], roster: roster)
    }

    func weighted(_ vectors: [[Float]]) -> [Double] {
        let total = Double(samples.reduce(0, +))
        return (0..<Self.schema.count).map { index in
            zip(samples, vectors).reduce(0.0) { $0 + Double($1.0) / total * Double($1.1[index]) }
        }
    }

    var mean: [Double] { weighted(deltas.map(\.values)) }

    /// How far the peers are from their mean, at most.
    var spread: Double {
        let mean = mean
        return deltas.map { delta in
            zip(delta.values, mean).reduce(0.0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }.squareRoot()
        }.max() ?? 0
    }

    /// One round: each peer takes its local change, then all mix. An edge of `broken` carries nothing either way.
    mutating func exchange(_ changes: [[Float]], broken: Set<Set<Int>> = [], settling: Bool = false) throws {
        var made: [[ExchangePipeline.Outgoing]] = []
        for peer in pipelines.indices {
            var after = deltas[peer]
            for index in after.values.indices { after[index] += changes[peer][index] }
            deltas[peer] = pipelines[peer].stepped(from: deltas[peer], to: after)
            let present = neighbours[peer].filter { !broken.contains([peer, $0]) }.map(Self.id)
            made.append(
                pipelines[peer].outgoing(deltas[peer], in: round(of: peer, settling: settling), present: present))
            for other in present { pipelines[peer].offered(to: other) }
            // Also where the copy before the first one, which everybody has, stands for nothing that was sent.
            for other in neighbours[peer] where broken.contains([peer, other]) {
                pipelines[peer].lost(Self.id(other))
            }
        }
        sequence += 1
        var after: [AdapterDelta] = []
        for peer in pipelines.indices {
            var heard: [HeardShare] = []
            for other in neighbours[peer] where !broken.contains([peer, other]) {
                let found = try #require(made[other].last { $0.audience.includes(Self.id(peer)) })
                let opened = try pipelines[peer].open(
                    found.payload, encoding: found.encoding, sequence: sequence, round: number, from: Self.id(other))
                heard.append(
                    HeardShare(origin: Self.id(other), round: number, weight: samples[other], delta: opened.delta))
            }
            let round = round(of: peer, settling: settling)
            let mixed = pipelines[peer].mix(deltas[peer], with: heard, in: round).delta
            after.append(pipelines[peer].carried(mixed, from: deltas[peer], in: round))
        }
        deltas = after
        number += 1
    }
}

@Suite struct OuterMomentumTests {
    private static let graphs: [String: [[Int]]] = [
        "ring": (0..<8).map { [($0 + 7) % 8, ($0 + 1) % 8].sorted() },
        "cube": (0..<8).map { peer in [1, 2, 4].map { peer ^ $0 }.sorted() },
        "complete": (0..<8).map { peer in (0..<8).filter { $0 != peer } },
    ]

    private static func outer(_ momentum: Double, _ rate: Double) -> OuterMomentum {
        var outer = OuterMomentum()
        (outer.momentum, outer.rate) = (momentum, rate)
        return outer
    }

    /// DiLoCo's outer optimiser as PyTorch has it (SGD with Nesterov's momentum, learning rate η, on minus the mean change):
    /// another form of the same numbers, in which nothing of ours occurs.
    private struct DiLoCo {
        var parameters: [Double]
        var buffer: [Double]
        let outer: OuterMomentum

        mutating func step(_ change: [Double]) {
            for index in parameters.indices {
                buffer[index] = outer.momentum * buffer[index] - change[index]
                parameters[index] -= outer.rate * (outer.momentum * buffer[index] - change[index])
            }
        }
    }

    /// The mean of all peers goes as DiLoCo's server would go, on any graph, whatever copies are rounded to, and where edges
    /// fail that both ends know of.
    @Test(
        arguments: ["ring", "cube", "complete"], [.none, .bf16, .int4, .differences] as [ExchangePolicy.Compression])
    func theMeanGoesAsOneAveragedRun(graph: String, compression: ExchangePolicy.Compression) throws {
        for (momentum, rate) in [(0.5, 1.0), (0.9, 0.7), (0.0, 0.6)] {
            let outer = Self.outer(momentum, rate)
            var swarm = OuterSwarm(neighbours: Self.graphs[graph]!, compression: compression, outer: outer, seed: 4)
            let count = OuterSwarm.schema.count
            var server = DiLoCo(
                parameters: [Double](repeating: 0, count: count), buffer: [Double](repeating: 0, count: count),
                outer: outer)
            var generator = SeededGenerator(seed: 9)
            for number in 0..<20 {
                // Steps that depend on where a peer is, and peers that rest.
                let changes = swarm.deltas.enumerated().map { peer, delta in
                    delta.values.map { value in
                        (number + peer).isMultiple(of: 5) ? 0 : 0.3 * (Float(generator.normal()) - value)
                    }
                }
                let broken: Set<Set<Int>> = number.isMultiple(of: 3) ? [[0, 1], [4, 5]] : []
                server.step(swarm.weighted(changes))
                try swarm.exchange(changes, broken: broken)
                let distance = zip(swarm.mean, server.parameters).reduce(0.0) { max($0, abs($1.0 - $1.1)) }
                #expect(distance < 2e-5, "round \(number), momentum \(momentum), rate \(rate)")
            }
        }
    }

    /// Without steps peers come together however much momentum there is, also where the mixing matrix has negative
    /// eigenvalues (cube), which the form that mixes what is extrapolated does not.
    @Test(arguments: ["ring", "cube", "complete"], [0.3, 0.5, 0.9]) func peersComeTogether(
        graph: String, momentum: Double
    ) throws {
        var swarm = OuterSwarm(
            neighbours: Self.graphs[graph]!, compression: .none, outer: Self.outer(momentum, 1), seed: 4)
        var generator = SeededGenerator(seed: 2)
        let nothing = swarm.deltas.map { $0.values.map { _ in Float(0) } }
        try swarm.exchange(swarm.deltas.map { $0.values.map { _ in Float(generator.normal()) } })
        let spread = swarm.spread
        for _ in 0..<250 { try swarm.exchange(nothing) }
        #expect(swarm.spread < 1e-4 * spread, "\(swarm.spread) of \(spread)")
    }

    /// On a sparse graph momentum brings peers together in fewer rounds (heavy-ball gossip).
    @Test func aRingComesTogetherFaster() throws {
        func rounds(_ momentum: Double) throws -> Int {
            let ring = (0..<16).map { [($0 + 15) % 16, ($0 + 1) % 16].sorted() }
            var swarm = OuterSwarm(neighbours: ring, compression: .none, outer: Self.outer(momentum, 1), seed: 4)
            var generator = SeededGenerator(seed: 2)
            let nothing = swarm.deltas.map { $0.values.map { _ in Float(0) } }
            try swarm.exchange(swarm.deltas.map { $0.values.map { _ in Float(generator.normal()) } })
            let spread = swarm.spread
            while swarm.spread > 1e-3 * spread, swarm.number < 3000 { try swarm.exchange(nothing) }
            return swarm.number
        }
        let (without, with) = (try rounds(0), try rounds(0.6))
        #expect(2 * with < without && without < 3000, "\(with) against \(without) rounds")
    }

    @Test func whoHasNoneChangesNoBit() {
        var pipeline = ExchangePipeline(ExchangePolicy(), schema: OuterSwarm.schema)
        let swarm = OuterSwarm(neighbours: [[1], [0]], compression: .none, outer: Self.outer(0.5, 1), seed: 1)
        var (start, end) = (swarm.deltas[0], swarm.deltas[0])
        start[3] = 0.1
        end[3] = 0.7
        #expect(pipeline.stepped(from: start, to: end) == end)
        let carried = pipeline.carried(start, from: end, in: swarm.round(of: 0))
        #expect(carried == start)
        #expect(pipeline.state.isEmpty)
    }

    /// What is kept survives a restart to the last bit, is refused where it is damaged, and is not kept in settling.
    @Test func itsStateIsKept() throws {
        var swarm = OuterSwarm(
            neighbours: Self.graphs["ring"]!, compression: .none, outer: Self.outer(0.8, 0.9), seed: 4)
        var generator = SeededGenerator(seed: 2)
        #expect(swarm.pipelines[2].state.isEmpty)
        for _ in 0..<3 {
            let changes = swarm.deltas.map { $0.values.map { _ in Float(generator.normal()) } }
            try swarm.exchange(changes)
        }
        var policy = ExchangePolicy()
        policy.outer = swarm.outer
        var restarted = ExchangePipeline(policy, schema: OuterSwarm.schema)
        let state = swarm.pipelines[2].state
        #expect(state.count == 8 + 4 * OuterSwarm.schema.count)
        try restarted.restore(state)
        let round = swarm.round(of: 2)
        var next = swarm.deltas[2]
        for index in next.values.indices { next[index] += 0.3 }
        let expected = swarm.pipelines[2].carried(swarm.deltas[1], from: next, in: round)
        let found = restarted.carried(swarm.deltas[1], from: next, in: round)
        #expect(found == expected)
        #expect(restarted.state == swarm.pipelines[2].state && expected != swarm.deltas[1])

        for damaged in [
            Array(state.dropLast()), state + [0], Array(state.prefix(12)),
            [0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0x80, 0x7f], Array(state.dropLast(4)) + [0, 0, 0xc0, 0x7f],
        ] {
            var other = ExchangePipeline(policy, schema: OuterSwarm.schema)
            #expect(throws: ExchangeStateError.self) { try other.restore(damaged) }
        }
        var without = ExchangePipeline(ExchangePolicy(), schema: OuterSwarm.schema)
        #expect(throws: ExchangeStateError.self) { try without.restore(state) }

        let nothing = swarm.deltas.map { $0.values.map { _ in Float(0) } }
        try swarm.exchange(nothing, settling: true)
        #expect(swarm.pipelines.allSatisfy { $0.state.isEmpty })
    }

    /// Who takes over what others have does not go on with a move of its own.
    @Test func whoCatchesUpHasNoMove() throws {
        var swarm = OuterSwarm(
            neighbours: Self.graphs["ring"]!, compression: .none, outer: Self.outer(0.8, 1), seed: 4)
        let far = swarm.deltas.map { $0.values.map { _ in Float(2) } }
        for _ in 0..<3 { try swarm.exchange(far) }
        let round = swarm.round(of: 0)
        let share = HeardShare(origin: OuterSwarm.id(1), round: 7, weight: 10, delta: swarm.deltas[1])
        let found = swarm.pipelines[0].adopt([share], insteadOf: swarm.deltas[0], in: round)
        let adopted = try #require(found)
        let carried = swarm.pipelines[0].carried(adopted, from: adopted, in: round)
        #expect(carried == adopted)
        // From then on it has one again.
        var moved = adopted
        moved[0] += 1
        let next = swarm.pipelines[0].carried(moved, from: moved, in: round)
        #expect(abs(next.values[0] - moved.values[0] - 0.8) < 1e-5)
    }
}
