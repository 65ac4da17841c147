/// How a swarm exchanges adapters: what a peer sends, how it is encoded, what is let in and how it is averaged. All peers
/// of a swarm have the same.
///
/// The stages are values in their first state; `ExchangePipeline` runs them. A policy is made from the names of a topology
/// file's `exchange:` section, which `Names` lists.
package struct ExchangePolicy: Sendable {
    /// How peers average.
    package var mixing: any MixingRule = MetropolisMixing()
    /// Whether all peers count alike, whatever they hold; otherwise each counts its records, as in FedAvg.
    package var weighsUniformly = false
    /// What happens to a peer's adapter before the mixing rule sees it, in this order: which factors are exchanged, what
    /// privacy asks for. None by default.
    package var stages: [any OutgoingStage] = []
    /// How values become bytes.
    package var encoding: any PayloadEncoding = SinglePrecision()
    /// What looks at the contributions of a round before they are mixed, in this order. None by default.
    package var filters: [any ContributionFilter] = []
    /// The largest norm of a contribution that is mixed.
    package var normLimit = 1e6
    /// How many rounds apart a neighbour's contribution may be and still be mixed.
    package var staleness = 2
    /// The relative consensus distance at which the swarm is done.
    package var consensusBound = 1e-3

    /// Metropolis–Hastings weights from sample counts, both factors in single precision, nothing against liars but the gate.
    package init() {}

    /// What a peer with so many records counts: at least one.
    package func weight(ofSampleCount count: Int) -> Int { weighsUniformly ? 1 : max(1, count) }
}

extension ExchangePolicy {
    /// The names that a topology file gives the parts of a policy.
    package struct Names: Sendable, Hashable {
        package var mixing = "metropolis"
        package var weights = "samples"
        package var factors = "both"
        package var compression = "none"
        package var robustness = "none"

        package init() {}
    }

    /// What each key may name. A new rule, encoding, filter or stage is registered here.
    private static let mixingRules: [(name: String, value: any MixingRule)] = [("metropolis", MetropolisMixing())]
    private static let encodings: [(name: String, value: any PayloadEncoding)] = [("none", SinglePrecision())]
    private static let robustRules: [(name: String, value: [any ContributionFilter])] = [("none", [])]
    private static let factorModes: [(name: String, value: [any OutgoingStage])] = [("both", [])]
    private static let weightings: [(name: String, value: Bool)] = [("samples", false), ("uniform", true)]

    /// The policy that `names` describe.
    ///
    /// - Throws: `ExchangePolicyError` for the first name that this version does not know.
    package init(_ names: Names) throws(ExchangePolicyError) {
        mixing = try Self.value(of: names.mixing, key: "mixing", among: Self.mixingRules)
        weighsUniformly = try Self.value(of: names.weights, key: "weights", among: Self.weightings)
        stages = try Self.value(of: names.factors, key: "factors", among: Self.factorModes)
        encoding = try Self.value(of: names.compression, key: "compression", among: Self.encodings)
        filters = try Self.value(of: names.robustness, key: "robustness", among: Self.robustRules)
    }

    private static func value<Value>(
        of name: String, key: String, among known: [(name: String, value: Value)]
    ) throws(ExchangePolicyError) -> Value {
        guard let found = known.first(where: { $0.name == name }) else {
            throw ExchangePolicyError(key: key, name: name, known: known.map(\.name))
        }
        return found.value
    }
}

/// A part of the exchange that this version does not have.
package struct ExchangePolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The key of the topology file's `exchange:` section.
    package let key: String
    /// What it says.
    package let name: String
    /// What it may say.
    package let known: [String]

    package var description: String {
        "exchange.\(key): \"\(name)\" is not supported by this version; supported: \(known.joined(separator: ", "))"
    }
}
