import Adapters
import Aggregation
import Basics
import Testing

/// What a budget makes of what it knows.
@Suite struct ExchangeBudgetTests {
    static let schema = AdapterSchema(tensors: [.init(name: "a", rows: 64, columns: 100)])

    static func policy(
        _ budget: ExchangeBudget?, from lightest: ExchangePolicy.Compression = .bf16,
        mixing: ExchangePolicy.Mixing = .metropolis, factors: FactorMode = .both
    ) -> ExchangePolicy {
        ExchangePolicy(
            mixing: mixing, weights: .uniform, factors: factors, compression: lightest, robustness: .none,
            budget: budget)
    }

    @Test(
        arguments: [
            (20_000, nil, nil, 20_000), (20_000, nil, 3.0, 20_000), (nil, 8.16e6, 2.0, 2_000_000),
            (nil, 8.16e6, nil, 0), (20_000, 8.16e6, 2.0, 20_000), (3_000_000, 8.16e6, 2.0, 2_000_000),
            (20_000, 8.16e6, nil, 0),
        ] as [(Int?, Double?, Double?, Int)])
    func theSmallerLimitCounts(bytes: Int?, uplink: Double?, seconds: Double?, limit: Int) throws {
        let budget = try #require(ExchangeBudget(bytes: bytes, uplink: uplink))
        #expect(abs(budget.limit(training: seconds.map { .seconds($0) }) - limit) <= 1)
    }

    @Test func withoutOneThereIsNothingToChoose() {
        #expect(ExchangeBudget(bytes: nil, uplink: nil) == nil)
        let policy = Self.policy(nil)
        let readers = ContributionReaders(count: 4, following: 4)
        #expect(policy.choice(for: Self.schema, readers: readers, limit: 10) == nil && policy.levels.isEmpty)
    }

    /// A larger limit, or fewer readers, never leads to a stronger level; what is chosen fits wherever anything does.
    @Test(arguments: 0..<20 as Range<UInt64>) func moreIsNeverStronger(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let policy = Self.policy(ExchangeBudget(bytes: 1, uplink: nil))
        let count = Int.random(in: 1...8, using: &generator)
        let readers = ContributionReaders(count: count, following: Int.random(in: 0...count, using: &generator))
        var last: (place: Int, bytes: Int)?
        for limit in stride(from: 0, through: 150_000, by: 500) {
            let choice = try #require(policy.choice(for: Self.schema, readers: readers, limit: limit))
            let place = try #require(policy.levels.firstIndex(of: choice.level))
            if choice.fits, let last { #expect(place <= last.place && choice.bytes >= last.bytes) }
            last = (place, choice.bytes)
            let fewer = ContributionReaders(
                count: max(1, count - 1), following: min(readers.following, max(1, count - 1)))
            let other = try #require(policy.choice(for: Self.schema, readers: fewer, limit: limit))
            if choice.fits { #expect(other.fits) }
        }
        #expect(last?.place == 0)
    }

    @Test(arguments: [
        (ExchangePolicy.Mixing.metropolis, FactorMode.both, 4), (.metropolis, .alternate, 3), (.pairwise, .both, 3),
        (.pushSum, .both, 0),
    ])
    func levelsAreThoseThatThereAre(mixing: ExchangePolicy.Mixing, factors: FactorMode, count: Int) {
        let policy = Self.policy(ExchangeBudget(bytes: 1, uplink: nil), mixing: mixing, factors: factors)
        #expect(policy.levels.count == count)
        #expect(policy.levels == Array(ExchangePolicy.Compression.ladder.prefix(count)))
        #expect(Self.policy(ExchangeBudget(bytes: 1, uplink: nil), from: .int4).levels == [.int4, .differences])
    }

    private static func round(_ number: Int, training: Duration? = .seconds(1)) -> MixingRound {
        var round = ExchangeRig.round(number)
        round.training = training
        return round
    }

    private static func delta(_ generator: inout SeededGenerator) -> AdapterDelta {
        AdapterDelta(schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
    }

    /// The level follows the time of the local steps, and whoever reads takes all that comes.
    @Test func theLevelFollowsTheTimeOfTheSteps() throws {
        var generator = SeededGenerator(seed: 4)
        var sender = ExchangePipeline(
            Self.policy(ExchangeBudget(bytes: nil, uplink: 100_000)), schema: Self.schema)
        var reader = ExchangePipeline(Self.policy(nil), schema: Self.schema)
        let ids = [1, 2].map(ExchangeRig.id)
        // Two neighbours: 28 kB in bf16, 14.8 kB in int8, 7.9 kB in int4, 6.0 kB as a difference.
        let steps: [(Double?, UInt16)] = [(nil, 5), (3, 2), (1.3, 3), (0.7, 4), (0.55, 5), (0.1, 5), (2.9, 2)]
        for (number, step) in steps.enumerated() {
            let sent = sender.outgoing(
                Self.delta(&generator), in: Self.round(number, training: step.0.map { .seconds($0) }), present: ids)
            #expect(sent.count == 1 && sent[0].encoding == step.1, "round \(number)")
            let payload = sent[0].payload
            #expect(reader.refusal(encoding: sent[0].encoding, byteCount: payload.count) == nil)
            let read = try reader.open(
                payload, encoding: sent[0].encoding, sequence: UInt64(number + 1), from: ExchangeRig.id(0))
            #expect(read.delta == sent[0].delta)
            for id in ids { sender.offered(to: id) }
        }
    }

    /// A difference that too few can read costs more than a whole in fewer bits: that is what is sent.
    @Test func whoMustSendTheWholeSendsItRounded() throws {
        var generator = SeededGenerator(seed: 5)
        var sender = ExchangePipeline(Self.policy(ExchangeBudget(bytes: 6200, uplink: nil)), schema: Self.schema)
        let ids = [1, 2].map(ExchangeRig.id)
        func sent(_ number: Int, present: [PeerID]) -> (encodings: [UInt16], fits: Bool?) {
            let sent = sender.outgoing(Self.delta(&generator), in: Self.round(number), present: present)
            return (sent.map(\.encoding), sender.choice?.fits)
        }
        // A process that starts anew in round 3: nobody has anything of it.
        #expect(sent(3, present: ids) == ([4], false))
        // One has it, and the other would need the whole.
        sender.offered(to: ids[0])
        #expect(sent(4, present: ids) == ([4], false))
        for id in ids { sender.offered(to: id) }
        #expect(sent(5, present: ids) == ([5], true))
        // In settling the budget does not hold.
        var settling = Self.round(6)
        settling.isSettling = true
        #expect(sender.outgoing(Self.delta(&generator), in: settling, present: ids)[0].encoding == 5)
        #expect(sender.choice == nil)
    }

    /// Where contributions are exact, nobody takes rounded ones.
    @Test func exactSwarmsStayExact() {
        let policy = Self.policy(nil, from: .none)
        let pipeline = ExchangePipeline(policy, schema: Self.schema)
        for number in [2, 3, 4, 5, 6] as [UInt16] {
            #expect(pipeline.refusal(encoding: number, byteCount: 12_800) == .encoding(number))
        }
    }
}
