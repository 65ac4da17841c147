import Adapters
import Aggregation
import Basics
import Overlay
import Testing

/// Push-sum's promise: whatever is lost, nothing of the mass is, and everybody comes to the weighted mean.
@Suite struct PushSumMixingTests {
    /// Peers that exchange by hand: who hears what is drawn.
    struct Flock {
        let graph: SwarmGraph
        var counts: [Int]
        var rules: [any MixingRule]
        var adapters: [AdapterDelta]
        var incarnations: [UInt64]
        var generator: SeededGenerator
        var number = 0
        /// Rounds with training.
        var trained = Int.max

        init(_ graph: SwarmGraph, seed: UInt64, rule: any MixingRule = PushSumMixing()) {
            self.graph = graph
            var generator = SeededGenerator(seed: seed)
            counts = (0..<graph.count).map { _ in Int.random(in: 20...400, using: &generator) }
            adapters = (0..<graph.count).map { _ in ExchangeRig.drawn(using: &generator) }
            rules = (0..<graph.count).map { place in
                var own = rule
                own.join(graph, as: place)
                return own
            }
            incarnations = (1...graph.count).map { UInt64($0) }
            self.generator = generator
        }

        func round(of peer: Int) -> MixingRound {
            let ids: [PeerID?] = (0..<graph.count).map { ExchangeRig.id($0) }
            let roster = graph.roster(of: peer, ids: ids, sampleCount: counts[peer], depth: 1)
            var round = MixingRound(
                number: number, isSettling: number >= trained, weight: counts[peer], roster: roster,
                incarnation: incarnations[peer])
            round.settlingNumber = max(0, number - trained)
            return round
        }

        /// A round in which each contribution is lost with probability `loss`, and `absent` take no part.
        mutating func mix(loss: Double = 0, absent: Set<Int> = []) {
            var heard = [[HeardShare]](repeating: [], count: graph.count)
            for peer in 0..<graph.count where !absent.contains(peer) {
                let round = round(of: peer)
                for share in rules[peer].outgoing(adapters[peer], in: round) {
                    rules[peer].sent(share, in: round)
                    for other in graph.neighbours[peer]
                    where share.audience.includes(ExchangeRig.id(other)) && !absent.contains(other) {
                        guard generator.uniform() >= loss else { continue }
                        heard[other].append(
                            HeardShare(
                                origin: ExchangeRig.id(peer), round: number, weight: counts[peer], delta: share.delta,
                                header: share.header))
                    }
                }
            }
            for peer in 0..<graph.count where !absent.contains(peer) {
                adapters[peer] = rules[peer].mix(adapters[peer], with: heard[peer], in: round(of: peer)).delta
            }
            number += 1
        }

        /// All mass, in peers and on its way: weights first, then numerators.
        var mass: [Double] {
            var total = [Double](repeating: 0, count: ExchangeRig.schema.count + 1)
            func add(_ weight: Double, _ numerator: [Double], _ sign: Double) {
                total[0] += sign * weight
                for (index, value) in numerator.enumerated() { total[index + 1] += sign * value }
            }
            for peer in 0..<graph.count {
                guard let mass = rules[peer].mass else { continue }
                add(mass.weight, mass.numerator, 1)
                for (other, edge) in mass.edges.sorted(by: { $0.key < $1.key }) {
                    add(edge.given.weight, edge.given.numerator, 1)
                    // What the receiver took of sums that began anew since was all of them.
                    let taken = rules.indices.first { ExchangeRig.id($0) == other }
                        .flatMap { rules[$0].mass?.edges[ExchangeRig.id(peer)]?.taken }
                    if let taken, taken.epoch == edge.given.epoch { add(taken.weight, taken.numerator, -1) }
                }
            }
            return total
        }

        var mean: AdapterDelta {
            WeightedMean.of(adapters.enumerated().map { (counts[$0], $1) })!
        }

        var distance: Double {
            let mean = mean
            return adapters.map { $0.distance(to: mean) }.max()! / mean.norm
        }
    }

    static func isClose(_ left: [Double], _ right: [Double], to tolerance: Double) -> Bool {
        let scale = right.map(abs).max()!
        return zip(left, right).allSatisfy { abs($0 - $1) <= tolerance * scale }
    }

    @Test(arguments: [0, 0.05, 0.2, 0.5], [UInt64(1), 2, 3])
    func theMeanIsExactWhateverIsLost(loss: Double, seed: UInt64) throws {
        for graph in [SwarmGraph.ring(count: 8), .exponential(count: 16), .complete(count: 5)] {
            var flock = Flock(graph, seed: seed)
            let goal = flock.mean
            flock.mix(loss: loss)
            let mass = flock.mass
            #expect(abs(mass[0] - Double(flock.counts.reduce(0, +))) < 1e-9 * mass[0])
            let before = zip(goal.values, mass.dropFirst()).allSatisfy { abs(Double($0) - $1 / mass[0]) < 1e-6 }
            #expect(before)
            for _ in 0..<400 {
                flock.mix(loss: loss)
                #expect(Self.isClose(flock.mass, mass, to: 1e-12))
            }
            let distance = flock.distance
            #expect(distance < 1e-4, "\(distance)")
            #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm })
        }
    }

    /// Absent peers miss rounds and come back: nothing was lost with them, and what waited for them is little.
    @Test(arguments: [UInt64(4), 5]) func whoComesBackBringsItsMass(seed: UInt64) throws {
        var flock = Flock(.exponential(count: 8), seed: seed)
        let goal = flock.mean
        flock.mix()
        let mass = flock.mass
        for round in 1..<60 { flock.mix(loss: 0.1, absent: (5..<45).contains(round) ? [3, 6] : []) }
        #expect(Self.isClose(flock.mass, mass, to: 1e-12))
        for _ in 0..<300 { flock.mix() }
        #expect(Self.isClose(flock.mass, mass, to: 1e-12))
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm })
    }

    /// While a peer is away, the others keep their mass: it does not drain into what waits for it.
    @Test func massDoesNotDrainToWhoIsAway() throws {
        var flock = Flock(.complete(count: 4), seed: 6)
        for round in 0..<200 { flock.mix(absent: round >= 5 ? [0] : []) }
        let held = (1..<4).compactMap { flock.rules[$0].mass?.weight }.reduce(0, +)
        #expect(held > 0.2 * Double(flock.counts.reduce(0, +)), "\(held)")
    }

    /// Local steps between the rounds add their weighted change, no more and no less.
    @Test(arguments: [0, 0.3]) func localStepsAddTheirChange(loss: Double) throws {
        var flock = Flock(.ring(count: 6), seed: 7)
        flock.mix(loss: loss)
        var mass = flock.mass
        for _ in 0..<50 {
            for peer in flock.rules.indices {
                let step = ExchangeRig.drawn(using: &flock.generator)
                let weight = Double(flock.counts[peer])
                for index in step.values.indices {
                    let before = flock.adapters[peer].values[index]
                    let after: Float = before + step.values[index] / 10
                    flock.adapters[peer][index] = after
                    mass[index + 1] += weight * (Double(after) - Double(before))
                }
            }
            flock.mix(loss: loss)
            #expect(Self.isClose(flock.mass, mass, to: 1e-11))
        }
    }

    /// Long runs: sums begin anew before single precision runs out.
    @Test func tenThousandRoundsLoseNoDigits() throws {
        var flock = Flock(.exponential(count: 8), seed: 8)
        flock.mix()
        let mass = flock.mass
        var worst = 0.0
        for round in 1..<10_000 {
            flock.mix(loss: 0.05)
            if round > 200 { worst = max(worst, flock.distance) }
        }
        #expect(worst < 1e-3, "\(worst)")
        #expect(Self.isClose(flock.mass, mass, to: 1e-9))
        let epochs = flock.rules[0].mass?.edges.values.map(\.given.epoch) ?? []
        #expect(epochs.count == flock.graph.degree(of: 0))
        #expect(epochs.allSatisfy { $0 > 3 })
    }

    @Test func aStateGoesOnToTheLastBit() throws {
        var flock = Flock(.ring(count: 5), seed: 9)
        for _ in 0..<20 { flock.mix(loss: 0.2) }
        var other = flock
        for peer in other.rules.indices {
            var rule = PushSumMixing()
            try rule.restore(flock.rules[peer].state)
            #expect(rule.state == flock.rules[peer].state)
            other.rules[peer] = rule
        }
        for _ in 0..<20 {
            flock.mix(loss: 0.2)
            other.mix(loss: 0.2)
        }
        #expect(flock.adapters == other.adapters)
    }

    /// Who lost its state takes the others' mean and goes on; what it held is gone, and the rest agrees.
    /// Its clock may have been set back to before its last state began.
    @Test(arguments: [UInt64(99), 1]) func whoLostItsStateBeginsAnew(incarnation: UInt64) throws {
        var flock = Flock(.complete(count: 5), seed: 10)
        for _ in 0..<30 { flock.mix() }
        let goal = flock.mean
        flock.rules[2] = PushSumMixing()
        flock.incarnations[2] = incarnation
        flock.adapters[2] = AdapterDelta(zeroOf: ExchangeRig.schema)
        // The others go on without it until they send it no more mass, and it takes over what they have.
        for _ in 0..<5 { flock.mix(absent: [2]) }
        var shares: [HeardShare] = []
        for peer in flock.rules.indices where peer != 2 {
            let round = flock.round(of: peer)
            for share in flock.rules[peer].outgoing(flock.adapters[peer], in: round)
            where share.audience.includes(ExchangeRig.id(2)) {
                shares.append(
                    HeardShare(
                        origin: ExchangeRig.id(peer), round: flock.number, weight: flock.counts[peer],
                        delta: share.delta, header: share.header))
            }
        }
        let adopted = flock.rules[2].adopt(shares, in: flock.round(of: 2))
        flock.adapters[2] = try #require(adopted)
        #expect(flock.adapters[2].distance(to: goal) < 1e-5 * goal.norm)
        for _ in 0..<100 { flock.mix() }
        #expect(flock.distance < 1e-5)
        #expect(flock.adapters.allSatisfy { $0.distance(to: goal) < 1e-4 * goal.norm })
        #expect(try #require(flock.rules[2].mass).weight > 1)
    }

    /// A neighbour that claims to know a state of the far future gives this peer no mark that nothing comes after.
    @Test(arguments: [UInt64.max, UInt64.max - 1, UInt64(1) << 62])
    func aLaterStateOfTheFarFutureIsNotBelieved(claim: UInt64) throws {
        var flock = Flock(.complete(count: 3), seed: 11)
        for _ in 0..<5 { flock.mix() }
        let mark = try #require(flock.rules[0].mass).mark
        let (own, round) = (flock.adapters[0], flock.round(of: 0))
        _ = flock.rules[0].outgoing(own, in: round)
        let sent = flock.rules[1].outgoing(flock.adapters[1], in: flock.round(of: 1))
        var share = try #require(sent.first { $0.audience.includes(ExchangeRig.id(0)) })
        // The second number of the header is the receiver's mark.
        share.header.replaceSubrange(8..<16, with: (0..<8).map { UInt8(truncatingIfNeeded: claim >> (8 * $0)) })
        _ = flock.rules[0].mix(
            own,
            with: [
                HeardShare(
                    origin: ExchangeRig.id(1), round: flock.number, weight: flock.counts[1], delta: share.delta,
                    header: share.header)
            ], in: round)
        #expect(try #require(flock.rules[0].mass).mark == mark)
    }

    /// As long as nothing is missing, everybody holds its sample count, and the rule is Metropolis averaging.
    @Test(arguments: [UInt64(13), 14]) func withoutLossItIsMetropolis(seed: UInt64) throws {
        var flock = Flock(.exponential(count: 12), seed: seed)
        flock.mix()
        // From the second round on everybody knows what its neighbours count.
        for _ in 0..<400 { flock.mix() }
        for peer in flock.rules.indices {
            let held = try #require(flock.rules[peer].mass).weight
            #expect(abs(held - Double(flock.counts[peer])) < 1e-6 * held)
        }
        let plain = flock.adapters
        flock.mix()
        for peer in plain.indices {
            let heard = flock.graph.neighbours[peer].map { other in
                HeardShare(
                    origin: ExchangeRig.id(other), round: flock.number, weight: flock.counts[other],
                    delta: plain[other])
            }
            var rule = MetropolisMixing()
            let mixed = rule.mix(plain[peer], with: heard, in: flock.round(of: peer)).delta
            #expect(mixed.distance(to: flock.adapters[peer]) < 1e-4 * mixed.norm)
        }
    }

    /// Local steps of a peer whose weight is away move it as far as its trainer went, not a multiple of it; what is owed
    /// comes with the weight.
    @Test func stepsAreNotMultipliedWhileWeightIsAway() throws {
        var flock = Flock(.complete(count: 4), seed: 15)
        for _ in 0..<30 { flock.mix() }
        let mass = flock.mass
        // Peer 0 gives for three rounds and hears nothing.
        for _ in 0..<3 {
            for share in flock.rules[0].outgoing(flock.adapters[0], in: flock.round(of: 0)) {
                flock.rules[0].sent(share, in: flock.round(of: 0))
            }
            flock.adapters[0] = flock.rules[0].mix(flock.adapters[0], with: [], in: flock.round(of: 0)).delta
            flock.number += 1
        }
        let count = Double(flock.counts[0])
        let held = try #require(flock.rules[0].mass).weight
        #expect(held < 0.4 * count)
        let before = flock.adapters[0]
        for index in before.values.indices { flock.adapters[0][index] += 1 }
        let after = flock.rules[0].mix(flock.adapters[0], with: [], in: flock.round(of: 0)).delta
        let farthest = zip(after.values, before.values).map { abs($0 - $1) }.max()!
        // One step, and a share of what is owed that is not above one step.
        #expect(farthest <= 2.001)
        flock.adapters[0] = after
        flock.number += 1
        for _ in 0..<60 { flock.mix() }
        var expected = mass
        for index in 1..<expected.count { expected[index] += count }
        #expect(Self.isClose(flock.mass, expected, to: 1e-6))
        let goal = expected.dropFirst().map { Float($0 / expected[0]) }
        let distance = zip(flock.adapters[0].values, goal).map { abs($0 - $1) }.max()!
        #expect(distance < 1e-3, "\(distance)")
    }

    /// Headers and states of others are never believed blindly, and never trap.
    @Test(arguments: [UInt64(11), 12]) func hostileBytesDoNotTrap(seed: UInt64) throws {
        var flock = Flock(.complete(count: 4), seed: seed)
        for _ in 0..<5 { flock.mix() }
        let state = flock.rules[0].state
        for _ in 0..<2000 {
            var header = (0..<41).map { _ in UInt8.random(in: 0...255, using: &flock.generator) }
            if flock.generator.uniform() < 0.5 {
                header.replaceSubrange(0..<16, with: [1] + [UInt8](repeating: 0, count: 15))
                header[40] &= 1
            }
            let share = HeardShare(
                origin: ExchangeRig.id(1), round: flock.number, weight: 10,
                delta: ExchangeRig.drawn(using: &flock.generator), header: header)
            flock.adapters[0] = flock.rules[0].mix(flock.adapters[0], with: [share], in: flock.round(of: 0)).delta
            let isFinite = flock.adapters[0].values.allSatisfy(\.isFinite)
            #expect(isFinite)
            flock.number += 1
            var damaged = state
            let place = Int.random(in: 0..<state.count, using: &flock.generator)
            damaged[place] ^= UInt8.random(in: 1...255, using: &flock.generator)
            damaged.removeLast(Int.random(in: 0..<min(40, damaged.count), using: &flock.generator))
            var rule = PushSumMixing()
            try? rule.restore(damaged)
            _ = rule.outgoing(flock.adapters[1], in: flock.round(of: 1))
        }
    }
}
