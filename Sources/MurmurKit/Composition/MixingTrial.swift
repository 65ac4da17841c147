import Adapters
import Aggregation
import Basics
import Federation
import Foundation
import Overlay
package import SwarmFile

/// Mixing tried out instead of predicted: every peer of a topology has its own rule and an adapter of random values, and
/// contributions get lost or peers miss rounds as asked for. No network and no training: what is measured is the rule.
package struct MixingTrial: Sendable {
    /// What goes wrong.
    package struct Conditions: Sendable {
        /// The share of contributions that do not arrive in time, each on each way, at random.
        package var loss = 0.0
        /// The share of rounds that a peer misses, each for itself, at random.
        package var missed = 0.0
        /// The most rounds.
        package var rounds = 2000
        package var seed: UInt64 = 1

        package init() {}
    }

    /// What came of it.
    package struct Outcome: Sendable, Encodable {
        /// Rounds until the distance from the mean had shrunk to the topology's consensus bound; nil if it never did.
        package var roundsToBound: Int?
        /// The factor by which the distance shrank in a round, over the second half of the way; nil where there is none,
        /// because the mean was reached at once.
        package var contraction: Double?
        /// What the mixing matrix promises for it, where nothing is missing; nil where the rule has none.
        package var predicted: Double?
        /// How far the peers' mean has moved from where it was: the root mean square over values, in standard deviations of
        /// the initial ones. Single precision rounds at about 1e-7.
        package var bias: Double
        /// The same of the mass that peers hold and that is on its way, in double precision; nil where the rule moves none.
        package var massBias: Double?
        /// Adapters that a peer sent in a round.
        package var sharesPerRound: Double
    }

    private let graph: SwarmGraph
    private let bound: Double
    private let conditions: Conditions
    private var rules: [any MixingRule]
    private var adapters: [AdapterDelta]
    private var generator: SeededGenerator
    private let ids: [PeerID]
    private let rosters: [Roster]
    private var shares = 0

    /// Values of an adapter: enough for a norm to mean something, few enough for hundreds of peers.
    private static let width = 32

    /// - Throws: an error for a graph that cannot be.
    package init(_ topology: SwarmTopology, _ conditions: Conditions) throws {
        let graph = try topology.swarmGraph()
        self.graph = graph
        self.conditions = conditions
        bound = topology.exchange.consensusBound
        let schema = AdapterSchema(tensors: [.init(name: "values", rows: 1, columns: Self.width)])
        var generator = SeededGenerator(seed: conditions.seed, label: "mixing trial")
        adapters = (0..<graph.count).map { _ in
            AdapterDelta(schema: schema, values: (0..<Self.width).map { _ in Float(generator.normal()) })
        }
        self.generator = generator
        let ids = (0..<graph.count).map { place in
            PeerID(bytes: (0..<32).map { UInt8(truncatingIfNeeded: $0 < 8 ? place >> (8 * (7 - $0)) : 1) })!
        }
        self.ids = ids
        rosters = (0..<graph.count).map { graph.roster(of: $0, ids: ids, sampleCount: 1, depth: 1) }
        let rule = ExchangePolicy(topology).mixing
        rules = (0..<graph.count).map { place in
            var own = rule
            own.join(graph, as: place)
            return own
        }
    }

    /// Mixes until single precision can tell no difference any more, or the rounds are over.
    package mutating func run() -> Outcome {
        let start = mean
        var distances = [spread(around: start)]
        // Of all adapters' values around their mean, times the values of one adapter, whose distance it divides.
        let deviation = distances[0] / Double(graph.count).squareRoot()
        var reached: Int?
        for number in 0..<conditions.rounds {
            mix(number)
            let distance = spread(around: mean)
            distances.append(distance)
            if reached == nil, distance <= bound * distances[0] { reached = number + 1 }
            if distance <= 3e-6 * distances[0] { break }
        }
        let counts = Array(repeating: 1, count: graph.count)
        let audit = TopologyAudit(
            graph: graph, matrix: rules[0].matrix(of: graph, sampleCounts: counts),
            turns: rules[0].matrices(of: graph, sampleCounts: counts))
        let half = distances.count / 2
        let way = distances.count - 1 - half
        let shrunk = way > 1 && distances[half] > 0 ? distances[distances.count - 1] / distances[half] : 0
        return Outcome(
            roundsToBound: reached, contraction: shrunk > 0 ? pow(shrunk, 1 / Double(way)) : nil,
            predicted: audit.secondEigenvalueModulus, bias: Self.distance(mean, start) / deviation,
            massBias: mass.map { Self.distance($0, start) / deviation },
            sharesPerRound: Double(shares) / Double(graph.count * (distances.count - 1)))
    }

    private mutating func mix(_ number: Int) {
        let isHere = graph.neighbours.map { _ in generator.uniform() >= conditions.missed }
        let rounds = rosters.map { MixingRound(number: number, weight: 1, roster: $0) }
        var heard = [[HeardShare]](repeating: [], count: graph.count)
        for peer in rules.indices where isHere[peer] {
            for share in rules[peer].outgoing(adapters[peer], in: rounds[peer]) {
                rules[peer].sent(share, in: rounds[peer])
                for other in graph.neighbours[peer] where share.audience.includes(ids[other]) {
                    shares += 1
                    guard isHere[other], generator.uniform() >= conditions.loss else { continue }
                    heard[other].append(
                        HeardShare(
                            origin: ids[peer], round: number, weight: 1, delta: share.delta, header: share.header))
                }
            }
        }
        for peer in rules.indices where isHere[peer] {
            adapters[peer] = rules[peer].mix(adapters[peer], with: heard[peer], in: rounds[peer]).delta
        }
    }

    private var mean: [Double] {
        var sums = [Double](repeating: 0, count: Self.width)
        for adapter in adapters {
            for (index, value) in adapter.values.enumerated() { sums[index] += Double(value) / Double(graph.count) }
        }
        return sums
    }

    /// The mean of all mass, in peers and on its way; nil where the rule moves none.
    private var mass: [Double]? {
        guard rules[0].movesMass else { return nil }
        let total = MassAccount.total(rules.map(\.mass), of: ids)
        return total.numerator.map { $0 / total.weight }
    }

    /// The distance of all adapters together from `centre`.
    private func spread(around centre: [Double]) -> Double {
        adapters.reduce(0.0) { sum, adapter in
            let distance = Self.distance(adapter.values.map(Double.init), centre)
            return sum + distance * distance
        }.squareRoot()
    }

    private static func distance(_ left: [Double], _ right: [Double]) -> Double {
        zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
}
