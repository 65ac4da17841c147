import Aggregation
import Testing

@Suite struct ExchangePolicyTests {
    @Test func theDefaultsAreWhatThereIs() throws {
        let policy = try ExchangePolicy(ExchangePolicy.Names())
        #expect(policy.mixing is MetropolisMixing && policy.encoding is SinglePrecision)
        #expect(policy.stages.isEmpty && policy.filters.isEmpty && !policy.weighsUniformly)
        #expect(policy.staleness == 2 && policy.consensusBound == 1e-3 && policy.normLimit == 1e6)
    }

    @Test(arguments: [("samples", 7, 7), ("samples", 0, 1), ("uniform", 7, 1)])
    func weightsFollowTheName(name: String, count: Int, weight: Int) throws {
        var names = ExchangePolicy.Names()
        names.weights = name
        #expect(try ExchangePolicy(names).weight(ofSampleCount: count) == weight)
    }

    /// What is planned is refused like what nobody has heard of, and by the key that names it.
    @Test(arguments: ["mixing", "weights", "factors", "compression", "robustness"], ["krum-of-push-sum", "", "Both"])
    func whatIsNotThereIsRefused(key: String, name: String) throws {
        var names = ExchangePolicy.Names()
        switch key {
        case "mixing": names.mixing = name
        case "weights": names.weights = name
        case "factors": names.factors = name
        case "compression": names.compression = name
        default: names.robustness = name
        }
        do {
            _ = try ExchangePolicy(names)
            Issue.record("\(key): \(name) was taken")
        } catch {
            #expect(error.key == key && error.name == name && !error.known.isEmpty)
            #expect(error.description.hasPrefix("exchange.\(key): \"\(name)\" is not supported by this version"))
        }
    }
}
