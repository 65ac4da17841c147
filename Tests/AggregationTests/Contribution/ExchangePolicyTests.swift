import Aggregation
import Testing

@Suite struct ExchangePolicyTests {
    static func policy(weights: ExchangePolicy.Weights = .samples) -> ExchangePolicy {
        ExchangePolicy(mixing: .metropolis, weights: weights, factors: .both, compression: .none, robustness: .none)
    }

    @Test func theFirstNamesAreTheDefaults() {
        for policy in [Self.policy(), ExchangePolicy()] {
            #expect(policy.mixing is MetropolisMixing && policy.encoding is SinglePrecision)
            #expect(policy.stages.isEmpty && policy.filters.isEmpty && !policy.weighsUniformly)
            #expect(policy.staleness == 2 && policy.consensusBound == 1e-3 && policy.normLimit == 1e6)
        }
    }

    @Test(arguments: [(ExchangePolicy.Weights.samples, 7, 7), (.samples, 0, 1), (.uniform, 7, 1)])
    func weightsFollowTheName(weights: ExchangePolicy.Weights, count: Int, weight: Int) {
        #expect(Self.policy(weights: weights).weight(ofSampleCount: count) == weight)
    }

    /// Each name is one that there is, or one that is to come.
    @Test func whatIsThereIsNotPlanned() {
        typealias Policy = ExchangePolicy
        #expect(Policy.Mixing.planned.allSatisfy { Policy.Mixing(rawValue: $0) == nil })
        #expect(Policy.Factors.planned.allSatisfy { Policy.Factors(rawValue: $0) == nil })
        #expect(Policy.Compression.planned.allSatisfy { Policy.Compression(rawValue: $0) == nil })
        #expect(Policy.Robustness.planned.allSatisfy { Policy.Robustness(rawValue: $0) == nil })
    }
}
