import Adapters
import Aggregation
import Basics
import Cryptography
import Federation
import Testing
import Wire

/// `exchange.mixing: all-reduce` in whole swarms: the exact mean in slices, and gossip where that cannot be.
@Suite struct AllReduceTests {
    /// Adapters of 160,032 values have ten leaves in single precision, of 131,072 eight (four in bf16), of 72,032 five.
    static func swarm(
        count: Int = 4, seed: UInt64 = 1, rounds: Int = 4, loss: Double = 0, compression: String = "none",
        rows: Int = 20_000, unequal: Bool = true
    ) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: "complete", count: count, seed: seed, rounds: rounds, loss: loss, unequal: unequal,
            exchange: "staleness: 2, mixing: all-reduce, compression: \(compression)", rows: rows)
    }

    private func givenUp(_ swarm: VirtualSwarm, _ peer: Int) -> [Int] {
        swarm.kinds(peer).compactMap { if case .reductionGivenUp(let round, _) = $0 { round } else { nil } }
    }

    private func bytesSent(_ swarm: VirtualSwarm, _ peer: Int) -> Double {
        let traffic = swarm.kinds(peer).compactMap { if case .traffic(let traffic) = $0 { traffic } else { nil } }
        return Double(traffic.last?.bytesSent ?? 0)
    }

    /// Everybody ends with the exact mean, and sends what two passes over an adapter cost.
    @Test(arguments: [("none", 2, 16_380), ("none", 5, 20_000), ("none", 6, 9000), ("bf16", 4, 16_380)])
    func theMeanIsExactAndCheap(setting: (compression: String, count: Int, rows: Int)) throws {
        let (count, rounds) = (setting.count, 4)
        var swarm = try Self.swarm(
            count: count, seed: 5, rounds: rounds, compression: setting.compression, rows: setting.rows)
        try swarm.startAll()
        let isDone = swarm.run(for: .seconds(600))
        let finals = swarm.finals(0..<count)
        #expect(isDone)
        try #require(finals.count == count)
        let ideal = swarm.ideal(0..<count)
        let isExact = setting.compression == "none"
        for final in finals {
            #expect(final == finals[0])
            #expect(final.distance(to: ideal) / ideal.norm < (isExact ? 1e-5 : 2e-3))
        }
        let least = 2 * Double(count - 1) / Double(count) * Double(4 * swarm.schema.count)
        for peer in 0..<count {
            #expect(givenUp(swarm, peer).isEmpty)
            // In bf16 contributions have half the bytes and means all, and the first settling round is in single
            // precision.
            let passes = isExact ? Double(rounds) : Double(rounds) * 0.75 + 1
            if setting.rows > 9000 {
                #expect(bytesSent(swarm, peer) < 1.2 * passes * least + 60_000, "\(bytesSent(swarm, peer))")
                #expect(bytesSent(swarm, peer) > 0.9 * passes * least)
            }
            for kind in swarm.kinds(peer) {
                guard case .mixed(let round, let disagreement, let present, let absent, _) = kind else { continue }
                #expect(present.count == count - 1 && absent.isEmpty)
                #expect(round < rounds || disagreement == 0 || !isExact && round == rounds)
            }
        }
    }

    /// Each round's average is that of what was published, at every peer, to the last bit.
    @Test(arguments: [0, 0.05]) func everyRoundIsTheAverageOfItsContributions(loss: Double) throws {
        var swarm = try Self.swarm(count: 3, seed: 8, loss: loss, rows: 9000)
        for index in 0..<3 {
            swarm.after(.zero) { $0.members[index].core?.isAudited = true }
        }
        try swarm.startAll()
        swarm.run(for: .seconds(600))
        for round in 0..<4 {
            let published = try (0..<3).map { try #require(swarm.members[$0].published[round]) }
            let mean = ExactMean.of(
                (0..<3).map {
                    ExactMean.Term(
                        origin: swarm.id($0), weight: swarm.members[$0].sampleCount, values: published[$0].values[...])
                })
            for peer in 0..<3 { #expect(swarm.members[peer].mixed[round]?.values == mean) }
        }
    }

    /// A peer that dies and comes back, in training or in settling, with its disk or without: the others gossip
    /// meanwhile, and all agree in the end, near the mean.
    @Test(arguments: [900, 1300, 2500, 4150, 5000], [true, false])
    func whoRestartsFollowsAgain(moment: Int, keepsDisk: Bool) throws {
        var swarm = try Self.swarm(seed: UInt64(moment), rounds: 5, loss: 0.02, rows: 9000)
        try swarm.startAll()
        swarm.crash(2, after: .milliseconds(moment), keepsDisk: keepsDisk, for: .milliseconds(2500))
        for step in 1...40 {
            swarm.after(.milliseconds(300 * step)) { swarm in
                for member in swarm.members { #expect(member.core?.brokenBound == nil) }
            }
        }
        let began = swarm.time
        try swarm.expectToAgree()
        #expect(swarm.time - began < .seconds(180))
        let ideal = swarm.ideal(0..<4)
        let distances = swarm.finals(0..<4).map { $0.distance(to: ideal) / ideal.norm }
        #expect(distances.allSatisfy { $0 < 0.35 }, "\(distances)")
    }

    /// A peer that dies while means are under way, comes back at once and contributes something else: whoever takes an
    /// average still has that of the contributions that it names, and of no others.
    @Test(arguments: 0..<24 as Range<Int>) func whatIsAveragedIsNamed(moment: Int) throws {
        var swarm = try Self.swarm(count: 4, seed: UInt64(moment), loss: 0.05, rows: 9000)
        swarm.members[2].trainingTime = .milliseconds(1)
        var (starts, isDoomed) = (0, false)
        swarm.alter = { index, outcome in if index == 2 { outcome.delta[0] += Float(starts) } }
        for step in 0..<4000 {
            swarm.after(.milliseconds(step)) { swarm in
                starts = swarm.members[2].starts
                for index in 0..<4 { swarm.members[index].core?.isAudited = true }
                // Everybody has contributed to the first round.
                guard !isDoomed, (0..<4).allSatisfy({ swarm.members[$0].published[0] != nil }) else { return }
                isDoomed = true
                swarm.crash(2, after: .milliseconds(moment), keepsDisk: true, for: .milliseconds(2))
            }
        }
        try swarm.startAll()
        swarm.run(for: .seconds(600))
        var compared = 0
        for peer in [0, 1, 3] {
            for (round, mixed) in swarm.members[peer].mixed where !givenUp(swarm, peer).contains(round) {
                let own = try #require(swarm.members[peer].published[round])
                var terms = [
                    ExactMean.Term(
                        origin: swarm.id(peer), weight: swarm.members[peer].sampleCount, values: own.values[...])
                ]
                for part in try #require(swarm.members[peer].parts[round]) {
                    let other = try #require((0..<4).first { swarm.id($0) == part.origin })
                    let delta = try #require(swarm.members[other].contributions[part.sequence])
                    terms.append(
                        ExactMean.Term(
                            origin: part.origin, weight: swarm.members[other].sampleCount, values: delta.values[...]))
                }
                guard terms.count == 4 else { continue }
                #expect(mixed.values == ExactMean.of(terms), "peer \(peer), round \(round)")
                compared += 1
            }
        }
        #expect(isDoomed && compared > 0)
    }

    /// Who is gone for good costs the others its part, and no more time than elsewhere.
    @Test(arguments: 1..<4 as Range<UInt64>) func othersAgreeWithoutWhoIsGone(seed: UInt64) throws {
        var swarm = try Self.swarm(count: 5, seed: seed, rounds: 6, rows: 9000)
        try swarm.startAll()
        swarm.after(.milliseconds(2300)) { $0.crash(3) }
        swarm.run(for: .seconds(600))
        let finals = swarm.finals([0, 1, 2, 4])
        #expect(finals.count == 4 && ConsensusDistance.relative(finals) <= 1e-3)
        #expect(givenUp(swarm, 0).count > 0)
    }

    /// A mean that is not finite, or far too large, is refused, and nobody's adapter has anything of it.
    @Test(arguments: [Float.nan, .infinity, 1e20]) func aMeanThatLiesIsRefused(value: Float) throws {
        struct Liar: OutgoingTampering {
            let value: Float
            var keepsQuiet: Bool { false }
            func serve(_ publication: Publication, through wire: inout ProtocolEndpoint) -> ObjectID? {
                wire.publish(SignedManifest(publication.manifest, signedWith: keys), publication.payload)
            }
            func offered(
                _ publication: Publication, in scene: TamperingScene, through wire: inout ProtocolEndpoint,
                at time: MonotonicTime
            ) {}
            func heard(_ manifest: SignedManifest, in scene: TamperingScene, through wire: inout ProtocolEndpoint) {}
            func mean(_ values: [Float]) -> [Float] { values.map { _ in value } }
            let keys: SigningKey
        }
        var swarm = try Self.swarm(seed: 6, rounds: 3, rows: 9000)
        swarm.after(.zero) { swarm in
            let liar = Liar(value: value, keys: swarm.members[1].keys.signing)
            swarm.members[1].core?.tampering = liar
        }
        try swarm.startAll()
        let isDone = swarm.run(for: .seconds(900))
        #expect(isDone)
        let finals = swarm.finals([0, 2, 3])
        try #require(finals.count == 3)
        let ideal = swarm.ideal(0..<4)
        #expect(finals.allSatisfy { $0.distance(to: ideal) / ideal.norm < 1e-2 })
        for peer in [0, 2, 3] {
            let refused = swarm.kinds(peer).count { if case .contributionRefused = $0 { true } else { false } }
            #expect(refused > 0 || givenUp(swarm, peer).count > 0)
        }
        let refusals = [0, 2, 3].flatMap { swarm.kinds($0) }.count {
            if case .contributionRefused = $0 { true } else { false }
        }
        #expect(refusals > 0)
    }

    /// A contribution that is not finite spoils no slice: it is refused, and the others mix without it.
    @Test func aContributionThatIsNotFiniteIsLeftOut() throws {
        var swarm = try Self.swarm(seed: 7, rounds: 3, rows: 9000)
        swarm.members[1].poisons = true
        try swarm.startAll()
        swarm.run(for: .seconds(900))
        let finals = swarm.finals([0, 2, 3])
        try #require(finals.count == 3)
        #expect(finals.allSatisfy { $0.isFinite && $0.norm < 1e3 })
        #expect(ConsensusDistance.relative(finals) <= 1e-3)
    }

    /// Where all contributions are equal everybody sees it, also who asked for slices before its own was there: nobody waits
    /// for means that nobody makes.
    @Test(arguments: 1..<5 as Range<UInt64>) func whereAllAreEqualNobodyWaits(seed: UInt64) throws {
        var swarm = try Self.swarm(seed: seed, rows: 9000)
        for peer in 0..<4 { swarm.members[peer].idles = true }
        try swarm.startAll()
        let isDone = swarm.run(for: .seconds(600))
        #expect(isDone)
        #expect((0..<4).allSatisfy { givenUp(swarm, $0).isEmpty })
    }

    /// Small adapters are fetched whole: there is nothing to divide.
    @Test func whatHasOneLeafIsMixedWhole() throws {
        var swarm = try Self.swarm(seed: 2, rows: 40)
        try swarm.startAll()
        let isDone = swarm.run(for: .seconds(600))
        #expect(isDone)
        let finals = swarm.finals(0..<4)
        try #require(finals.count == 4)
        let ideal = swarm.ideal(0..<4)
        #expect(finals.allSatisfy { $0 == finals[0] } && finals[0].distance(to: ideal) / ideal.norm < 1e-5)
        #expect((0..<4).allSatisfy { givenUp(swarm, $0).isEmpty })
    }
}
