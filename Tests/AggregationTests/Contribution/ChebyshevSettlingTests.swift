import Adapters
import Aggregation
import Basics
import Foundation
import Overlay
import Testing

/// Peers of a graph that only mix, by pipelines whose settling is accelerated, or not.
private struct SettlingFlock {
    static let schema = AdapterSchema(tensors: [.init(name: "a", rows: 8, columns: 25)])

    let graph: SwarmGraph
    let depth: Int
    let samples: [Int]
    let policy: ExchangePolicy
    var pipelines: [ExchangePipeline]
    var deltas: [AdapterDelta]
    private(set) var number = 0
    private var sequence: UInt64 = 0

    init(
        _ graph: SwarmGraph, settling: ExchangePolicy.Settling = .chebyshev,
        compression: ExchangePolicy.Compression = .none, unequal: Bool = false, seed: UInt64 = 3
    ) {
        var generator = SeededGenerator(seed: seed)
        self.graph = graph
        depth = graph.diameterWithOneMissing
        samples = (0..<graph.count).map { _ in unequal ? Int.random(in: 20...200, using: &generator) : 10 }
        var policy = ExchangePolicy(
            mixing: .metropolis, weights: .samples, factors: .both, compression: compression, robustness: .none)
        policy.settling = settling
        policy.chebyshev = policy.chebyshev(on: graph, depth: depth)
        self.policy = policy
        pipelines = (0..<graph.count).map { _ in ExchangePipeline(policy, schema: Self.schema, rounds: 0) }
        // Adapters of norm one that differ by a tenth.
        let common = (0..<Self.schema.count).map { _ in
            Float(generator.normal()) / Float(Self.schema.count).squareRoot()
        }
        deltas = (0..<graph.count).map { _ in
            AdapterDelta(
                schema: Self.schema,
                values: common.map { $0 + 0.1 * Float(generator.normal()) / Float(Self.schema.count).squareRoot() })
        }
    }

    static func id(_ peer: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(peer + 1), count: 32))! }

    func round(of peer: Int) -> MixingRound {
        let ids = (0..<graph.count).map { Optional(Self.id($0)) }
        let roster = graph.roster(of: peer, ids: ids, sampleCount: samples[peer], depth: depth)
        var round = MixingRound(number: number, isSettling: true, weight: samples[peer], roster: roster)
        round.settlingNumber = number
        return round
    }

    var mean: [Double] {
        let total = Double(samples.reduce(0, +))
        return (0..<Self.schema.count).map { index in
            zip(samples, deltas).reduce(0.0) { $0 + Double($1.0) / total * Double($1.1.values[index]) }
        }
    }

    /// The distance of all peers from their mean together, each by its share, as the mixing matrix's norm has it.
    var spread: Double {
        let (mean, total) = (mean, Double(samples.reduce(0, +)))
        return zip(samples, deltas).reduce(0.0) { sum, pair in
            sum + Double(pair.0) / total
                * zip(pair.1.values, mean).reduce(0.0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
        }.squareRoot()
    }

    /// The largest relative distance between neighbours.
    var disagreement: Double {
        graph.edges.map { deltas[$0.first].distance(to: deltas[$0.second]) / deltas[$0.first].norm }.max() ?? 0
    }

    /// One round. What `misses(from, to)` says is not heard.
    mutating func mix(misses: (Int, Int) -> Bool = { _, _ in false }) throws {
        var made: [[ExchangePipeline.Outgoing]] = []
        for peer in pipelines.indices {
            let present = graph.neighbours[peer].map(Self.id)
            made.append(pipelines[peer].outgoing(deltas[peer], in: round(of: peer), present: present))
            for other in present { pipelines[peer].offered(to: other) }
        }
        sequence += 1
        var after: [AdapterDelta] = []
        for peer in pipelines.indices {
            var heard: [HeardShare] = []
            for other in graph.neighbours[peer] {
                let found = try #require(made[other].last { $0.audience.includes(Self.id(peer)) })
                let opened = try pipelines[peer].open(
                    found.payload, encoding: found.encoding, sequence: sequence, round: number, from: Self.id(other))
                guard !misses(other, peer) else { continue }
                heard.append(
                    HeardShare(origin: Self.id(other), round: number, weight: samples[other], delta: opened.delta))
            }
            let round = round(of: peer)
            let mixed = pipelines[peer].mix(deltas[peer], with: heard, in: round).delta
            after.append(pipelines[peer].carried(mixed, from: deltas[peer], in: round))
        }
        deltas = after
        number += 1
    }
}

@Suite struct ChebyshevSettlingTests {
    private static let graphs: [String: SwarmGraph] = [
        "ring of 8": .ring(count: 8), "ring of 16": .ring(count: 16),
        "path": SwarmGraph(count: 8, edges: (0..<7).map { SwarmGraph.Edge($0, $0 + 1) }),
        "torus": try! .torus(count: 16), "exponential": .exponential(count: 10),
    ]

    private static func largest(_ left: [Double], _ right: [Double]) -> Double {
        zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    /// The factors are those of the recurrence in closed form, `ω(k + 1) = 2 T_k(z) z / T_(k + 1)(z)` with z = 1 / λ,
    /// and go to `2 / (1 + √(1 − λ²))`; there are as many as the bound asks for.
    @Test(arguments: [0.3, 0.6, 0.8047, 0.9493, 0.995]) func theFactorsAreChebyshevs(modulus: Double) throws {
        let limits = SettlingLimits(consensusBound: 1e-3, depth: 6, rounds: 0)
        let settling = try #require(ChebyshevSettling(modulus: modulus, limits: limits))
        let z = 1 / modulus
        func polynomial(_ degree: Int) -> Double { cosh(Double(degree) * acosh(z)) }
        for number in 0..<settling.rounds {
            let closed = number == 0 ? 1 : 2 * z * polynomial(number) / polynomial(number + 1)
            #expect(abs(settling.factor(in: number) - closed) < 1e-12, "round \(number)")
            #expect(abs(settling.remainder(after: number) * polynomial(number) - 1) < 1e-9)
        }
        #expect(settling.factor(in: settling.rounds) == 1 && settling.factor(in: -1) == 1)
        if settling.rounds > 40 {
            let limit = 2 / (1 + (1 - modulus * modulus).squareRoot())
            #expect(abs(settling.factor(in: settling.rounds - 1) - limit) < 1e-3)
        }
        let goal = limits.edgeBound / 0.25
        #expect(1 / polynomial(settling.rounds) <= goal && 1 / polynomial(settling.rounds - 1) > goal)
        #expect(settling.rounds(to: goal) == settling.rounds)
    }

    @Test func whereMixingDoesItAtOnceThereIsNothingToAccelerate() {
        let limits = SettlingLimits(consensusBound: 1e-3, depth: 1, rounds: 0)
        for modulus in [0, 1e-12, 1e-5, 1, 1.5, .nan] {
            #expect(ChebyshevSettling(modulus: modulus, limits: limits) == nil, "\(modulus)")
        }
        // A bound that all are within, and a graph that would take more rounds than are taken.
        let wide = SettlingLimits(consensusBound: 0.9, depth: 1, rounds: 0)
        #expect(ChebyshevSettling(modulus: 0.5, limits: wide) == nil)
        #expect(ChebyshevSettling(modulus: 1 - 1e-11, limits: limits)?.rounds == 10_000)
        #expect(SettlingFlock(.complete(count: 6)).policy.chebyshev == nil)
        #expect(SettlingFlock(.ring(count: 8), settling: .plain).policy.chebyshev == nil)
    }

    /// The real rule shrinks differences as the polynomial says: never less, and in the slowest direction just so.
    @Test(arguments: graphs.keys.sorted()) func differencesShrinkAsPredicted(name: String) throws {
        let graph = Self.graphs[name]!
        var flock = SettlingFlock(graph)
        let settling = try #require(flock.policy.chebyshev)
        let matrix = try #require(
            flock.policy.mixing.matrix(of: graph, sampleCounts: flock.samples))
        let slowest = Self.slowestDirection(of: matrix)
        var aligned = flock
        for peer in aligned.deltas.indices {
            for index in aligned.deltas[peer].values.indices {
                let scale = Float((index % 7) - 3) / 20
                aligned.deltas[peer][index] = scale * Float(slowest[peer])
            }
        }
        let (start, alignedStart) = (flock.spread, aligned.spread)
        for count in 1...settling.rounds {
            try flock.mix()
            try aligned.mix()
            let promised = settling.remainder(after: count)
            // Single precision rounds in every round.
            #expect(flock.spread <= promised * start * 1.001 + 3e-6, "\(name), round \(count)")
            let left = aligned.spread / alignedStart
            #expect(abs(left / promised - 1) < 0.05, "\(name), round \(count): \(left), \(promised)")
        }
        #expect(flock.disagreement <= flock.policy.settlingLimits(depth: flock.depth).edgeBound)
    }

    /// The direction that mixing shrinks least, by power iteration on W² without the mean.
    private static func slowestDirection(of matrix: MixingMatrix) -> [Double] {
        var vector = (0..<matrix.count).map { sin(Double($0 * $0 + 1)) }
        for _ in 0..<4000 {
            for _ in 0..<2 {
                vector = matrix.rows.map { $0.reduce(0.0) { $0 + $1.weight * vector[$1.column] } }
            }
            let mean = zip(vector, matrix.stationary).reduce(0.0) { $0 + $1.0 * $1.1 }
            let norm = vector.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }.squareRoot()
            vector = vector.map { ($0 - mean) / norm }
        }
        return vector
    }

    /// The sample-weighted mean stays to rounding, whatever copies are rounded to, and where edges fail that both ends
    /// know of, in any rounds.
    @Test(
        arguments: ["ring of 8", "path", "torus"],
        [.none, .bf16, .int4, .differences, .topK] as [ExchangePolicy.Compression])
    func theMeanStays(name: String, compression: ExchangePolicy.Compression) throws {
        for breaks in [false, true] {
            var flock = SettlingFlock(Self.graphs[name]!, compression: compression, unequal: true, seed: 8)
            let mean = flock.mean
            let rounds = try #require(flock.policy.chebyshev).rounds
            for number in 0..<rounds + 6 {
                let broken: Set<Int> = breaks && number % 5 == 2 ? [number % 8, (number + 1) % 8] : []
                try flock.mix { broken.isSuperset(of: [$0, $1]) }
                #expect(Self.largest(flock.mean, mean) < 3e-7, "\(name), round \(number)")
            }
            #expect(flock.disagreement < 5e-3, "\(flock.disagreement)")
        }
    }

    /// With other sample counts than those that λ is of, peers come together all the same, and faster than by mixing
    /// alone.
    @Test(arguments: ["ring of 8", "ring of 16", "path"]) func unequalCountsSettleFasterToo(name: String) throws {
        func left(_ settling: ExchangePolicy.Settling, after rounds: Int) throws -> Double {
            var flock = SettlingFlock(Self.graphs[name]!, settling: settling, unequal: true)
            let start = flock.spread
            for _ in 0..<rounds { try flock.mix() }
            return flock.spread / start
        }
        let rounds = try #require(SettlingFlock(Self.graphs[name]!).policy.chebyshev).rounds
        let (plain, faster) = (try left(.plain, after: rounds), try left(.chebyshev, after: rounds))
        #expect(faster < 0.5 * plain, "\(faster) against \(plain)")
    }

    /// Who misses somebody in one round goes on as fast; under neighbours that come and go it mixes alone, until
    /// settling ends.
    @Test func whoseNeighboursComeAndGoOnlyMixes() throws {
        var flock = SettlingFlock(.ring(count: 16))
        let rounds = try #require(flock.policy.chebyshev).rounds
        var isPlain: [Bool] = []
        for number in 0..<rounds {
            var averages = flock
            try averages.mixPlainly(misses: { $1 == 0 && $0 == 1 && number % 2 == 1 })
            try flock.mix { $1 == 0 && $0 == 1 && number % 2 == 1 }
            isPlain.append(flock.deltas[0] == averages.deltas[0])
        }
        // The first round is one of mixing; changes come in rounds 1 to 4, and the fifth is one too many.
        #expect(isPlain == (0..<rounds).map { $0 == 0 || $0 > 4 })
        // The others go on.
        #expect(flock.spread < 0.05)
    }

    /// However many contributions get lost, and on one way only, adapters do not grow beyond what they differed in.
    @Test(arguments: [0.05, 0.2, 0.5], 1...4) func lossDoesNotMakeItGrow(loss: Double, seed: Int) throws {
        var flock = SettlingFlock(.ring(count: 24), seed: UInt64(seed))
        let rounds = try #require(flock.policy.chebyshev).rounds
        let (start, mean) = (flock.spread, flock.mean)
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<rounds {
            var lost: Set<[Int]> = []
            for edge in flock.graph.edges {
                if generator.uniform() < loss { lost.insert([edge.first, edge.second]) }
                if generator.uniform() < loss { lost.insert([edge.second, edge.first]) }
            }
            try flock.mix { lost.contains([$0, $1]) }
            #expect(flock.spread < 2.5 * start)
        }
        let moved = zip(flock.mean, mean).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        #expect(moved < 1.5 * start, "the mean moved by \(moved / start) of the spread")
        // Then averages do the rest.
        for _ in 0..<200 { try flock.mix() }
        #expect(flock.spread < 0.1 * start)
    }

    /// Nothing is kept for a process that begins anew; who took over what others have begins with a round of mixing.
    @Test func whoBeginsAnewMixesFirst() throws {
        var flock = SettlingFlock(.ring(count: 8))
        for _ in 0..<4 { try flock.mix() }
        #expect(flock.pipelines.allSatisfy { $0.state.isEmpty })
        let share = HeardShare(origin: SettlingFlock.id(1), round: 3, weight: 10, delta: flock.deltas[1])
        let adopted = flock.pipelines[0].adopt([share], insteadOf: flock.deltas[0], in: flock.round(of: 0))
        flock.deltas[0] = try #require(adopted)
        flock.pipelines[2] = ExchangePipeline(flock.policy, schema: SettlingFlock.schema, rounds: 0)
        for number in 0..<2 {
            var averages = flock
            try averages.mixPlainly()
            try flock.mix()
            let plain = flock.deltas.indices.filter { flock.deltas[$0] == averages.deltas[$0] }
            #expect(plain == (number == 0 ? [0, 2] : []))
        }
    }

    /// After the accelerated rounds, and where the key is not given, no bit is another than by mixing alone.
    @Test func elsewhereItChangesNoBit() throws {
        var plain = SettlingFlock(.ring(count: 8), settling: .plain)
        for _ in 0..<5 {
            var averages = plain
            try averages.mixPlainly()
            try plain.mix()
            #expect(plain.deltas == averages.deltas)
        }
        var flock = SettlingFlock(.ring(count: 8))
        let rounds = try #require(flock.policy.chebyshev).rounds
        for number in 0..<rounds + 5 {
            var averages = flock
            try averages.mixPlainly()
            #expect(flock.pipelines[0].goesOnWithAverage(of: flock.round(of: 0)) == (number >= rounds))
            try flock.mix()
            #expect((flock.deltas == averages.deltas) == (number == 0 || number >= rounds), "round \(number)")
        }
        // Nor in rounds with training.
        var training = flock.round(of: 0)
        training.isSettling = false
        let carried = flock.pipelines[0].carried(flock.deltas[1], from: flock.deltas[0], in: training)
        #expect(carried == flock.deltas[1])
    }

    /// Nobody tells a disagreement before the accelerated rounds are over, so that nobody can know earlier that all
    /// agree.
    @Test func nobodyCanKnowBeforeTheyAreOver() throws {
        let policy = SettlingFlock(.ring(count: 8)).policy
        let rounds = try #require(policy.chebyshev).rounds
        let rule = policy.settlingRule(policy.settlingLimits(depth: 6, rounds: 99))
        #expect(rule.leastRounds == rounds + 7)
        #expect(policy.chebyshev?.settlingRounds(depth: 6) == rounds + 7)
        let plain = SettlingFlock(.ring(count: 8), settling: .plain).policy
        #expect(plain.settlingRule(plain.settlingLimits(depth: 6)).leastRounds == 7)
    }
}

extension SettlingFlock {
    /// The same round by mixing alone: what the pipelines make of it before anything is carried on.
    fileprivate mutating func mixPlainly(misses: (Int, Int) -> Bool = { _, _ in false }) throws {
        var mixed: [AdapterDelta] = []
        for peer in pipelines.indices {
            let heard = graph.neighbours[peer].filter { !misses($0, peer) }.map {
                HeardShare(origin: Self.id($0), round: number, weight: samples[$0], delta: deltas[$0])
            }
            mixed.append(pipelines[peer].mix(deltas[peer], with: heard, in: round(of: peer)).delta)
        }
        deltas = mixed
    }
}
