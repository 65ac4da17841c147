import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// Peers of a graph whose local steps have drawn gradients, and which exchange by pipelines that track them.
private struct TrackingSwarm {
    static let schema = AdapterSchema(tensors: [.init(name: "a", rows: 6, columns: 20)])
    static let width = schema.count

    let neighbours: [[Int]]
    let samples: [Int]
    let policy: ExchangePolicy
    var pipelines: [ExchangePipeline]
    /// The last mean gradient of each peer.
    var gradients: [[Float]]
    /// Trackers carried as a recursion: what the sums stand for.
    private(set) var recursion: [[Double]]
    private(set) var number = 0
    private var sequence: UInt64 = 0
    private static let rounds = 10_000

    init(_ neighbours: [[Int]], compression: ExchangePolicy.Compression = .none, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.neighbours = neighbours
        samples = neighbours.map { _ in Int.random(in: 50...400, using: &generator) }
        var policy = ExchangePolicy(
            mixing: .metropolis, weights: .samples, factors: .both, compression: compression, robustness: .none)
        policy.tracksGradients = true
        self.policy = policy
        pipelines = neighbours.map { _ in ExchangePipeline(policy, schema: Self.schema, rounds: Self.rounds) }
        gradients = neighbours.map { _ in [Float](repeating: 0, count: Self.width) }
        recursion = neighbours.map { _ in [Double](repeating: 0, count: Self.width) }
    }

    var fresh: ExchangePipeline { ExchangePipeline(policy, schema: Self.schema, rounds: Self.rounds) }

    static func id(_ peer: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(peer + 1), count: 32))! }

    func round(of peer: Int) -> MixingRound {
        let members = neighbours[peer].map { Roster.Member(id: Self.id($0), place: $0, degree: neighbours[$0].count) }
        let roster = Roster(
            place: peer, sampleCount: samples[peer], swarmCount: neighbours.count, depth: 3, members: members)
        return MixingRound(number: number, weight: samples[peer], roster: roster)
    }

    /// What a peer corrects the gradients of the round under way by.
    func correction(of peer: Int) -> [Float] { pipelines[peer].correction(in: round(of: peer))!.values }

    /// `Σ n_i v_i / Σ n_i` over some peers, as the largest of its values.
    func mean(_ vectors: [[Double]], of peers: [Int]) -> Double {
        let total = peers.reduce(0.0) { $0 + Double(samples[$1]) }
        return (0..<Self.width).reduce(0.0) { largest, index in
            let sum = peers.reduce(0.0) { $0 + Double(samples[$1]) / total * vectors[$1][index] }
            return max(largest, abs(sum))
        }
    }

    /// By how much the mean of the trackers of `peers` differs from that of their last gradients, at most.
    func offset(of peers: [Int]? = nil) -> Double {
        let peers = peers ?? Array(pipelines.indices)
        return mean(pipelines.indices.map { correction(of: $0).map(Double.init) }, of: peers)
    }

    /// The same of the trackers that are carried as a recursion, as `offset`.
    var recursionOffset: Double {
        mean(
            recursion.indices.map { peer in zip(recursion[peer], gradients[peer]).map { $0 - Double($1) } },
            of: Array(recursion.indices))
    }

    func weight(of other: Int, at peer: Int) -> Double {
        min(
            1 / Double(neighbours[peer].count + 1),
            Double(samples[other]) / Double(samples[peer]) / Double(neighbours[other].count + 1))
    }

    /// One round of all in `peers`: those of `training` have a new mean gradient, all publish, and `hears(i, j)` says whether
    /// i gets what j published.
    mutating func exchange(
        _ drawn: [[Float]?], of peers: [Int]? = nil, hears: (Int, Int) -> Bool = { _, _ in true }
    ) throws {
        let peers = peers ?? Array(pipelines.indices)
        var made: [Int: ExchangePipeline.Outgoing] = [:]
        for peer in peers {
            let before = gradients[peer]
            if let gradient = drawn[peer] {
                pipelines[peer].learned(AdapterDelta(schema: Self.schema, values: gradient), in: round(of: peer))
                gradients[peer] = gradient
            }
            for index in before.indices {
                recursion[peer][index] += Double(gradients[peer][index]) - Double(before[index])
            }
            let zero = AdapterDelta(zeroOf: Self.schema)
            let contributions = pipelines[peer].outgoing(zero, in: round(of: peer))
            made[peer] = try #require(contributions.count == 1 ? contributions[0] : nil)
        }
        sequence += 1
        let old = recursion
        for peer in peers {
            var heard: [HeardShare] = []
            for other in neighbours[peer] {
                guard let found = made[other], hears(peer, other) else { continue }
                let opened = try pipelines[peer].open(
                    found.payload, encoding: found.encoding, sequence: sequence, round: number, from: Self.id(other))
                var share = HeardShare(
                    origin: Self.id(other), round: number, weight: samples[other], delta: opened.delta)
                share.tracked = opened.tracked
                heard.append(share)
                for index in 0..<Self.width {
                    recursion[peer][index] += weight(of: other, at: peer) * (old[other][index] - old[peer][index])
                }
            }
            _ = pipelines[peer].mix(AdapterDelta(zeroOf: Self.schema), with: heard, in: round(of: peer))
        }
        number += 1
    }

    /// Mean gradients of all peers, each around a point of its own.
    func drawn(_ generator: inout SeededGenerator) -> [[Float]?] {
        pipelines.indices.map { peer in
            (0..<Self.width).map { _ in Float(peer) - 3.5 + 0.3 * Float(generator.normal()) }
        }
    }
}

@Suite struct GradientTrackingTests {
    static let graphs: [String: [[Int]]] = [
        "ring": (0..<8).map { [($0 + 7) % 8, ($0 + 1) % 8].sorted() },
        "path": (0..<8).map { peer in [peer - 1, peer + 1].filter { (0..<8).contains($0) } },
        "cube": (0..<8).map { peer in [1, 2, 4].map { peer ^ $0 }.sorted() },
        "complete": (0..<8).map { peer in (0..<8).filter { $0 != peer } },
    ]

    /// Where nothing is missing, what the sums stand for is c ← W (c + ḡ(t) − ḡ(t − 1)).
    @Test(arguments: ["ring", "path", "cube", "complete"]) func itIsTheRecursion(graph: String) throws {
        var swarm = TrackingSwarm(Self.graphs[graph]!, seed: 4)
        var generator = SeededGenerator(seed: 9)
        for number in 0..<40 {
            try swarm.exchange(swarm.drawn(&generator))
            for peer in swarm.pipelines.indices {
                let correction = swarm.correction(of: peer)
                for index in correction.indices {
                    let tracker = Double(correction[index]) + Double(swarm.gradients[peer][index])
                    #expect(abs(tracker - swarm.recursion[peer][index]) < 1e-3, "round \(number), peer \(peer)")
                }
            }
        }
        #expect(swarm.offset() < 1e-4 && swarm.recursionOffset < 1e-10)
    }

    /// Trackers of all peers come to the mean gradient where gradients stay; on the complete graph of peers that count alike
    /// in one round.
    @Test(arguments: ["ring", "complete"]) func trackersComeToTheMean(graph: String) throws {
        var swarm = TrackingSwarm(Self.graphs[graph]!, seed: 4)
        var generator = SeededGenerator(seed: 3)
        let gradients = swarm.drawn(&generator)
        let total = swarm.samples.reduce(0) { $0 + Double($1) }
        let mean = (0..<TrackingSwarm.width).map { index in
            zip(swarm.samples, gradients).reduce(0.0) { $0 + Double($1.0) / total * Double($1.1![index]) }
        }
        for _ in 0..<200 { try swarm.exchange(gradients) }
        for peer in swarm.pipelines.indices {
            let correction = swarm.correction(of: peer)
            for index in mean.indices {
                #expect(abs(Double(correction[index] + gradients[peer]![index]) - mean[index]) < 2e-3)
            }
        }
    }

    /// Contributions that one end of an edge did not get: after the first round in which all get all, the mean of all trackers
    /// is that of the gradients again. Carried as a recursion, it never is.
    @Test(arguments: 0..<20 as Range<UInt64>) func aLostContributionIsMadeGood(seed: UInt64) throws {
        let graph = ["ring", "path", "cube", "complete"][Int(seed % 4)]
        var swarm = TrackingSwarm(Self.graphs[graph]!, compression: seed % 2 == 0 ? .none : .bf16, seed: seed)
        var generator = SeededGenerator(seed: seed, label: "loss")
        var worst = 0.0
        for _ in 0..<60 {
            let gradients = swarm.drawn(&generator)
            var lost: Set<[Int]> = []
            for peer in 0..<8 {
                for other in 0..<8 where generator.uniform() < 0.3 { lost.insert([peer, other]) }
            }
            try swarm.exchange(gradients) { !lost.contains([$0, $1]) }
            worst = max(worst, swarm.offset())
        }
        // What is under way is not small, so that there is something to make good.
        #expect(worst > 0.05, "\(worst)")
        try swarm.exchange(swarm.drawn(&generator))
        #expect(swarm.offset() < 2e-4, "\(swarm.offset())")
        #expect(swarm.recursionOffset > 0.05, "\(swarm.recursionOffset)")
    }

    /// Edges that fail at both ends, peers that are away for some rounds, and peers that do not train do not move the mean at
    /// all: not in any round, as soon as who is away is given up.
    @Test(arguments: 0..<10 as Range<UInt64>) func bothEndsAgree(seed: UInt64) throws {
        var swarm = TrackingSwarm(Self.graphs["cube"]!, seed: seed)
        var generator = SeededGenerator(seed: seed, label: "edges")
        for number in 0..<60 {
            var gradients = swarm.drawn(&generator)
            for peer in 0..<8 where generator.uniform() < 0.3 { gradients[peer] = nil }
            var broken: Set<Set<Int>> = []
            for peer in 0..<8 {
                for other in swarm.neighbours[peer] where other > peer && generator.uniform() < 0.2 {
                    broken.insert([peer, other])
                }
            }
            try swarm.exchange(gradients) { !broken.contains([$0, $1]) }
            #expect(swarm.offset() < 2e-4, "round \(number): \(swarm.offset())")
        }
    }

    /// A peer that is gone for good leaves nothing behind: after some rounds the others' trackers have their own mean.
    @Test func whoIsGoneIsForgotten() throws {
        var swarm = TrackingSwarm(Self.graphs["cube"]!, seed: 2)
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<20 { try swarm.exchange(swarm.drawn(&generator)) }
        let living = [0, 1, 2, 3, 4, 6, 7]
        var offsets: [Double] = []
        for _ in 0..<8 {
            try swarm.exchange(swarm.drawn(&generator), of: living)
            offsets.append(swarm.offset(of: living))
        }
        #expect(offsets[0] > 0.1 && offsets[4...].allSatisfy { $0 < 2e-4 }, "\(offsets)")
    }

    /// A peer that goes on from what was kept gives the same corrections and the same bytes as if it had not been stopped;
    /// damaged bytes are refused.
    @Test(arguments: [.none, .bf16] as [ExchangePolicy.Compression]) func itsStateIsKept(
        compression: ExchangePolicy.Compression
    ) throws {
        var swarm = TrackingSwarm(Self.graphs["ring"]!, compression: compression, seed: 4)
        var generator = SeededGenerator(seed: 2)
        for number in 0..<12 {
            let lost = number % 3
            try swarm.exchange(swarm.drawn(&generator)) { ($0, $1) != (2, lost) }
        }
        var restarted = swarm.fresh
        let state = swarm.pipelines[2].state
        try restarted.restore(state)
        #expect(restarted.state == state)
        let round = swarm.round(of: 2)
        #expect(restarted.correction(in: round) == swarm.pipelines[2].correction(in: round))
        let gradient = AdapterDelta(schema: TrackingSwarm.schema, values: swarm.drawn(&generator)[2]!)
        let zero = AdapterDelta(zeroOf: TrackingSwarm.schema)
        restarted.learned(gradient, in: round)
        swarm.pipelines[2].learned(gradient, in: round)
        let payloads = [
            restarted.outgoing(zero, in: round), swarm.pipelines[2].outgoing(zero, in: round),
        ].map { $0.map(\.payload) }
        #expect(payloads[0] == payloads[1])
        // All of a swarm at once.
        let pipelines = swarm.pipelines
        for peer in pipelines.indices where peer != 2 {
            swarm.pipelines[peer] = swarm.fresh
            try swarm.pipelines[peer].restore(pipelines[peer].state)
        }
        swarm.pipelines[2] = restarted
        try swarm.exchange(swarm.drawn(&generator))
        #expect(swarm.offset() < 2e-4)

        let nan: [UInt8] = [0, 0, 0xc0, 0x7f]
        let wrong: [[UInt8]] = [
            Array(state.dropLast()), state + [0], Array(state.prefix(12)),
            Self.replaced(state, at: state.count - 4, by: nan), Self.replaced(state, at: 8, by: nan),
            [UInt8](repeating: 0xff, count: state.count),
        ]
        for damaged in wrong {
            var other = swarm.fresh
            #expect(throws: ExchangeStateError.self) { try other.restore(damaged) }
        }
    }

    private static func replaced(_ bytes: [UInt8], at place: Int, by other: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes.replaceSubrange(place..<place + other.count, with: other)
        return bytes
    }

    /// A peer that comes late or has lost its state takes over the sums with the adapters: its first corrections are no longer
    /// than the others', and from the first round of all on the mean is that of the gradients.
    @Test(arguments: [true, false]) func whoJoinsLateTakesOverTheSums(adopts: Bool) throws {
        var swarm = TrackingSwarm(Self.graphs["cube"]!, seed: 6)
        var generator = SeededGenerator(seed: 8)
        let others = [0, 1, 2, 3, 4, 6, 7]
        for _ in 0..<50 { try swarm.exchange(swarm.drawn(&generator), of: others) }
        if adopts {
            var donors: [HeardShare] = []
            for other in swarm.neighbours[5] {
                let zero = AdapterDelta(zeroOf: TrackingSwarm.schema)
                var copy = swarm.pipelines[other]
                var share = HeardShare(
                    origin: TrackingSwarm.id(other), round: swarm.number, weight: swarm.samples[other], delta: zero)
                share.tracked = copy.outgoing(zero, in: swarm.round(of: other))[0].tracked
                donors.append(share)
            }
            let zero = AdapterDelta(zeroOf: TrackingSwarm.schema)
            let found = swarm.pipelines[5].adopt(donors, insteadOf: zero, in: swarm.round(of: 5))
            #expect(found != nil)
        }
        var longest = 0.0
        for number in 0..<20 {
            let gradients = swarm.drawn(&generator).enumerated().map { $0 == 5 && number == 0 ? nil : $1 }
            try swarm.exchange(gradients)
            #expect(swarm.offset() < 5e-4, "round \(number): \(swarm.offset())")
            longest = max(longest, AdapterDelta(schema: TrackingSwarm.schema, values: swarm.correction(of: 5)).norm)
        }
        // Some 3.5 a value is what gradients differ by at most.
        let usual = 7 * Double(TrackingSwarm.width).squareRoot()
        #expect(adopts ? longest < usual : longest > usual, "\(longest) of \(usual)")
    }

    /// A round's payload is twice as long, but for the last one with training and those of settling; what is no sum is refused.
    @Test(arguments: [.none, .bf16] as [ExchangePolicy.Compression]) func whatIsNoSumIsRefused(
        compression: ExchangePolicy.Compression
    ) throws {
        let schema = TrackingSwarm.schema
        let swarm = TrackingSwarm([[1], [0]], compression: compression, seed: 1)
        var (sender, receiver) = (
            ExchangePipeline(swarm.policy, schema: schema, rounds: 3),
            ExchangePipeline(swarm.policy, schema: schema, rounds: 3)
        )
        let size = (compression == .none ? 4 : 2) * schema.count
        let factors = FactorExchange(.both, schema: schema, rounds: 3)
        for number in 0..<2 {
            var round = swarm.round(of: 0)
            round.number = number
            sender.learned(AdapterDelta(schema: schema, values: Array(repeating: 2, count: schema.count)), in: round)
            let made = sender.outgoing(AdapterDelta(zeroOf: schema), in: round)[0]
            #expect(made.payload.count == 2 * size)
            #expect(swarm.policy.payloadBytes(in: number, of: factors, rounds: 3) == 2 * size)
            #expect(receiver.refusal(encoding: made.encoding, byteCount: size, round: number) == .announcedLength)
            #expect(receiver.refusal(encoding: DifferenceCoding.number, byteCount: 2 * size, round: number) != nil)
            let opened = try receiver.open(
                made.payload, encoding: made.encoding, sequence: UInt64(number + 1), round: number,
                from: TrackingSwarm.id(0))
            #expect(opened.tracked == made.tracked && opened.tracked?.values[0] == 2 * Float(number + 1))
            #expect(opened.delta == AdapterDelta(zeroOf: schema))
            let lies: [(bits: UInt32, refusal: String)] = [
                (Float.nan.bitPattern, "not finite"), (Float.infinity.bitPattern, "not finite"),
                (Float(3e38).bitPattern, "norm"),
            ]
            for (bits, refusal) in lies {
                var payload = made.payload
                let width = compression == .none ? 4 : 2
                let bytes = (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
                payload.replaceSubrange(payload.count - width..<payload.count, with: bytes.suffix(width))
                let error = #expect(throws: ContributionRefusal.self) {
                    _ = try receiver.open(
                        payload, encoding: made.encoding, sequence: 9, round: number, from: TrackingSwarm.id(0))
                }
                #expect(error?.description.contains(refusal) == true, "\(String(describing: error))")
            }
            let found = receiver.mix(AdapterDelta(zeroOf: schema), with: [], in: round)
            #expect(found.weights.isEmpty)
        }
        var last = swarm.round(of: 0)
        last.number = 2
        let made = sender.outgoing(AdapterDelta(zeroOf: schema), in: last)[0]
        #expect(made.payload.count == size && made.tracked == nil)
        #expect(receiver.refusal(encoding: made.encoding, byteCount: 2 * size, round: 2) == .announcedLength)
        _ = sender.mix(AdapterDelta(zeroOf: schema), with: [], in: last)
        // Nothing is kept any more.
        #expect(sender.state.isEmpty)
    }

    /// A neighbour that tells a sum which passes the gate and is a lie draws a peer no further than a hundred times its own
    /// longest gradient.
    @Test func aLieIsBounded() throws {
        var swarm = TrackingSwarm([[1], [0]], seed: 1)
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<3 { try swarm.exchange(swarm.drawn(&generator)) }
        let longest = AdapterDelta(schema: TrackingSwarm.schema, values: swarm.gradients[0]).norm
        var lie = HeardShare(
            origin: TrackingSwarm.id(1), round: swarm.number, weight: swarm.samples[1],
            delta: AdapterDelta(zeroOf: TrackingSwarm.schema))
        lie.tracked = AdapterDelta(
            schema: TrackingSwarm.schema, values: Array(repeating: 1e7, count: TrackingSwarm.width))
        let round = swarm.round(of: 0)
        _ = swarm.pipelines[0].outgoing(AdapterDelta(zeroOf: TrackingSwarm.schema), in: round)
        _ = swarm.pipelines[0].mix(AdapterDelta(zeroOf: TrackingSwarm.schema), with: [lie], in: round)
        let correction = swarm.pipelines[0].correction(in: round)!.norm
        #expect(correction > 50 * longest && correction < 120 * longest, "\(correction) of \(longest)")
    }

    @Test func whoTracksNothingChangesNoBit() {
        var pipeline = ExchangePipeline(ExchangePolicy(), schema: TrackingSwarm.schema, rounds: 9)
        let swarm = TrackingSwarm([[1], [0]], seed: 1)
        #expect(pipeline.correction(in: swarm.round(of: 0)) == nil)
        let made = pipeline.outgoing(AdapterDelta(zeroOf: TrackingSwarm.schema), in: swarm.round(of: 0))
        #expect(made[0].payload.count == 4 * TrackingSwarm.width && made[0].tracked == nil && pipeline.state.isEmpty)
    }

    /// Of frozen factors nothing is tracked and nothing is corrected.
    @Test func frozenFactorsAreLeftAlone() throws {
        let schema = AdapterSchema(tensors: [
            .init(name: "m.lora_A.weight", rows: 2, columns: 6), .init(name: "m.lora_B.weight", rows: 4, columns: 2),
        ])
        var policy = ExchangePolicy(
            mixing: .metropolis, weights: .uniform, factors: .freezeA, compression: .none, robustness: .none)
        policy.tracksGradients = true
        var pipelines = (0..<2).map { _ in ExchangePipeline(policy, schema: schema, rounds: 9) }
        let swarm = TrackingSwarm([[1], [0]], seed: 1)
        var round = swarm.round(of: 0)
        round.weight = 1
        pipelines[0].learned(AdapterDelta(schema: schema, values: Array(repeating: 1, count: 20)), in: round)
        pipelines[1].learned(AdapterDelta(schema: schema, values: Array(repeating: 3, count: 20)), in: round)
        let made = pipelines[1].outgoing(AdapterDelta(zeroOf: schema), in: round)[0]
        #expect(made.payload.count == 2 * 4 * 8)
        _ = pipelines[0].outgoing(AdapterDelta(zeroOf: schema), in: round)
        let opened = try pipelines[0].open(
            made.payload, encoding: made.encoding, sequence: 1, round: 0, from: TrackingSwarm.id(1))
        var share = HeardShare(origin: TrackingSwarm.id(1), round: 0, weight: 1, delta: opened.delta)
        share.tracked = opened.tracked
        _ = pipelines[0].mix(AdapterDelta(zeroOf: schema), with: [share], in: round)
        let correction = pipelines[0].correction(in: round)!
        #expect(correction.values[..<12].allSatisfy { $0 == 0 } && correction.values[12...].allSatisfy { $0 == 1 })
    }
}
