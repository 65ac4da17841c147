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
    /// Bytes of one contribution's payload in rounds with training, on average, and in settling rounds.
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
        case swarm, peers, edges, rounds, memory
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
        let policy = ExchangePolicy(topology.exchange)
        swarm = topology.swarm.name
        peers = graph.count
        edges = report.edges
        adapterValues = schema.count
        let traffic = try PlannedTraffic(topology, schema: schema)
        rounds = topology.tuning.rounds
        // News of the agreement crosses the graph once the distances are small.
        settlingRounds = policy.mixing.settlingRounds(to: policy.consensusBound, in: graph)
            .map { $0 + max(0, report.diameter) }
        payloadBytes = traffic.payload(of: 0..<rounds)
        settlingPayloadBytes = traffic.payload(of: rounds + 1..<rounds + 2)
        bytesPerLink = traffic.perLink(0..<rounds)
        let busiest = report.degrees.indices.max { report.degrees[$0] < report.degrees[$1] } ?? 0
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
        let seconds = { (bytes: Int) in uplink.map { Double(8 * bytes) * WireCost.headerFactor / $0 } }
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

/// What peers send in a run in which nothing is lost. Who does not train in a round sends what it has all the same, so that
/// `tuning.participation` changes no bytes.
package struct PlannedTraffic: Sendable {
    private let policy: ExchangePolicy
    private let graph: SwarmGraph
    private let factors: FactorExchange
    private let rounds: Int

    /// - Throws: an error for a graph that cannot be.
    package init(_ topology: SwarmTopology, schema: AdapterSchema) throws {
        policy = ExchangePolicy(topology.exchange)
        graph = try topology.swarmGraph()
        rounds = topology.tuning.rounds
        factors = FactorExchange(policy.factors, schema: schema, rounds: rounds)
    }

    /// Bytes of a contribution's payload in these rounds, on average.
    func payload(of range: Range<Int>) -> Int {
        range.reduce(0) { $0 + policy.payloadBytes(in: $1, of: factors, rounds: rounds) } / max(1, range.count)
    }

    /// Bytes of datagrams that carry a contribution over one link one way, on average.
    func perLink(_ range: Range<Int>) -> Int {
        range.reduce(0) { $0 + bytes(in: $1) } / max(1, range.count)
    }

    private func bytes(in round: Int) -> Int {
        WireCost.bytes(ofPayload: policy.payloadBytes(in: round, of: factors, rounds: rounds))
    }

    /// Bytes of datagrams that each peer sends in all rounds with training; where so many settling rounds follow, in these and
    /// with the final adapter too, which is published once more.
    package func sent(settlingRounds: Int?) -> [Int] {
        let training = policy.mixing.shares(in: graph, settlingNumber: nil)
        var sums = training.map { $0 * Double((0..<rounds).reduce(0) { $0 + bytes(in: $1) }) }
        for number in 0..<(settlingRounds ?? 0) {
            let shares = policy.mixing.shares(in: graph, settlingNumber: number)
            for peer in sums.indices { sums[peer] += shares[peer] * Double(bytes(in: rounds + number)) }
        }
        if settlingRounds != nil {
            for peer in sums.indices { sums[peer] += Double(graph.degree(of: peer) * bytes(in: rounds + 1)) }
        }
        return sums.map { Int($0) }
    }
}

/// What the protocol adds to a payload.
enum WireCost {
    /// The signed manifest, and what goes with it once for each contribution.
    private static let perContribution = 330.0
    /// Bytes sent a byte of a payload that is pushed with its manifest, and of one that is fetched in chunks: the packets'
    /// own bytes, padding, and the acknowledgements that come back.
    private static let pushedFactor = 1.076
    private static let fetchedFactor = 1.04
    /// What the headers of UDP and IP add to datagrams of the size that fits into an Ethernet frame.
    static let headerFactor = 1.02

    static func bytes(ofPayload count: Int) -> Int {
        let factor = count <= WireConfiguration.pushedByteLimit ? pushedFactor : fetchedFactor
        return Int(perContribution + factor * Double(count))
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
    private static let units: [(name: String, bits: Double)] = [
        ("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1),
    ]

    /// The bits a second that `20Mbit/s` or `512kbit/s` means; nil for anything else.
    package static func bits(_ text: String) -> Double? {
        for unit in units where text.lowercased().hasSuffix(unit.name.lowercased()) {
            let number = text.dropLast(unit.name.count).trimmingSuffix { $0 == " " }
            guard let value = Double(number), value > 0, value * unit.bits <= 1e15 else { return nil }
            return value * unit.bits
        }
        return nil
    }

    /// `bits` a second as people write it.
    static func text(_ bits: Double) -> String {
        let unit = units.first { bits >= $0.bits } ?? units[units.count - 1]
        let value = bits / unit.bits
        return Readable.number(value, digits: value == value.rounded() ? 0 : 1) + " " + unit.name
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ isDropped: (Character) -> Bool) -> Substring {
        var rest = self
        while let last = rest.last, isDropped(last) { rest.removeLast() }
        return rest
    }
}
