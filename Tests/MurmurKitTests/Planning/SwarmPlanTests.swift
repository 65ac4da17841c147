import Adapters
import Aggregation
import Foundation
import LanguageModel
import LinearAlgebra
import MurmurKit
import Simulation
import SwarmFile
import TestSupport
import Testing

@Suite struct SwarmPlanTests {
    /// A topology of the built-in model whose adapters have so many values as rank and targets make.
    private func topology(
        in folder: borrowing TemporaryFolder, graph: String, peers: Int, rank: Int, targets: String,
        bound: String = "1e-2", exchange: String = "compression: none", participation: Double = 1, rounds: Int = 30
    ) throws -> SwarmTopology {
        try folder.write(
            """
            murmuration: 1
            swarm: { name: plan, seed: 7 }
            model: { base: builtin:fledgling, lora: { rank: \(rank), alpha: 8, targets: [\(targets)] } }
            tuning: { template: terse, cutoff: 64, batch: 4, learning-rate: 5e-3, local-steps: 1, rounds: \(rounds), participation: \(participation) }
            data: { source: builtin:chores, count: 200, partition: { scheme: iid }, held-out: 1 }
            exchange: { \(exchange), consensus-bound: \(bound) }
            graph: { kind: \(graph) }
            peers: { count: \(peers) }
            """, to: "plan.yaml")
        return try SwarmComposition.load(folder.path("plan.yaml")).topology
    }

    /// What a swarm really sends, with real training and the real protocol, over a network that loses nothing.
    @Test(
        .timeLimit(.minutes(3)),
        arguments: [
            ("ring", 5, 8, "q_proj, k_proj, v_proj, o_proj"), ("complete", 3, 1, "q_proj"),
            ("complete", 4, 4, "down_proj"),
        ])
    func bytesAndRoundsAreThoseOfARun(graph: String, peers: Int, rank: Int, targets: String) async throws {
        let folder = try TemporaryFolder()
        let topology = try topology(in: folder, graph: graph, peers: peers, rank: rank, targets: targets)
        let plan = try SwarmPlan(topology, compute: ComputeChoices(), uplink: 1e6, trainingSeconds: 1)
        let swarm = SwarmComposition(topology)
        let training = try SimulatedTraining(
            TrainerChoice.builtIn.factory(for: swarm, own: nil), names: swarm.names, mean: .seconds(1))
        #expect(plan.adapterValues == training.schema.count && plan.payloadBytes == 4 * training.schema.count)
        let choices = SimulationChoices(topologyPath: "t")
        var simulated = try SimulatedSwarm(choices.scenario(topology, nil, training, seed: 3))
        let report = try await simulated.runWithTrainers()
        #expect(report.peers.allSatisfy { $0.isFinished })
        // The number of the last round, and the final adapter under that.
        let contributions = report.rounds + 1
        let perLink = Double(report.bytesSent) / Double(2 * plan.edges * contributions)
        #expect(
            abs(Double(plan.bytesPerLink) / perLink - 1) < SwarmPlan.margin,
            "\(plan.bytesPerLink) planned, \(perLink) sent")
        let settling = try #require(plan.settlingRounds)
        let took = report.rounds - topology.tuning.rounds
        #expect(settling >= took / 2 && settling <= 2 * took + 4, "\(settling) settling rounds planned, \(took) taken")
    }

    /// How a swarm exchanges, and what is planned for it.
    struct Setting: Sendable, CustomTestStringConvertible {
        let exchange: String
        var graph = "ring"
        var participation = 1.0
        var margin = SwarmPlan.margin
        var rank = 8

        var testDescription: String { "\(exchange), \(graph), participation \(participation)" }
    }

    /// All that a swarm sends, for as many settling rounds as it took, whatever makes its contributions smaller.
    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            Setting(exchange: "compression: bf16", margin: SwarmPlan.marginOfDifferences),
            Setting(
                exchange: "settling: chebyshev, compression: bf16", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "compression: int8", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "compression: int4", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "compression: differences", margin: SwarmPlan.marginOfDifferences),
            // Two neighbours, 17920 values: 78 kB in bf16, 40 kB in int8, 21 kB in int4, 16 kB as differences.
            Setting(exchange: "budget: 50kB", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "budget: 30kB", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "compression: int8, uplink: 140kbit/s", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "compression: top-k", margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "compression: none, factors: freeze-a"),
            Setting(exchange: "compression: none, factors: alternate"),
            Setting(exchange: "compression: none, factors: product-residual, residual-rank: 4", rank: 4),
            Setting(exchange: "compression: none", participation: 0.5),
            Setting(
                exchange: "compression: int8, factors: freeze-a", participation: 0.5,
                margin: SwarmPlan.marginOfDifferences),
            Setting(exchange: "mixing: pairwise, compression: none", graph: "exponential"),
            Setting(exchange: "mixing: push-sum", graph: "exponential"),
            Setting(exchange: "mixing: one-peer-exponential", graph: "exponential"),
            // 72 kB, which are fetched whole, and five leaves for four peers.
            Setting(exchange: "mixing: all-reduce, compression: none", graph: "complete"),
            Setting(exchange: "mixing: all-reduce, compression: none", graph: "complete", rank: 32),
        ])
    func bytesAreThoseOfARun(_ setting: Setting) async throws {
        let folder = try TemporaryFolder()
        let topology = try topology(
            in: folder, graph: setting.graph, peers: 4, rank: setting.rank, targets: "q_proj, v_proj",
            exchange: setting.exchange,
            participation: setting.participation, rounds: 12)
        let swarm = SwarmComposition(topology)
        let training = try SimulatedTraining(
            TrainerChoice.builtIn.factory(for: swarm, own: nil), names: swarm.names, mean: .seconds(1))
        let choices = SimulationChoices(topologyPath: "t")
        var simulated = try SimulatedSwarm(choices.scenario(topology, nil, training, seed: 3))
        let report = try await simulated.runWithTrainers()
        #expect(report.peers.allSatisfy { $0.isFinished })
        let traffic = try PlannedTraffic(topology, schema: training.schema, trainingSeconds: 1)
        // The number of the last round is that of the final adapter.
        let planned = traffic.sent(settlingRounds: report.rounds - 12).reduce(0, +)
        #expect(
            abs(Double(planned) / Double(report.bytesSent) - 1) < setting.margin,
            "\(planned) planned, \(report.bytesSent) sent in \(report.rounds) rounds")
        let plan = try SwarmPlan(topology, compute: ComputeChoices(), uplink: nil, trainingSeconds: nil)
        let settling = try #require(plan.settlingRounds)
        let took = report.rounds - 12
        #expect(settling >= took / 2 && settling <= 2 * took + 4, "\(settling) settling rounds planned, \(took) taken")
    }

    /// The plan says which levels a budget leads to, and where nothing fits.
    @Test func budgetsAreShown() throws {
        let folder = try TemporaryFolder()
        func plan(_ exchange: String, graph: String = "ring", seconds: Double? = nil) throws -> SwarmPlan {
            let topology = try topology(
                in: folder, graph: graph, peers: 5, rank: 8, targets: "q_proj, v_proj", exchange: exchange)
            return try SwarmPlan(topology, compute: ComputeChoices(), uplink: nil, trainingSeconds: seconds)
        }
        #expect(try plan("compression: bf16").levels.isEmpty)
        let whole = try plan("compression: bf16")
        // The middle of the star has four neighbours, the others one.
        let star = try plan("budget: \(2 * whole.bytesPerLink)B", graph: "star")
        #expect(star.levels.map(\.peers).reduce(0, +) == 5 && star.levels.count == 2, "\(star.levels)")
        #expect(star.levels[0].compression == "bf16" && star.levels[0].peers == 4 && star.levels.allSatisfy(\.fits))
        #expect(star.bytesPerRound <= star.levels[1].budget && star.payloadBytes < whole.payloadBytes)
        let over = try plan("budget: 1kB")
        #expect(over.levels.map(\.fits) == [false] && over.levels[0].compression == "differences")
        #expect(over.lines.contains { $0.contains("MORE THAN THE BUDGET") })
        // By the uplink a level follows from the time of the steps, which somebody has to say.
        #expect(try plan("uplink: 100kbit/s").lines.contains { $0.contains("--training-time") })
        #expect(try plan("uplink: 100kbit/s", seconds: 10).levels.map(\.compression) == ["bf16"])
        #expect(try plan("uplink: 100kbit/s", seconds: 10).exchangeSeconds ?? 99 < 10)
    }

    @Test func timeFollowsFromTheBusiestPeer() throws {
        let folder = try TemporaryFolder()
        let star = try topology(in: folder, graph: "star", peers: 5, rank: 8, targets: "q_proj")
        func plan(_ uplink: Double?) throws -> SwarmPlan {
            try SwarmPlan(star, compute: ComputeChoices(), uplink: uplink, trainingSeconds: 10)
        }
        let slow = try plan(1e6)
        #expect(slow.busiestPeer == "peer-0" && slow.busiestDegree == 4)
        #expect(slow.bytesPerRound == 4 * slow.bytesPerLink)
        let exchange = try #require(slow.exchangeSeconds)
        #expect(exchange > Double(8 * slow.bytesPerRound) / 1e6)
        #expect(try plan(2e6).exchangeSeconds == exchange / 2)
        let settling = try #require(slow.settlingRounds)
        let total = try #require(slow.totalSeconds)
        #expect(abs(total - exchange * Double(30 + settling + 1) - 300) < 1e-6 * total)
        let open = try plan(nil)
        #expect(open.totalSeconds == nil && open.lines.contains { $0.contains("--uplink 20Mbit/s") })
        #expect(slow.lines.contains { $0.contains("at 1 Mbit/s") }, "\(slow.lines)")
    }

    /// A model of 135 million parameters with records of up to 256 tokens was measured at 832 MB, with one thread
    /// (docs/benchmarks.md).
    @Test func memoryIsAboutWhatWasMeasured() {
        let shape = ModelConfiguration(
            vocabularySize: 49_152, hiddenSize: 576, intermediateSize: 1536, layerCount: 30, headCount: 9,
            keyValueHeadCount: 3, headSize: 64, normEpsilon: 1e-5, ropeBase: 1e4, tiesEmbeddings: true)
        var tuning = SwarmTopology.Tuning()
        tuning.cutoff = 256
        let schema = AdapterSchema.lora(configuration: .defaults, projections: shape.projections)
        func memory(_ storage: WeightStorage, _ exchange: SwarmTopology.Exchange = .defaults) -> PeerMemory {
            PeerMemory(
                shape: shape, schema: schema, tuning: tuning, exchange: exchange, degree: 2,
                weights: WeightMemory(shape: shape, storage: storage), threads: 1)
        }
        #expect((700_000_000...1_000_000_000).contains(memory(.float32).total), "\(memory(.float32))")
        let falling: [WeightStorage] = [
            .float32, .bfloat16, .q81, .q80, .int8, .q6K, .q5K, .q41, .q4K, .q40, .q3K, .q2K,
        ]
        let weights = falling.map { memory($0).weights }
        #expect(zip(weights, weights.dropFirst()).allSatisfy(>), "\(weights)")
        // Push-sum was measured to keep 28 adapters more than metropolis, for two neighbours.
        var pushSum = SwarmTopology.Exchange()
        pushSum.mixing = .pushSum
        let more = memory(.float32, pushSum).adapters - memory(.float32).adapters
        #expect((25...32).contains(more / (4 * schema.count)))
    }

    /// A residual's rank travels, is kept and is trained beside, as if the adapter had that rank more.
    @Test func residualsAreCounted() throws {
        let folder = try TemporaryFolder()
        func plan(_ exchange: String, rank: Int) throws -> SwarmPlan {
            let topology = try topology(
                in: folder, graph: "ring", peers: 4, rank: rank, targets: "q_proj, v_proj", exchange: exchange)
            return try SwarmPlan(topology, compute: ComputeChoices(), uplink: nil, trainingSeconds: nil)
        }
        let residual = try plan("factors: product-residual", rank: 8)
        let product = try plan("factors: product", rank: 32)
        #expect(residual.adapterValues == product.adapterValues && residual.payloadBytes == product.payloadBytes)
        #expect(residual.memory == product.memory)
        #expect(
            try plan("factors: product-residual, residual-rank: 8", rank: 8).adapterValues * 2 == product.adapterValues)
    }

    /// Tracking gradients doubles the contributions of rounds with training, but for the last, and takes memory for each
    /// neighbour.
    @Test func trackingIsCounted() throws {
        let schema = AdapterSchema(tensors: [.init(name: "a", rows: 100, columns: 100)])
        func sent(_ exchange: String) throws -> [Int] {
            let topology = try SwarmTopology.parse(
                """
                murmuration: 1
                swarm: { name: counted, seed: 3 }
                model: { base: builtin:fledgling }
                tuning: { rounds: 11 }
                data: { source: builtin:chores }
                exchange: { compression: \(exchange) }
                graph: { kind: ring }
                peers: { count: 5, host: 10.0.0.1, first-port: 9000 }
                """, file: "t.yaml")
            return try PlannedTraffic(topology, schema: schema).sent(settlingRounds: nil)
        }
        for compression in ["none", "bf16"] {
            let (with, without) = (try sent("\(compression), tracking: true")[0], try sent(compression)[0])
            let share = Double(with) / Double(without)
            #expect(share > 1.85 && share < 21 / 11.0 + 0.02, "\(share)")
        }
        let shape = ModelConfiguration(
            vocabularySize: 512, hiddenSize: 64, intermediateSize: 128, layerCount: 2, headCount: 4,
            keyValueHeadCount: 4, headSize: 16, normEpsilon: 1e-5, ropeBase: 1e4, tiesEmbeddings: true)
        let adapters = [false, true].map { tracks in
            var exchange = SwarmTopology.Exchange()
            exchange.tracking = tracks
            return [2, 3].map { degree in
                PeerMemory(
                    shape: shape, schema: schema, tuning: SwarmTopology.Tuning(), exchange: exchange, degree: degree,
                    weights: WeightMemory(shape: shape, storage: .float32), threads: 1
                ).adapters
            }
        }
        let vector = 4 * schema.count
        // Three contributions of a neighbour hold twice as much, and the edge's vector is there three times.
        #expect(adapters[0][1] - adapters[0][0] == 3 * vector && adapters[1][1] - adapters[1][0] == 9 * vector)
    }

    @Test(arguments: [
        ("20Mbit/s", 2e7), ("512kbit/s", 512e3), ("1 Gbit/s", 1e9), ("1.5mbit/s", 1.5e6), ("300bit/s", 300),
    ]) func uplinksAreRead(text: String, bits: Double) {
        #expect(Uplink.bits(text) == bits)
    }

    @Test(arguments: ["", "20", "20MB/s", "Mbit/s", "-1Mbit/s", "0Mbit/s", "infMbit/s", "1e30Gbit/s"])
    func whatIsNoUplinkIsRefused(text: String) {
        #expect(Uplink.bits(text) == nil)
    }
}
