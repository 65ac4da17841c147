import Observability
import Testing

/// The first sentence says what the figures say, and no more.
@Suite struct OutcomeTests {
    static func outcome(
        alone: Double = 2, together: Double = 1.5, gain: ClosedRange<Double>? = 0.4...0.6, records: Int = 200,
        peers: [Outcome.Peer]? = nil, behindServer: ClosedRange<Double>? = -0.01...0.03
    ) -> Outcome {
        Outcome(
            records: records, base: .init(4), alone: .init(alone, 1.9...2.1), together: .init(together, 1.4...1.6),
            server: .init(1.49), pooled: .init(1.45, nil), gain: .init(alone - together, gain),
            behindServer: .init(0.01, behindServer),
            peers: peers
                ?? ["a", "b", "c"].map {
                    .init(name: $0, alone: alone, together: together, gain: gain)
                })
    }

    @Test func aGainIsNamedWithItsInterval() {
        #expect(
            Self.outcome().answer
                == "Tuning together helped all 3 peers: the mean loss is 1.50 nats a token together and 2.00 alone, "
                + "a gain of 0.500 (95 % interval 0.400 to 0.600).")
    }

    @Test func aDifferenceWithinNoiseIsNoGain() {
        let outcome = Self.outcome(together: 1.99, gain: -0.02...0.04)
        #expect(outcome.answer.contains("cannot be told from these 200 records"))
        #expect(outcome.answer.contains("within noise (95 % interval -0.020 to 0.040)"))
        #expect(outcome.gained.isEmpty && outcome.lost.isEmpty)
    }

    @Test func nobodyGained() {
        let outcome = Self.outcome(together: 2.5, gain: -0.6...(-0.4))
        #expect(outcome.answer.hasPrefix("Tuning together did not help: the mean loss is 2.50"))
        #expect(outcome.answer.hasSuffix("0.500 more (95 % interval -0.600 to -0.400), and nobody gained."))
        #expect(outcome.caveats().contains("Worse off than alone: a, b, c."))
    }

    /// The mean hides nobody: who lost is named though the mean gained.
    @Test func thoseWhoLostAreNamed() {
        let peers = (0..<9).map { index in
            Outcome.Peer(name: "p\(index)", alone: 2, together: index < 7 ? 2.2 : 1, gain: nil)
        }
        let outcome = Self.outcome(peers: peers)
        #expect(outcome.answer.hasPrefix("Tuning together helped 2 of 9 peers"))
        #expect(outcome.caveats().contains("Worse off than alone: p0, p1, p2, p3, p4 and 2 more."))
    }

    @Test func fewRecordsOneSeedAndMissingIntervalsAreSaid() {
        let outcome = Self.outcome(gain: nil, records: 20, behindServer: nil)
        let caveats = outcome.caveats()
        #expect(caveats.contains { $0.hasPrefix("Only 20 held-out records") })
        #expect(caveats.contains { $0.hasPrefix("No intervals are known") })
        #expect(caveats.contains { $0.hasPrefix("One run with one seed.") })
        #expect(!outcome.caveats(seeds: 5).contains { $0.hasPrefix("One run") })
        #expect(caveats[0] == "The FedAvg server reaches 1.49, pooled data 1.45.")
        #expect(!outcome.answer.contains("interval"))
    }

    @Test func theServerIsBesideIt() {
        #expect(Self.outcome().caveats()[0].hasSuffix("there is no difference beyond noise."))
        let behind = Self.outcome(behindServer: 0.005...0.02)
        #expect(
            behind.caveats()[0].hasSuffix("without a server the loss is 0.010 more (95 % interval 0.005 to 0.020)."))
    }

    @Test func lossesThatAreNoneHaveNoAnswer() {
        #expect(Self.outcome(alone: .nan, gain: nil).answer == "The losses are not finite, so there is no answer.")
    }
}
