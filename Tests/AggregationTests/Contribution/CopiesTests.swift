import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// Peers of a graph that exchange by pipelines and see all that arrives; some contributions may be lost.
private struct CopySwarm {
    static let schema = AdapterSchema(tensors: [
        .init(name: "a", rows: 8, columns: 40), .init(name: "b", rows: 40, columns: 8),
    ])

    let neighbours: [[Int]]
    let depth: Int
    let samples: [Int]
    var pipelines: [ExchangePipeline]
    var deltas: [AdapterDelta]
    private(set) var bytes = 0
    private var sequence: UInt64 = 0

    /// - Parameter budgets: bytes a round of each peer; none without.
    init(
        neighbours: [[Int]], depth: Int, compression: ExchangePolicy.Compression, spread: Double, seed: UInt64,
        budgets: [Int]? = nil, share: Double = 0.25
    ) {
        var generator = SeededGenerator(seed: seed)
        self.neighbours = neighbours
        self.depth = depth
        samples = neighbours.map { _ in Int.random(in: 50...400, using: &generator) }
        pipelines = neighbours.indices.map { peer in
            let policy = ExchangePolicy(
                mixing: .metropolis, weights: .samples, factors: .both, compression: compression, robustness: .none,
                budget: ExchangeBudget(bytes: budgets?[peer], uplink: nil), topKShare: share)
            return ExchangePipeline(policy, schema: Self.schema)
        }
        let common = (0..<Self.schema.count).map { _ in generator.normal() }
        deltas = neighbours.map { _ in
            AdapterDelta(
                schema: Self.schema, values: common.map { Float(0.1 * $0 + 0.1 * spread * generator.normal()) })
        }
    }

    static func id(_ peer: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(peer + 1), count: 32))! }

    private func round(_ number: Int, of peer: Int, settling: Bool) -> MixingRound {
        let members = neighbours[peer].map { Roster.Member(id: Self.id($0), place: $0, degree: neighbours[$0].count) }
        let roster = Roster(
            place: peer, sampleCount: samples[peer], swarmCount: neighbours.count, depth: depth, members: members)
        return MixingRound(number: number, isSettling: settling, weight: samples[peer], roster: roster)
    }

    var mean: [Double] {
        let total = Double(samples.reduce(0, +))
        return (0..<Self.schema.count).map { index in
            zip(samples, deltas).reduce(0.0) { $0 + Double($1.0) / total * Double($1.1.values[index]) }
        }
    }

    /// One round; an edge of `broken` carries nothing in either direction, and its ends know.
    ///
    /// - Returns: what each peer mixed.
    mutating func step(
        _ number: Int, settling: Bool, broken: (Int, Int) -> Bool = { _, _ in false }
    ) throws -> [MixingOutcome] {
        var heard = [[HeardShare]](repeating: [], count: neighbours.count)
        for peer in neighbours.indices {
            let present = neighbours[peer].filter { !broken(peer, $0) }
            for other in neighbours[peer] where broken(peer, other) { pipelines[peer].lost(Self.id(other)) }
            let sent = pipelines[peer].outgoing(
                deltas[peer], in: round(number, of: peer, settling: settling), present: present.map(Self.id))
            for contribution in sent {
                sequence += 1
                for other in present where contribution.audience.includes(Self.id(other)) {
                    bytes += contribution.payload.count
                    pipelines[peer].offered(to: Self.id(other))
                    #expect(
                        pipelines[other].refusal(
                            encoding: contribution.encoding, byteCount: contribution.payload.count) == nil)
                    let opened = try pipelines[other].open(
                        contribution.payload, encoding: contribution.encoding, sequence: sequence, from: Self.id(peer))
                    #expect(opened.delta == contribution.delta, "both sides have the same copy")
                    heard[other].append(
                        HeardShare(
                            origin: Self.id(peer), round: number, weight: samples[peer], delta: opened.delta))
                }
            }
        }
        var outcomes: [MixingOutcome] = []
        for peer in neighbours.indices {
            let outcome = pipelines[peer].mix(
                deltas[peer], with: heard[peer], in: round(number, of: peer, settling: settling))
            deltas[peer] = outcome.delta
            outcomes.append(outcome)
        }
        return outcomes
    }

    static let ring = (0..<6).map { [($0 + 1) % 6, ($0 + 5) % 6].sorted() }
    static let complete = (0..<4).map { peer in (0..<4).filter { $0 != peer } }
}

@Suite struct CopiesTests {
    static let compressions: [ExchangePolicy.Compression] = [.none, .bf16, .int8, .int4, .differences, .topK]

    /// `‖mean − before‖ / ‖before‖`.
    static func drift(_ mean: [Double], from before: [Double]) -> Double {
        let change = zip(mean, before).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (change / before.reduce(0.0) { $0 + $1 * $1 }).squareRoot()
    }

    /// However the copies are rounded: the weighted mean over the peers after a round is that before it.
    @Test(arguments: compressions, 0..<4 as Range<UInt64>)
    func theMeanIsKept(compression: ExchangePolicy.Compression, seed: UInt64) throws {
        var swarm = CopySwarm(
            neighbours: CopySwarm.ring, depth: 5, compression: compression, spread: 1, seed: seed)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<12 {
            if number < 6 {
                for peer in swarm.deltas.indices {
                    swarm.deltas[peer] = swarm.deltas[peer].map { $0 + Float(0.02 * generator.normal()) }
                }
            }
            let before = swarm.mean
            _ = try swarm.step(number, settling: number >= 6)
            #expect(Self.drift(swarm.mean, from: before) < 1e-6)
        }
    }

    /// Peers with budgets of their own, on every level there is: the mean stays, all read each other, and settling agrees.
    @Test(arguments: 0..<4 as Range<UInt64>) func levelsGoTogether(seed: UInt64) throws {
        // For 640 values and two neighbours: bf16, int8, int4, differences, and nothing that fits.
        let budgets = [4000, 2500, 1500, 1300, 10, 1_000_000]
        let levels: [ExchangePolicy.Compression] = [.bf16, .int8, .int4, .differences, .differences, .bf16]
        var swarm = CopySwarm(
            neighbours: CopySwarm.ring, depth: 5, compression: .bf16, spread: 0.3, seed: seed, budgets: budgets)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<8 {
            for peer in swarm.deltas.indices {
                swarm.deltas[peer] = swarm.deltas[peer].map { $0 + Float(0.01 * generator.normal()) }
            }
            let before = swarm.mean
            _ = try swarm.step(number, settling: false)
            #expect(Self.drift(swarm.mean, from: before) < 1e-6)
            let choices = swarm.pipelines.map(\.choice)
            #expect(choices.map { $0?.level } == levels)
            #expect(choices.map { $0?.fits } == [true, true, true, true, false, true])
        }
        let before = swarm.mean
        let limits = SettlingLimits(consensusBound: 1e-3, depth: 5, rounds: 500, hasCopies: true)
        var (number, agreed) = (8, 0)
        while agreed <= 5 {
            let outcomes = try swarm.step(number, settling: true)
            let isProved = outcomes.allSatisfy {
                $0.disagreement <= limits.edgeBound && $0.roundingError <= limits.errorBound
            }
            if isProved || agreed > 0 { agreed += 1 }
            number += 1
            #expect(swarm.pipelines.allSatisfy { $0.choice == nil })
            try #require(number < 200)
        }
        #expect(ConsensusDistance.relative(swarm.deltas) <= 1e-3)
        #expect(Self.drift(swarm.mean, from: before) < 3e-6)
    }

    /// Settling agrees as closely as it says, in the mean that it began with, for the bytes of about two rounds of bf16 where
    /// everybody knows everybody, while edges come and go.
    @Test(arguments: compressions.dropFirst(), [false, true])
    func settlingProvesAgreement(compression: ExchangePolicy.Compression, isBroken: Bool) throws {
        let bound = 1e-3
        for (neighbours, depth, spread) in [(CopySwarm.ring, 5, 0.3), (CopySwarm.complete, 1, 0.3)] {
            var swarm = CopySwarm(
                neighbours: neighbours, depth: depth, compression: compression, spread: spread, seed: 8)
            for number in 0..<2 { _ = try swarm.step(number, settling: false) }
            let (before, bytesBefore) = (swarm.mean, swarm.bytes)
            let limits = SettlingLimits(consensusBound: bound, depth: depth, rounds: 500, hasCopies: true)
            var agreed: Int?
            var number = 2
            while agreed.map({ number <= $0 + depth }) ?? true {
                let outcomes = try swarm.step(number, settling: true) { first, second in
                    isBroken && number % 5 == 3 && min(first, second) == 0 && max(first, second) == 1
                }
                let isProved = outcomes.allSatisfy {
                    $0.disagreement <= limits.edgeBound && $0.roundingError <= limits.errorBound
                }
                if isProved, agreed == nil { agreed = number }
                number += 1
                try #require(number < 200)
            }
            #expect(ConsensusDistance.relative(swarm.deltas) <= bound)
            #expect(Self.drift(swarm.mean, from: before) < 3e-6)
            guard neighbours.count == 4, !isBroken else { continue }
            let bits = Double(8 * (swarm.bytes - bytesBefore)) / Double(12 * CopySwarm.schema.count)
            // Copies of a part of the values are further behind when settling begins.
            #expect(bits < (compression == .topK ? 40 : 34), "\(bits) bits a value and neighbour")
        }
    }

    /// A part of the values at a time: peers come together all the same, as fast as the pace lets them, for fewer bytes a
    /// round.
    @Test(arguments: [0.5, 0.25, 0.1, 0.05], [CopySwarm.ring, CopySwarm.complete])
    func copiesOfPartsComeTogether(share: Double, neighbours: [[Int]]) throws {
        func run(_ compression: ExchangePolicy.Compression) throws -> (rounds: Int, bytes: Int) {
            var swarm = CopySwarm(
                neighbours: neighbours, depth: 5, compression: compression, spread: 1, seed: 3, share: share)
            let before = swarm.mean
            let start = ConsensusDistance.relative(swarm.deltas)
            var number = 0
            while ConsensusDistance.relative(swarm.deltas) > 0.02 * start {
                _ = try swarm.step(number, settling: false)
                number += 1
                try #require(number < 400, "\(ConsensusDistance.relative(swarm.deltas)) after \(number)")
            }
            #expect(Self.drift(swarm.mean, from: before) < 1e-5)
            return (number, swarm.bytes)
        }
        let (parts, all) = (try run(.topK), try run(.differences))
        #expect(parts.rounds >= all.rounds)
        #expect(Double(parts.bytes) / Double(parts.rounds) < Double(all.bytes) / Double(all.rounds))
        let expected = Double(all.rounds) / MetropolisMixing.pace(ofShare: share)
        #expect(Double(parts.rounds) <= 1.5 * expected + 2 / share, "\(parts) \(all)")
    }

    @Test(arguments: [ExchangePolicy.Compression.differences, .topK])
    func whoHasNotTheBaseIsGivenTheWhole(compression: ExchangePolicy.Compression) throws {
        let policy = ExchangePolicy(
            mixing: .metropolis, weights: .uniform, factors: .both, compression: compression, robustness: .none,
            topKShare: 0.4)
        var sender = ExchangePipeline(policy, schema: ExchangeRig.schema)
        var (reader, stranger) = (sender, sender)
        let ids = [1, 2].map(ExchangeRig.id)
        func delta(_ value: Float) -> AdapterDelta { ExchangeRig.delta([value, 2 * value, -value, 0.5, value, 1]) }
        // The first is the difference to the seed adapter: everybody can read it.
        var sent = sender.outgoing(delta(1), in: ExchangeRig.round(0), present: ids)
        #expect(sent.count == 1 && sent[0].encoding == DifferenceCoding.number)
        #expect(sender.wholeContribution(for: ids[1], in: ExchangeRig.round(0)) == nil)
        let first = try reader.open(sent[0].payload, encoding: 5, sequence: 1, from: ExchangeRig.id(0))
        #expect(first.delta == sent[0].delta)
        // The next one needs it.
        sender.lost(ids[1])
        sent = sender.outgoing(delta(2), in: ExchangeRig.round(1), present: ids)
        #expect(sent.count == 2 && sent[0].audience == .only([ids[0]]) && sent[1].audience == .only([ids[1]]))
        #expect(sent[1].encoding == 1 && sent[1].delta == sent[0].delta)
        #expect(throws: ContributionRefusal.unknownBase) {
            try stranger.open(sent[0].payload, encoding: 5, sequence: 2, from: ExchangeRig.id(0))
        }
        let read = try reader.open(sent[0].payload, encoding: 5, sequence: 2, from: ExchangeRig.id(0))
        let whole = try stranger.open(sent[1].payload, encoding: 1, sequence: 3, from: ExchangeRig.id(0))
        #expect(read.delta == whole.delta)
        // From there both follow.
        for id in ids { sender.offered(to: id) }
        sent = sender.outgoing(delta(2.5), in: ExchangeRig.round(2), present: ids)
        #expect(sent.count == 1)
        let third = try stranger.open(sent[0].payload, encoding: 5, sequence: 4, from: ExchangeRig.id(0))
        #expect(third.delta == sent[0].delta)
        // Of what somebody else has sent nothing is made.
        #expect(throws: ContributionRefusal.unknownBase) {
            try stranger.open(sent[0].payload, encoding: 5, sequence: 5, from: ExchangeRig.id(7))
        }
        sender.lost(ids[0])
        let asked = sender.wholeContribution(for: ids[0], in: ExchangeRig.round(2))
        let again = try #require(asked)
        #expect(again.delta == sent[0].delta && again.audience == .only([ids[0]]))
    }
}
