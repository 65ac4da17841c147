import ArgumentParser
import MurmurKit
import Observability
import Storage
import SwarmFile

/// `murmur topology`: files that describe a swarm.
struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Make, check and audit topology files, and say what they will take.",
        subcommands: [New.self, Check.self, Audit.self, Plan.self, Schema.self])

    /// `murmur topology new`
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a topology file to begin with.",
            discussion: """
                Examples:
                  murmur topology new --peers 8 --graph exponential > demo.yaml
                  murmur topology new --peers 4 --graph ring --base path/to/model \\
                      --data records.jsonl > ring.yaml
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

        func validate() throws {
            guard SwarmTopology.Graph.Kind(rawValue: graph) != nil else {
                throw ValidationError(
                    "--graph \(graph): known are ring, torus, hypercube, exponential, "
                        + "random-regular, complete, star")
            }
            guard (2...10_000).contains(peers) else { throw ValidationError("--peers \(peers): from 2 to 10000") }
            guard Int(firstPort) + peers <= 65_536 else {
                throw ValidationError("--first-port \(firstPort): \(peers) ports do not fit below 65536")
            }
        }

        func run() async throws {
            let kind = SwarmTopology.Graph.Kind(rawValue: graph) ?? .exponential
            let topology = try SwarmTopology.draft(
                name: name, seed: seed, graph: .init(kind: kind, degree: degree), peers: peers, firstPort: firstPort,
                base: base, data: DataSource([data]))
            Terminal.write("# \(kind.article) \(kind.rawValue) of \(peers) peers.\n" + topology.yaml)
        }
    }

    /// `murmur topology check FILE`
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a topology file and say whether it is right, and where it is not.",
            discussion: """
                Examples:
                  murmur topology check topologies/demo.yaml
                  murmur topology check mine.yaml --against bens.yaml
                """)

        @Argument(help: "The file.") var file: String
        @Option(
            help: ArgumentHelp(
                "Another peer's file, or a peer's folder or state: says in which keys that must be the same they differ.",
                valueName: "file"))
        var against: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let topology = try SwarmComposition.load(file).topology
            let report = try TopologyReport(topology)
            if let against {
                let comparison = try TopologyComparison(topology, against: against)
                print(json ? try JSONText.of(comparison) : comparison.text(file, against))
                if !comparison.differences.isEmpty { throw ExitStatus.unequal }
                return
            }
            if json {
                print(try JSONText.of(report))
            } else {
                print(
                    "\(file) is right: \(report.peers) peers, \(report.edges) edges, diameter \(report.diameterText), "
                        + "degrees \(report.degreeText)")
                if !report.hasIdentities {
                    print(
                        "It names no identities: `murmur swarm` makes them for its own processes; peers on several "
                            + "machines need id, key and address of each (murmur identity new).")
                }
            }
        }
    }

    /// `murmur topology audit FILE`
    struct Audit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how fast a topology agrees and where it is weak.",
            discussion: """
                With --measure the mixing rule is tried out on random values besides: how fast they agree, and whether \
                their mean stays where it was when contributions are lost or peers miss rounds.

                Examples:
                  murmur topology audit topologies/ring-8.yaml --json
                  murmur topology audit topologies/ring-8.yaml --measure --loss 0.2
                """)

        @Argument(help: "The file.") var file: String
        @Flag(help: "Try the mixing rule out.") var measure = false
        @Option(help: "With --measure: the share of contributions that are lost.") var loss = 0.0
        @Option(help: "With --measure: the share of rounds that a peer misses.") var missed = 0.0
        @Option(help: "With --measure: the most rounds; 2000 unless given.") var rounds: Int?
        @Option(help: "With --measure: the seed; 1 unless given.") var seed: UInt64?
        @Flag(help: "Print JSON.") var json = false

        func validate() throws {
            guard (0...0.95).contains(loss), (0...0.95).contains(missed) else {
                throw ValidationError("--loss and --missed are shares from 0 to 0.95")
            }
            guard (1...1_000_000).contains(rounds ?? 1) else { throw ValidationError("--rounds is from 1 to 1000000") }
            if !measure, loss > 0 || missed > 0 || rounds != nil || seed != nil {
                throw ValidationError("--loss, --missed, --rounds and --seed go with --measure")
            }
        }

        func run() async throws {
            let topology = try SwarmComposition.load(file).topology
            var report = try TopologyReport(topology)
            if measure {
                var conditions = MixingTrial.Conditions()
                (conditions.loss, conditions.missed) = (loss, missed)
                if let rounds { conditions.rounds = rounds }
                if let seed { conditions.seed = seed }
                var trial = try MixingTrial(topology, conditions)
                report.measured = trial.run()
            }
            guard !json else { return print(try JSONText.of(report)) }
            print("peers            \(report.peers)")
            print("edges            \(report.edges)")
            print("degrees          \(report.degreeText)")
            print("diameter         \(report.diameterText)")
            print("spectral gap     \(report.spectralGap.map { Readable.number($0, digits: 4) } ?? "none")")
            print(
                "rounds of mixing to a relative distance of \(Readable.scientific(report.bound)): "
                    + (report.roundsToBound.map { "\($0)" } ?? "never"))
            if let settling = report.settling {
                print(
                    "chebyshev        \(settling.roundsToBound) rounds to it, by "
                        + "\(Readable.number(settling.contraction, digits: 4)) a round; about \(settling.inAll) settling "
                        + "rounds, \(settling.accelerated) of them accelerated")
            }
            print(
                report.cutPeers.isEmpty
                    ? "No single peer's loss disconnects the others."
                    : "Losing one of these disconnects the others: \(report.cutPeers.joined(separator: ", "))")
            if let measured = report.measured { tell(measured) }
        }

        private func tell(_ outcome: MixingTrial.Outcome) {
            print("")
            print(
                "tried out        \(Readable.number(outcome.sharesPerRound, digits: 2)) adapters sent a peer and round")
            print(
                "rounds           \(outcome.roundsToBound.map { "\($0)" } ?? "the bound was not reached")")
            print(
                "contraction      "
                    + (outcome.contraction.map { Readable.number($0, digits: 4) } ?? "at once")
                    + (outcome.predicted.map { " a round; \(Readable.number($0, digits: 4)) predicted" } ?? " a round"))
            print("the mean moved   \(Readable.scientific(outcome.bias)) standard deviations")
            if let mass = outcome.massBias {
                print("all mass moved   \(Readable.scientific(mass)) standard deviations")
            }
        }
    }

    /// `murmur topology plan FILE`
    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a topology will take: bytes a round, rounds, memory, and time at an uplink.",
            discussion: """
                Nothing is run. Bytes are those of datagrams, and hold where nothing is lost; what is lost is sent again. \
                Rounds to agree follow from the graph, for peers whose adapters are as far from one another as \
                training usually takes them.

                Examples:
                  murmur topology plan topologies/demo.yaml --uplink 20Mbit/s
                  murmur topology plan topologies/ring-8.yaml --uplink 2Mbit/s \\
                      --training-time 30 --json
                """)

        @Argument(help: "The file.") var file: String
        @Option(help: "What each peer can send: 20Mbit/s, 512kbit/s.") var uplink: String?
        @Option(help: "Seconds that the local steps of a round take.") var trainingTime: Double?
        @Option(help: "The base model instead of the topology's.") var model: String?
        @OptionGroup var compute: ComputeOptions
        @Flag(help: "Print JSON.") var json = false

        func validate() throws {
            if let uplink, Uplink.bits(uplink) == nil {
                throw ValidationError(
                    "--uplink \(uplink): a number with bit/s, kbit/s, Mbit/s or Gbit/s, such as 20Mbit/s")
            }
            if let trainingTime, !(trainingTime >= 0 && trainingTime <= 1e6) {
                throw ValidationError("--training-time \(trainingTime): from 0 on")
            }
        }

        func run() async throws {
            let topology = try SwarmComposition.load(file, replacing: SourceChoices(model: model)).topology
            let plan = try SwarmPlan(
                topology, compute: compute.choices, uplink: uplink.flatMap { Uplink.bits($0) },
                trainingSeconds: trainingTime)
            print(json ? try JSONText.of(plan) : plan.lines.joined(separator: "\n"))
        }
    }

    /// `murmur topology schema`
    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the JSON Schema of topology files, which lets an editor complete and check them.",
            discussion: """
                Example:
                  murmur topology schema > schema.json
                """)

        func run() {
            print(String(decoding: SwarmTopology.schema.encoded(indented: true), as: UTF8.self), terminator: "")
        }
    }
}

extension SwarmTopology.Graph.Kind {
    /// The article before the kind's name at the beginning of a sentence.
    fileprivate var article: String { rawValue.hasPrefix("e") || rawValue.hasPrefix("o") ? "An" : "A" }
}
