import Aggregation
import ArgumentParser
import Basics
import Federation
import Foundation
import Observability
import Overlay
import SwarmFile

/// `murmur topology`: files that describe a swarm.
struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Make, check and audit topology files.",
        subcommands: [New.self, Check.self, Audit.self])

    /// `murmur topology new`
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a topology file to begin with.",
            discussion: """
                Examples:
                  murmur topology new --peers 8 --graph exponential > demo.yaml
                  murmur topology new --peers 4 --graph ring --base path/to/model --data records.jsonl > ring.yaml
                """)

        @Option(help: "How many peers.") var peers = 8
        @Option(help: "ring, torus, hypercube, exponential, random-regular, complete or star.") var graph =
            "exponential"
        @Option(help: "The degree, for random-regular.") var degree: Int?
        @Option(help: "The base model: builtin:fledgling or a directory.") var base = "builtin:fledgling"
        @Option(help: "The instructions: builtin:chores or a file.") var data = "builtin:chores"
        @Option(help: "The swarm's name.") var name = "swarm"
        @Option(help: "The seed.") var seed: UInt64 = 42
        @Option(help: "The first UDP port on 127.0.0.1.") var firstPort: UInt16 = 9100

        func run() async throws {
            try await reportingFailures {
                guard let kind = SwarmTopology.Graph.Kind(rawValue: graph) else {
                    throw ValidationError(
                        "--graph \(graph): known are ring, torus, hypercube, exponential, "
                            + "random-regular, complete, star")
                }
                guard (2...10_000).contains(peers) else { throw ValidationError("--peers \(peers): from 2 to 10000") }
                guard Int(firstPort) + peers <= 65_536 else {
                    throw ValidationError("--first-port \(firstPort): \(peers) ports do not fit below 65536")
                }
                var topology = SwarmTopology(
                    swarm: .init(name: name, seed: seed), model: .init(base: base), tuning: .init(),
                    data: .init(source: data), exchange: .init(), graph: .init(kind: kind, degree: degree),
                    peers: (0..<peers).map { index in
                        .init(
                            name: "peer-\(index)",
                            address: NetworkAddress(host: "127.0.0.1", port: firstPort + UInt16(index)))
                    })
                if base == "builtin:fledgling" { topology.tuning.template = "terse" }
                let built = try topology.swarmGraph()
                guard built.isConnected else { throw CommandFailure("the graph is not connected; try another seed") }
                print("# A \(kind.rawValue) of \(peers) peers.")
                print(topology.yaml, terminator: "")
            }
        }
    }

    /// `murmur topology check FILE`
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a topology file and say whether it is right, and where it is not.",
            discussion: """
                Example:
                  murmur topology check topologies/demo.yaml
                """)

        @Argument(help: "The file.") var file: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await reportingFailures {
                let report = try TopologyReport(file)
                if json {
                    print(try JSONText.of(report))
                } else {
                    print(
                        "\(file) is right: \(report.peers) peers, \(report.edges) edges, diameter \(report.diameterText), "
                            + "degrees \(report.degrees.min() ?? 0) to \(report.degrees.max() ?? 0)")
                    if !report.hasIdentities {
                        print(
                            "It names no identities: `murmur swarm` makes them for its own processes; peers on several "
                                + "machines need id, key and address of each (murmur identity new).")
                    }
                }
            }
        }
    }

    /// `murmur topology audit FILE`
    struct Audit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how fast a topology agrees and where it is weak.",
            discussion: """
                Example:
                  murmur topology audit topologies/ring-8.yaml --json
                """)

        @Argument(help: "The file.") var file: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await reportingFailures {
                let report = try TopologyReport(file)
                guard !json else { return print(try JSONText.of(report)) }
                print("peers            \(report.peers)")
                print("edges            \(report.edges)")
                print("degrees          \(report.degrees.min() ?? 0) to \(report.degrees.max() ?? 0)")
                print("diameter         \(report.diameterText)")
                print("spectral gap     \(report.spectralGap.map { Readable.number($0, digits: 4) } ?? "none")")
                print(
                    "rounds of mixing to a relative distance of \(Readable.scientific(report.bound)): "
                        + (report.roundsToBound.map { "\($0)" } ?? "never"))
                print(
                    report.cutPeers.isEmpty
                        ? "No single peer's loss disconnects the others."
                        : "Losing one of these disconnects the others: \(report.cutPeers.joined(separator: ", "))")
            }
        }
    }
}

/// What is to be said of a topology file.
private struct TopologyReport: Encodable {
    let name: String
    let peers: Int
    let edges: Int
    let degrees: [Int]
    let diameter: Int
    let spectralGap: Double?
    let bound: Double
    let roundsToBound: Int?
    let cutPeers: [String]
    let hasIdentities: Bool

    /// The diameter, and whether it is only a bound.
    var diameterText: String { peers > SwarmGraph.measurable ? "at least \(diameter)" : "\(diameter)" }

    init(_ file: String) throws {
        let topology = try SwarmTopology.load(path: file)
        let graph = try topology.swarmGraph()
        let matrix = ExchangePolicy(topology.exchange).mixing.matrix(
            of: graph, sampleCounts: topology.peers.map { _ in 1 })
        let audit = TopologyAudit(graph: graph, matrix: matrix, bound: topology.exchange.consensusBound)
        name = topology.swarm.name
        peers = audit.peers
        edges = audit.edges
        degrees = audit.degrees
        diameter = audit.diameter ?? -1
        spectralGap = audit.spectralGap
        bound = audit.bound
        roundsToBound = audit.roundsToBound
        cutPeers = audit.cutPeers.map { topology.peers[$0].name }
        hasIdentities = topology.isResolved
    }
}
