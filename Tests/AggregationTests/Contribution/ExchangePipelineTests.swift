import Adapters
import Aggregation
import Basics
import Overlay
import Testing

@Suite struct ExchangePipelineTests {
    static func pipeline(_ change: (inout ExchangePolicy) -> Void = { _ in }) -> ExchangePipeline {
        var policy = ExchangePolicy()
        change(&policy)
        return ExchangePipeline(policy, schema: ExchangeRig.schema)
    }

    @Test func whatGoesOutComesInAgain() throws {
        var pipeline = Self.pipeline()
        let sent = pipeline.outgoing(ExchangeRig.delta([1, 2, 3, 4, 5, 6]), in: ExchangeRig.round())
        #expect(sent.count == 1 && sent[0].audience == .everyone && sent[0].encoding == 1)
        #expect(pipeline.refusal(encoding: 1, byteCount: sent[0].payload.count) == nil)
        let opened = try pipeline.open(sent[0].payload, encoding: 1, sequence: 1, from: ExchangeRig.id(1))
        #expect(opened.delta == sent[0].delta && opened.header.isEmpty && pipeline.state.isEmpty)
    }

    @Test(arguments: [(UInt16(2), 24, true), (1, 23, true), (1, 25, true), (1, 0, true), (1, 24, false)])
    func whatIsNotToBeReadIsNotFetched(encoding: UInt16, byteCount: Int, isRefused: Bool) {
        let refusal = Self.pipeline().refusal(encoding: encoding, byteCount: byteCount)
        #expect((refusal != nil) == isRefused)
    }

    @Test(arguments: [[], [1, 2, 3], [UInt8](repeating: 0xff, count: 24)])
    func hostilePayloadsAreRefused(payload: [UInt8]) {
        var pipeline = Self.pipeline()
        #expect(throws: ContributionRefusal.self) {
            try pipeline.open(payload, encoding: 1, sequence: 1, from: ExchangeRig.id(1))
        }
        var sums = Self.pipeline { $0.mixing = RunningSums() }
        #expect(throws: ContributionRefusal.self) {
            try sums.open(payload, encoding: 1, sequence: 1, from: ExchangeRig.id(1))
        }
    }

    /// A stage sees what goes out, and the peer's own adapter is what it was.
    @Test func stagesChangeWhatIsSent() {
        struct Doubling: OutgoingStage {
            mutating func apply(to delta: inout AdapterDelta, in round: MixingRound) {
                delta = delta.map { 2 * $0 }
            }
        }
        var pipeline = Self.pipeline { $0.stages = [Doubling(), Doubling()] }
        #expect(pipeline.outgoing(ExchangeRig.delta(1), in: ExchangeRig.round())[0].delta == ExchangeRig.delta(4))
        let outcome = pipeline.mix(ExchangeRig.delta(1), with: [], in: ExchangeRig.round())
        #expect(outcome.delta == ExchangeRig.delta(1))
    }

    /// What a filter leaves out is mixed like what never came, in mixing and in catching up.
    @Test func filtersDecideWhatIsMixed() throws {
        struct OnlyTheFirst: ContributionFilter {
            mutating func filtered(
                _ heard: [HeardShare], own: AdapterDelta, in round: MixingRound
            ) -> [HeardShare] { Array(heard.prefix(1)) }
        }
        let heard = [1, 2].map {
            HeardShare(
                origin: ExchangeRig.id($0), round: 0, weight: 1, delta: ExchangeRig.delta(Float($0)))
        }
        var plain = Self.pipeline()
        var filtering = Self.pipeline { $0.filters = [OnlyTheFirst()] }
        let (own, round) = (ExchangeRig.delta(0), ExchangeRig.round())
        #expect(filtering.mix(own, with: heard, in: round).delta == plain.mix(own, with: [heard[0]], in: round).delta)
        #expect(filtering.adopt(heard, insteadOf: own, in: round) == ExchangeRig.delta(1))
        #expect(plain.adopt(heard, insteadOf: own, in: round) == ExchangeRig.delta(1.5))
        #expect(plain.adopt([], insteadOf: own, in: round) == nil)
    }

    /// A rule that gives mass away: a share and a header for each neighbour, sums that may come late or not at all.
    @Test(arguments: 0..<6 as Range<UInt64>) func massIsNeitherMadeNorLost(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let count = 5
        var pipelines = (0..<count).map { _ in Self.pipeline { $0.mixing = RunningSums() } }
        var deltas = (0..<count).map { _ in ExchangeRig.drawn(using: &generator) }
        let mean = try #require(WeightedMean.of(deltas.map { (sampleCount: 1, delta: $0) }))
        for number in 0..<60 {
            var heard = [[HeardShare]](repeating: [], count: count)
            for peer in 0..<count {
                let round = ExchangeRig.round(number, of: peer, count: count)
                for contribution in pipelines[peer].outgoing(deltas[peer], in: round) {
                    for other in 0..<count where contribution.audience.includes(ExchangeRig.id(other)) && other != peer
                    {
                        // Half of them are lost; what they held is in the sums that come later.
                        guard number > 50 || generator.uniform() < 0.5 else { continue }
                        let opened = try pipelines[other].open(
                            contribution.payload, encoding: contribution.encoding, sequence: UInt64(number),
                            from: ExchangeRig.id(peer))
                        #expect(opened.header.count == 8)
                        heard[other].append(
                            HeardShare(
                                origin: ExchangeRig.id(peer), round: number, weight: 1, delta: opened.delta,
                                header: opened.header))
                    }
                }
            }
            for peer in 0..<count {
                let round = ExchangeRig.round(number, of: peer, count: count)
                deltas[peer] = pipelines[peer].mix(deltas[peer], with: heard[peer], in: round).delta
            }
        }
        for delta in deltas { #expect(delta.distance(to: mean) < 1e-4 * max(1, mean.norm)) }
    }

    @Test func stateIsKeptAndRestored() throws {
        var first = Self.pipeline { $0.mixing = RunningSums() }
        _ = first.outgoing(ExchangeRig.delta(1), in: ExchangeRig.round())
        let state = first.state
        #expect(!state.isEmpty)
        var second = Self.pipeline { $0.mixing = RunningSums() }
        try second.restore(state)
        #expect(second.state == state)
        // Nothing was kept by a peer that begins anew.
        try second.restore([])
        #expect(second.state == state)
    }

    @Test func strangeStatesAreRefused() {
        let state = Self.pipeline { $0.mixing = RunningSums() }.state
        for length in 1..<state.count {
            var pipeline = Self.pipeline { $0.mixing = RunningSums() }
            #expect(throws: ExchangeStateError.self) { try pipeline.restore(Array(state.prefix(length))) }
        }
        var plain = Self.pipeline()
        #expect(throws: ExchangeStateError.self) { try plain.restore(state) }
        var other = Self.pipeline { $0.mixing = RunningSums() }
        #expect(throws: ExchangeStateError.self) { try other.restore(state + [0]) }
    }

    @Test(arguments: [(MixingAudience.everyone, 4, true), (.only([]), 4, false), (.only([ExchangeRig.id(4)]), 4, true)])
    func audiencesSayWho(audience: MixingAudience, peer: Int, isIncluded: Bool) {
        #expect(audience.includes(ExchangeRig.id(peer)) == isIncluded)
    }
}
