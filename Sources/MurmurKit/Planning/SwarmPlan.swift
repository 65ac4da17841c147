package import Adapters
import Aggregation
import Federation
import LanguageModel
import Observability
import Overlay
package import SwarmFile
import Wire

/// What a topology will take before it runs: bytes, rounds, memory, and time at a given uplink.
package struct SwarmPlan: Encodable, Sendable {
    package let swarm: String
    package let peers: Int
    package let edges: Int
    /// Values of the adapter that is exchanged.
    package let adapterValues: Int
    /// Bytes of the busiest peer's contribution's payload in rounds with training, on average, and in settling rounds.
    package let payloadBytes: Int
    package let settlingPayloadBytes: Int
    /// Bytes of datagrams that carry one contribution over one link one way, with what else that takes: acknowledgements the
    /// other way among them.
    package let bytesPerLink: Int
    /// Rounds with training.
    package let rounds: Int
    /// Settling rounds until the peers agree, about; nil where the graph does not say.
    package let settlingRounds: Int?
    /// The peer with most neighbours, and how many it has.
    package let busiestPeer: String
    package let busiestDegree: Int
    /// Bytes that the busiest peer sends in a round with training, in a settling round, and in the whole run; all peers in the
    /// whole run.
    package let bytesPerRound: Int
    package let bytesPerSettlingRound: Int?
    package let bytesOfBusiest: Int?
    package let bytesOfAll: Int?
    /// What a budget leads to in rounds with training: the levels, from the lightest; empty without one.
    package let levels: [PlannedLevel]
    /// Bytes of memory of one peer.
    package let memory: PeerMemory
    /// Bits a second that a peer can send; nil where it was not given.
    package let uplink: Double?
    /// Seconds that local steps take; nil where it was not given.
    package let trainingSeconds: Double?
    /// Seconds of a round that the exchange takes at the uplink, and of the whole run with what local steps take.
    package let exchangeSeconds: Double?
    package let totalSeconds: Double?

    private enum CodingKeys: String, CodingKey {
        case swarm, peers, edges, rounds, levels, memory
        case adapterValues = "adapter_values"
        case payloadBytes = "payload_bytes"
        case settlingPayloadBytes = "settling_payload_bytes"
        case bytesPerLink = "bytes_per_link_and_round"
        case settlingRounds = "settling_rounds"
        case busiestPeer = "busiest_peer"
        case busiestDegree = "busiest_degree"
        case bytesPerRound = "bytes_per_round"
        case bytesPerSettlingRound = "bytes_per_settling_round"
        case bytesOfBusiest = "bytes_of_busiest_peer"
        case bytesOfAll = "bytes_of_all_peers"
        case uplink = "uplink_bits_per_second"
        case trainingSeconds = "training_seconds_per_round"
        case exchangeSeconds = "exchange_seconds_per_round"
        case totalSeconds = "total_seconds"
    }

    /// By how much `bytesPerLink` may be off without loss on the path, where contributions have one length, and bytes of a
    /// whole run for as many settling rounds as it took. What is lost is sent again and comes on top.
    package static let margin = 0.1
    /// The same where contributions are differences, whose lengths follow what has changed.
    package static let marginOfDifferences = 0.2

    /// The plan of `topology` for adapters of `schema`, whose peers need `memory`.
    ///
    /// - Parameters:
    ///   - uplink: bits a second that a peer can send.
    ///   - trainingSeconds: how long the local steps of a round take.
    /// - Throws: an error for a graph that cannot be.
    package init(
        _ topology: SwarmTopology, schema: AdapterSchema, memory: PeerMemory, uplink: Double? = nil,
        trainingSeconds: Double? = nil
    ) throws {
        let graph = try topology.swarmGraph()
        let report = try TopologyReport(topology)
        let policy = ExchangePolicy(topology)
        swarm = topology.swarm.name
        peers = graph.count
        edges = report.edges
        adapterValues = schema.count
        let traffic = try PlannedTraffic(topology, schema: schema, trainingSeconds: trainingSeconds)
        let uplink = uplink ?? topology.exchange.uplink
        rounds = topology.tuning.rounds
        // News of the agreement crosses the graph once the distances are small.
        settlingRounds =
            report.settling?.inAll
            ?? policy.mixing.settlingRounds(to: policy.consensusBound, in: graph).map { $0 + max(0, report.diameter) }
        let busiest = report.degrees.indices.max { report.degrees[$0] < report.degrees[$1] } ?? 0
        payloadBytes = traffic.payload(of: 0..<rounds, by: busiest)
        settlingPayloadBytes = traffic.payload(of: rounds + 1..<rounds + 2, by: busiest)
        bytesPerLink = traffic.perLink(0..<rounds, by: busiest)
        levels = traffic.levels
        busiestPeer = topology.peers[busiest].name
        busiestDegree = report.degrees[busiest]
        let training = traffic.sent(settlingRounds: nil)
        bytesPerRound = training[busiest] / max(1, rounds)
        let all = settlingRounds.map { traffic.sent(settlingRounds: $0) }
        bytesOfBusiest = all?[busiest]
        bytesOfAll = all?.reduce(0, +)
        // The final adapter is published once more.
        bytesPerSettlingRound = settlingRounds.flatMap { settlingRounds in
            all.map { ($0[busiest] - training[busiest]) / (settlingRounds + 1) }
        }
        self.memory = memory
        self.uplink = uplink
        self.trainingSeconds = trainingSeconds
        let seconds = { (bytes: Int) in uplink.map { Double(8 * bytes) * ExchangeBudget.datagramFactor / $0 } }
        exchangeSeconds = seconds(bytesPerRound)
        totalSeconds = bytesOfBusiest.flatMap(seconds).map { [exchangeSeconds] all in
            let training = trainingSeconds ?? 0
            // Where peers train on meanwhile, all rounds but the first take the longer of the two.
            let hidden =
                policy.overlaps
                ? min(exchangeSeconds ?? 0, training) * Double(topology.tuning.rounds - 1) : 0
            return all + training * Double(topology.tuning.rounds) - hidden
        }
    }
}

/// A level of compression that a budget leads to, and how many peers take it.
package struct PlannedLevel: Encodable, Sendable, Hashable {
    package let compression: String
    package fileprivate(set) var peers: Int
    /// Bytes of datagrams that the peer that sends most of them sends in a round, about.
    package fileprivate(set) var bytes: Int
    /// What the budget allows a peer.
    package let budget: Int
    /// Whether the level keeps to it.
    package let fits: Bool
}

/// What peers send in a run in which nothing is lost. Who does not train in a round sends what it has all the same, so that
/// `tuning.participation` changes no bytes.
package struct PlannedTraffic: Sendable {
    private let policy: ExchangePolicy
    private let graph: SwarmGraph
    private let factors: FactorExchange
    private let rounds: Int
    /// How many contributions each peer sends in a round with training.
    private let shares: [Double]
    /// What a budget leads to in the first round.
    private let choices: [CompressionChoice?]

    /// - Parameter trainingSeconds: how long the local steps of a round take, which a budget by uplink needs to know.
    /// - Throws: an error for a graph that cannot be.
    package init(_ topology: SwarmTopology, schema: AdapterSchema, trainingSeconds: Double? = nil) throws {
        let (policy, graph) = (ExchangePolicy(topology), try topology.swarmGraph())
        let factors = FactorExchange(policy.factors, schema: schema, rounds: topology.tuning.rounds)
        let shares = policy.mixing.shares(in: graph, settlingNumber: nil)
        let limit = policy.budget?.limit(training: trainingSeconds.map { .seconds($0) }) ?? .max
        choices = shares.map { share in
            let readers = Int(share.rounded(.up))
            return policy.choice(
                for: factors.schema(in: 0), readers: ContributionReaders(count: readers, following: readers),
                limit: limit)
        }
        (self.policy, self.graph, self.factors, self.shares) = (policy, graph, factors, shares)
        rounds = topology.tuning.rounds
    }

    /// What a budget leads to, from the lightest level.
    var levels: [PlannedLevel] {
        var levels: [PlannedLevel] = []
        for level in policy.levels {
            for fits in [true, false] {
                let here = choices.compactMap { $0 }.filter { $0.level == level && $0.fits == fits }
                guard let first = here.first else { continue }
                levels.append(
                    PlannedLevel(
                        compression: level.rawValue, peers: here.count,
                        bytes: here.reduce(0) { max($0, $1.bytes) }, budget: first.limit, fits: fits))
            }
        }
        return levels
    }

    private func payload(in round: Int, by peer: Int) -> Int {
        policy.payloadBytes(in: round, of: factors, rounds: rounds, level: choices[peer]?.level)
    }

    /// Bytes of the payload of a peer's contribution in these rounds, on average.
    func payload(of range: Range<Int>, by peer: Int) -> Int {
        range.reduce(0) { $0 + payload(in: $1, by: peer) } / max(1, range.count)
    }

    /// Bytes of datagrams that carry a peer's contribution over one link one way, on average.
    func perLink(_ range: Range<Int>, by peer: Int) -> Int {
        range.reduce(0) { $0 + bytes(in: $1, by: peer) } / max(1, range.count)
    }

    /// What a peer sends in a round in which everybody averages a slice: of its contribution each slice once, and the
    /// mean of its own slice to everybody. Nothing but manifests where all hold the same already.
    private func reduced(in round: Int) -> Double {
        let (count, settles) = (graph.count, round >= rounds)
        let manifests = Double((count - 1) * WireCost.bytes(ofPayload: 0))
        // Who exchanges single precision agrees to the last bit when training ends, others a round later.
        let isExact = policy.encoding.number == SinglePrecision().number
        if isExact ? settles : round > rounds { return manifests }
        let values = factors.schema(in: round).count
        let layout = SliceLayout(
            count: values, bytesOfValue: settles ? 4 : policy.encoding.bytesOfValue ?? 4, peers: count,
            leafByteCount: WireConfiguration.leafByteCount)
        guard layout.pays else { return Double((count - 1) * WireCost.bytes(ofPayload: payload(in: round, by: 0))) }
        let slices = (0..<count).reduce(0) { $0 + layout.leafBytes(of: $1) }
        let means = SinglePrecision().byteCounts(for: factors.schema(in: round)).upperBound
        return 2 * manifests + WireCost.fetchedFactor * Double(slices + means) * Double(count - 1) / Double(count)
    }

    /// Bytes of datagrams that a peer sends in a round; `shares` is how many contributions.
    private func sent(in round: Int, by peer: Int, shares: Double) -> Double {
        policy.mixing.reduces ? reduced(in: round) : shares * Double(bytes(in: round, by: peer))
    }

    private func bytes(in round: Int, by peer: Int) -> Int {
        guard !policy.mixing.reduces else { return Int(reduced(in: round) / Double(max(1, graph.degree(of: peer)))) }
        return WireCost.bytes(ofPayload: payload(in: round, by: peer))
    }

    /// Bytes of datagrams that each peer sends in all rounds with training; where so many settling rounds follow, in these and
    /// with the final adapter too, which is published once more.
    package func sent(settlingRounds: Int?) -> [Int] {
        var sums = shares.indices.map { peer in
            (0..<rounds).reduce(0) { $0 + sent(in: $1, by: peer, shares: shares[peer]) }
        }
        for number in 0..<(settlingRounds ?? 0) {
            let shares = policy.mixing.shares(in: graph, settlingNumber: number)
            for peer in sums.indices { sums[peer] += sent(in: rounds + number, by: peer, shares: shares[peer]) }
        }
        if settlingRounds != nil {
            for peer in sums.indices {
                sums[peer] += Double(graph.degree(of: peer) * bytes(in: rounds + 1, by: peer))
            }
        }
        return sums.map { Int($0) }
    }
}

/// What the protocol adds to a payload.
enum WireCost {
    /// Bytes sent a byte of a payload that is fetched in chunks: less than of one that is pushed with its manifest.
    static let fetchedFactor = 1.04

    static func bytes(ofPayload count: Int) -> Int {
        let factor = count <= WireConfiguration.pushedByteLimit ? ExchangeBudget.packetFactor : fetchedFactor
        return Int(ExchangeBudget.bytesOfManifest + factor * Double(count))
    }
}

extension PlannedLevel {
    /// What a person is told.
    fileprivate var line: String {
        "budget            \(compression) at \(peers) peers, \(Readable.bytes(bytes)) a round of "
            + (budget > 0
                ? "\(Readable.bytes(budget))" : "an uplink: say how long local steps take, with --training-time")
            + (fits || budget == 0 ? "" : ": MORE THAN THE BUDGET, nothing is stronger")
    }
}

extension SwarmPlan {
    /// What a person is told.
    package var lines: [String] {
        var lines = [
            "\(swarm): \(peers) peers, \(edges) edges; the most neighbours has \(busiestPeer): \(busiestDegree)",
            "adapter           \(adapterValues) values, \(Readable.bytes(payloadBytes)) a contribution, "
                + "\(Readable.bytes(settlingPayloadBytes)) in settling",
            "a link and round  \(Readable.bytes(bytesPerLink)) a contribution, within \(Readable.percent(Self.margin)) where "
                + "nothing is lost",
            "a round           \(Readable.bytes(bytesPerRound)) sent by \(busiestPeer)"
                + (bytesPerSettlingRound.map { ", \(Readable.bytes($0)) in settling" } ?? ""),
            "rounds            \(rounds) with training, then \(settlingRounds.map { "about \($0)" } ?? "an unknown number") to "
                + "agree",
        ]
        if let bytesOfBusiest, let bytesOfAll {
            lines.append(
                "the whole run     \(Readable.bytes(bytesOfBusiest)) sent by \(busiestPeer), \(Readable.bytes(bytesOfAll)) by all"
            )
        }
        lines += levels.map(\.line)
        lines += memory.lines
        guard let uplink, let exchangeSeconds else {
            lines.append("time              say what a peer can send: --uplink 20Mbit/s")
            return lines
        }
        lines.append(
            "time              \(Readable.time(exchangeSeconds)) a round for the exchange at \(Uplink.text(uplink)), if the "
                + "others are no slower")
        let total = totalSeconds.map { Readable.time($0) } ?? "unknown"
        lines.append(
            trainingSeconds.map {
                "                  \(total) in all, with \(Readable.time($0)) of local steps a round"
            }
                ?? "                  \(total) in all, without local steps (--training-time; murmur simulate --trainer lora "
                + "--pace measures them)")
        return lines
    }
}

/// How much a peer can send, as people write it.
package enum Uplink {
    /// The bits a second that `20Mbit/s` or `512kbit/s` means; nil for anything else.
    package static func bits(_ text: String) -> Double? { QuantityUnits.bitRate.amount(text) }

    /// `bits` a second as people write it.
    static func text(_ bits: Double) -> String {
        let unit = QuantityUnits.bitRate.largest(in: bits)
        let value = bits / unit.size
        return Readable.number(value, digits: value == value.rounded() ? 0 : 1) + " " + unit.name
    }
}
