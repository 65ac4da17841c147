import Adapters
import Aggregation
import Basics
import Faults
import Federation
import Overlay
import Simulation
import Testing

/// The checkers find what they are there for: each is shown a right history, and the same with one thing wrong.
@Suite struct CheckerTests {
    static let schema = AdapterSchema(tensors: [.init(name: "x", rows: 1, columns: 2)])
    static let ids = (1...3).map { PeerID(bytes: [UInt8](repeating: UInt8($0), count: 32))! }

    static func delta(_ values: Float...) -> AdapterDelta { AdapterDelta(schema: schema, values: values) }

    /// Three peers, each with the other two as neighbours, with 10, 20 and 40 records.
    static func mixing() -> MixingChecker {
        let graph = SwarmGraph.complete(count: 3)
        let configurations = [10, 20, 40].enumerated().map { place, samples in
            PeerConfiguration(
                schema: schema, baseModelDigest: [UInt8](repeating: 0, count: 32),
                roster: graph.roster(of: place, ids: ids, sampleCount: samples, depth: 1), remotes: [], rounds: 3,
                localSteps: 1, settlingLimit: 9)
        }
        var checker = MixingChecker(ids: ids, graph: graph, configurations: configurations)
        let adapters = [delta(1, 0), delta(0, 1), delta(3, 3)]
        for peer in 0..<3 {
            let published = PeerAudit.published(
                round: 4, sequence: UInt64(100 + peer), isFinal: false, delta: adapters[peer])
            _ = checker.observe(published, of: peer, dishonest: [false, false, false])
        }
        return checker
    }

    /// Two peers under push-sum that have given each other mass once: what they hold, and what checks it.
    static func mass() -> (checker: MassChecker, accounts: [MassAccount?]) {
        let graph = SwarmGraph.complete(count: 2)
        let rosters = (0..<2).map { graph.roster(of: $0, ids: ids.map { $0 }, sampleCount: 10, depth: 1) }
        var checker = MassChecker(
            ids: Array(ids.prefix(2)),
            configurations: rosters.map {
                PeerConfiguration(
                    schema: schema, baseModelDigest: [UInt8](repeating: 0, count: 32), roster: $0, remotes: [],
                    rounds: 3, localSteps: 1, settlingLimit: 9)
            })
        var rules = [PushSumMixing(), PushSumMixing()]
        for (peer, roster) in rosters.enumerated() {
            let round = MixingRound(number: 0, weight: 10, roster: roster)
            for share in rules[peer].outgoing(delta(1, Float(peer)), in: round) { rules[peer].sent(share, in: round) }
            checker.observe(
                .published(round: 0, sequence: 1, isFinal: false, delta: delta(0, 0), own: delta(1, Float(peer))),
                of: peer)
        }
        return (checker, rules.map(\.mass))
    }

    @Test func massThatIsAllThereIsRight() throws {
        var (checker, accounts) = Self.mass()
        #expect(checker.check { accounts[$0] } == nil)
        // A step of peer 0 by one adds ten to the sums.
        checker.observe(
            .published(round: 1, sequence: 2, isFinal: false, delta: Self.delta(0, 0), own: Self.delta(2, 0)), of: 0)
        accounts[0]?.numerator[0] += 10
        #expect(checker.check { accounts[$0] } == nil)
        // One that is down is not counted.
        checker.observe(.mixed(round: 1, with: [], delta: Self.delta(2, 0)), of: 0)
        #expect(checker.check { $0 == 0 ? accounts[0] : nil } == nil)
    }

    @Test func massThatIsLostOrGainedIsFound() throws {
        for change in [-1.0, 1] {
            var (checker, accounts) = Self.mass()
            #expect(checker.check { accounts[$0] } == nil)
            checker.observe(.mixed(round: 1, with: [], delta: Self.delta(1, 0)), of: 0)
            accounts[0]?.weight += change
            let weight = checker.check { accounts[$0] }
            #expect(try #require(weight).contains("weight"))
            (checker, accounts) = Self.mass()
            #expect(checker.check { accounts[$0] } == nil)
            checker.observe(.mixed(round: 1, with: [], delta: Self.delta(1, 0)), of: 0)
            accounts[1]?.numerator[1] += change
            let value = checker.check { accounts[$0] }
            #expect(try #require(value).contains("value 1"))
        }
    }

    /// A peer that goes on from an older state does not know of what it gave after that; its neighbour has it all the same.
    @Test func massThatAGiverForgotIsCountedOnce() throws {
        let graph = SwarmGraph.complete(count: 2)
        let ids = Array(Self.ids.prefix(2))
        let rounds = (0..<2).map {
            MixingRound(number: 0, weight: 10, roster: graph.roster(of: $0, ids: ids, sampleCount: 10, depth: 1))
        }
        var (giver, taker) = (PushSumMixing(), PushSumMixing())
        let share = try #require(giver.outgoing(Self.delta(1, 2), in: rounds[0]).first)
        let kept = giver.mass
        _ = taker.outgoing(Self.delta(3, 4), in: rounds[1])
        let heard = HeardShare(
            origin: ids[0], round: 0, weight: 10, delta: share.delta, header: share.header)
        _ = taker.mix(Self.delta(3, 4), with: [heard], in: rounds[1])
        #expect(try #require(taker.mass?.weight) > 10)
        let total = MassAccount.total([kept, taker.mass], of: ids)
        #expect(total.weight == 20)
        #expect(total.numerator == [40, 60])
    }

    /// A giver that keeps what it gave balances the sums; only one that goes on from an older state may.
    @Test(arguments: [1, 2]) func massThatAGiverKeptIsFound(processes: Int) throws {
        let graph = SwarmGraph.complete(count: 2)
        let ids = Array(Self.ids.prefix(2))
        let rosters = (0..<2).map { graph.roster(of: $0, ids: ids, sampleCount: 10, depth: 1) }
        var checker = MassChecker(
            ids: ids,
            configurations: rosters.map {
                PeerConfiguration(
                    schema: Self.schema, baseModelDigest: [UInt8](repeating: 0, count: 32), roster: $0, remotes: [],
                    rounds: 3, localSteps: 1, settlingLimit: 9)
            })
        for _ in 0..<processes { checker.starts(0) }
        checker.starts(1)
        var (giver, taker) = (PushSumMixing(), PushSumMixing())
        let rounds = rosters.map { MixingRound(number: 0, weight: 10, roster: $0) }
        let share = try #require(giver.outgoing(Self.delta(1, 2), in: rounds[0]).first)
        _ = taker.outgoing(Self.delta(3, 4), in: rounds[1])
        let heard = HeardShare(origin: ids[0], round: 0, weight: 10, delta: share.delta, header: share.header)
        _ = taker.mix(Self.delta(3, 4), with: [heard], in: rounds[1])
        checker.observe(.mixed(round: 0, with: [], delta: Self.delta(3, 4)), of: 1)
        let problem = checker.check { [giver.mass, taker.mass][$0] }
        if processes == 1 { #expect(try #require(problem).contains("has taken")) } else { #expect(problem == nil) }
    }

    /// A peer of a ring whose settling is accelerated, after two rounds without training: at 1, at 3, then at `next`.
    private static func settled(at next: Float, mixed: Float = 4, skipping: Bool = false) -> String? {
        let graph = SwarmGraph.ring(count: 3)
        let limits = SettlingLimits(consensusBound: 1e-3, depth: 2, rounds: 9)
        let configurations = (0..<3).map { place in
            var configuration = PeerConfiguration(
                schema: schema, baseModelDigest: [UInt8](repeating: 0, count: 32),
                roster: graph.roster(of: place, ids: ids, sampleCount: 10, depth: 2), remotes: [], rounds: 3,
                localSteps: 1, settlingLimit: 9)
            configuration.exchange.chebyshev = ChebyshevSettling(modulus: 0.8, limits: limits)
            return configuration
        }
        var checker = MixingChecker(ids: ids, graph: graph, configurations: configurations)
        let values: [(own: Float, mixed: Float)] = [(9, 9), (1, 3), (3, mixed)]
        for (index, value) in values.enumerated() where !skipping || index != 1 {
            let (round, sequence) = (2 + index, UInt64(index))
            let own = delta(value.own, 0)
            for audit in [
                PeerAudit.published(round: round, sequence: sequence, isFinal: false, delta: own, own: own),
                .mixed(round: round, with: [part(1, sequence: 77)], delta: delta(value.mixed, 0)),
            ] { _ = checker.observe(audit, of: 0, dishonest: [false, true, true]) }
        }
        let after = delta(next, 0)
        return checker.observe(
            .published(round: 5, sequence: 9, isFinal: false, delta: after, own: after), of: 0,
            dishonest: [false, true, true])
    }

    @Test func acceleratedSettlingIsReckonedAgain() throws {
        // ω of the second settling round is 1 / (1 − 0.8² / 2).
        let right = Float(1 + (4.0 - 1) / 0.68)
        #expect(Self.settled(at: right) == nil)
        // Mixing alone is allowed to who lost sight of others.
        #expect(Self.settled(at: 4) == nil)
        #expect(try #require(Self.settled(at: right + 0.01)).contains("off by"))
        #expect(try #require(Self.settled(at: .nan)).contains("off by"))
        // Without a round before there is nothing to go on from.
        #expect(try #require(Self.settled(at: right, skipping: true)).contains("another adapter"))
        #expect(Self.settled(at: 4, skipping: true) == nil)
    }

    static func part(_ peer: Int, sequence: UInt64? = nil) -> PeerAudit.Part {
        PeerAudit.Part(origin: ids[peer], sequence: sequence ?? UInt64(100 + peer))
    }

    /// The second peer, with 20 records, takes min(1/3, 10/20/3) of the first and 1/3 of the third, and keeps the rest.
    static let right = delta(1 / 6 + 1, 0.5 + 1)

    @Test func rightMixingPasses() {
        var checker = Self.mixing()
        let audit = PeerAudit.mixed(round: 4, with: [Self.part(0), Self.part(2)], delta: Self.right)
        let problem = checker.observe(audit, of: 1, dishonest: [false, false, false])
        #expect(problem == nil)
    }

    @Test(arguments: [
        (PeerAudit.mixed(round: 4, with: [part(0), part(2)], delta: delta(1 / 6 + 1, 0.4 + 1)), "off by"),
        (.mixed(round: 4, with: [part(0), part(2)], delta: delta(.nan, 1.5)), "off by"),
        (.mixed(round: 4, with: [part(0), part(2), part(2)], delta: right), "twice"),
        (.mixed(round: 4, with: [part(0, sequence: 7), part(2)], delta: right), "never published"),
        (.adopted(of: [part(0), part(2)], with: nil, delta: delta(2, 2)), "off by"),
        (.adopted(of: [part(0), part(2, sequence: 9)], with: nil, delta: delta(2, 2)), "never published"),
    ])
    func wrongMixingIsFound(audit: PeerAudit, word: String) throws {
        var checker = Self.mixing()
        let problem = checker.observe(audit, of: 1, dishonest: [false, false, false])
        #expect(try #require(problem).contains(word))
        // Of what a dishonest peer contributed nothing is known, and nothing is said.
        var other = Self.mixing()
        let excused = other.observe(audit, of: 1, dishonest: [true, false, false])
        #expect(excused == nil || word == "twice")
    }

    @Test func staleContributionsAreFound() throws {
        var checker = Self.mixing()
        let later = PeerAudit.published(round: 9, sequence: 200, isFinal: false, delta: Self.delta(0, 1))
        _ = checker.observe(later, of: 1, dishonest: [false, false, false])
        let audit = PeerAudit.mixed(round: 9, with: [Self.part(0)], delta: Self.delta(1 / 6, 5 / 6))
        let problem = checker.observe(audit, of: 1, dishonest: [false, false, false])
        #expect(try #require(problem).contains("round 4"))
    }

    static func packet(index: UInt8, number: UInt8, body: UInt8) -> [UInt8] {
        [4, 0, 0, 0, index, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, body]
    }

    @Test func packetNumbersMustGrow() {
        var checker = PacketChecker(count: 2)
        func sent(index: UInt8, number: UInt8, body: UInt8, from: Int = 0, to: Int = 1) -> String? {
            checker.sent(
                Self.packet(index: index, number: number, body: body), digest: UInt64(body), from: from, to: to)
        }
        let right = [
            sent(index: 1, number: 5, body: 1), sent(index: 1, number: 6, body: 2),
            // The same packet again, another session's, and the other way.
            sent(index: 1, number: 6, body: 2), sent(index: 2, number: 6, body: 3),
            sent(index: 1, number: 6, body: 4, from: 1, to: 0),
            checker.sent([1, 0, 0], digest: 4, from: 1, to: 0),
        ]
        #expect(right.allSatisfy { $0 == nil })
        let wrong = [sent(index: 1, number: 6, body: 9), sent(index: 1, number: 5, body: 8)]
        #expect(wrong.allSatisfy { $0 != nil })
    }

    @Test func copiesMustBeDropped() {
        var checker = PacketChecker(count: 1)
        checker.starts(0)
        for digest in [UInt64(1), 2, 2, 3, 3, 3] { checker.arrived(digest: digest, at: 0) }
        #expect(checker.ends(0, dropped: 3) == nil)
        #expect(checker.ends(0, dropped: 2) != nil)
        checker.starts(0)
        checker.arrived(digest: 3, at: 0)
        #expect(checker.ends(0, dropped: 0) == nil)
    }

    @Test func equivocatorsMustBeShutOut() {
        func checker() -> QuarantineChecker {
            var checker = QuarantineChecker(neighbours: [[1, 2], [0, 2], [0, 1]])
            checker.equivocates(0)
            return checker
        }
        let (early, late) = (MonotonicTime(nanoseconds: 0), MonotonicTime(nanoseconds: 90_000_000_000))
        let dishonest = [true, false, false]
        var unnoticed = checker()
        for _ in 0..<QuarantineChecker.certain - 1 { unnoticed.heard(0) }
        #expect(unnoticed.conclude(dishonest: dishonest, at: late).isEmpty)
        unnoticed.heard(0)
        #expect(unnoticed.conclude(dishonest: dishonest, at: late).count == 1)

        var halfway = checker()
        halfway.shutsOut(1, 0, at: early)
        #expect(halfway.conclude(dishonest: dishonest, at: late) == ["peer 2 never learnt that peer 0 said two things"])
        #expect(halfway.conclude(dishonest: dishonest, at: early).isEmpty, "the proof has to have time to spread")
        halfway.shutsOut(2, 0, at: early)
        #expect(halfway.conclude(dishonest: dishonest, at: late).isEmpty)

        var reformed = checker()
        reformed.reforms(0)
        for _ in 0..<100 { reformed.heard(0) }
        #expect(reformed.conclude(dishonest: dishonest, at: late).isEmpty)
    }

    @Test func roundsFollowOneAnother() throws {
        let time = MonotonicTime(nanoseconds: 0)
        func events(mixing round: Int) -> [PeerEvent.Kind] {
            [
                .started(round: 2, resumed: true),
                .mixed(round: 2, disagreement: 0, present: [], absent: [], duration: .zero),
                .caughtUp(from: 3, to: 9, donors: [], keptOwnWork: true),
                .mixed(round: round, disagreement: 0, present: [], absent: [], duration: .zero),
            ]
        }
        for (round, isRight) in [(8, false), (9, true), (10, false)] {
            var checker = SwarmChecker(
                names: ["one"], ids: [Self.ids[0]], targets: [], neighbours: [[]], consensusBound: 0.01)
            // So far has an honest peer come.
            let object = String(repeating: "0", count: 64)
            let published = PeerEvent.Kind.contributionPublished(
                round: 9, byteCount: 1, tensors: 1, norm: 1, object: object)
            for kind in [published] + events(mixing: round) {
                checker.observe(PeerEvent(time: time, kind: kind), of: 0, at: time)
            }
            #expect(checker.violations.map(\.checker) == (isRight ? [] : ["order"]))
        }
    }

    @Test func spreadIsCountedInEdges() {
        // A line of four: work needs three edges from end to end.
        var meter = SpreadMeter(count: 4)
        let neighbours = [[1], [0, 2], [1, 3], [2]]
        for round in 0..<3 {
            #expect(meter.lastDeliveryHops == nil)
            for peer in 0..<4 { meter.mixed(peer, round: round, partners: neighbours[peer], absent: 0) }
        }
        #expect(meter.lastDeliveryHops == 3)
        meter.mixed(0, round: 3, partners: [], absent: 1)
        #expect(meter.missed == 1)
    }

    /// Swarms that are cut short, and dishonest peers that accuse others, leave nothing to find.
    @Test func accusationsWithoutASignatureLeadNowhere() throws {
        var faults = FaultSchedule.none
        faults.healing = .seconds(20)
        faults.peers = [PeerFault(peers: .names(["peer-3"]), interval: .init(from: .zero), kind: .byzantine(.forge))]
        let report = try SimulatedSwarmTests.run(faults, seed: 8)
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.everyoneFinished)
    }

    @Test func aRunCanBeCutShort() throws {
        let report = try SimulatedSwarmTests.run(.none, seed: 8) { $0.lastRound = 2 }
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.peers.allSatisfy { !$0.isFinished && $0.round >= 2 })
        #expect(report.spread.missed == 0)
        #expect(report.spread.redundancy == 0)
        #expect(report.consensusDistance != nil)
    }

    /// Seeds at which an intruder that repeats what it overheard was sent more than it had sent.
    @Test(arguments: [UInt64(200217), 200362]) func repeatedAnswersMoveNoSession(seed: UInt64) throws {
        let report = try SimulatedSwarmTests.run(
            .drawn(seed: seed, temper: .init(hasByzantine: true)), seed: seed)
        #expect(report.violations.isEmpty, "\(report.violations)")
    }
}
