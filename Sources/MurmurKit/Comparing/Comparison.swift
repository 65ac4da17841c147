import Adapters
import Federation
import InstructionTuning
import LanguageModel
import LinearAlgebra
import Observability
import Overlay
import SwarmFile

/// Tunes and measures the alternatives to gossip, and measures gossip's own adapters.
package struct Comparison: Sendable {
    package let folder: RunFolder
    /// The most tokens of a generated answer; zero generates none and measures loss alone.
    package var answerTokens = 32
    /// For how many held-out records answers are generated; nil for all.
    package var answerRecords: Int?
    package var sources = SourceChoices()
    package var compute = ComputeChoices()
    /// Whether no progress is shown.
    package var isQuiet = false

    /// Compares in the folder of a finished run.
    package init(folder: RunFolder) {
        self.folder = folder
    }

    /// Runs everything, on all compute lanes.
    package func run() async throws -> SwarmComparison {
        var topology = folder.topology
        compute.apply(to: &topology)
        let composition = try ModelComposition(topology, compute: compute)
        let partition = try ModelComposition.partition(topology, onBadRecord: sources.badRecords)
        guard !partition.heldOut.isEmpty else {
            throw CommandFailure("no records are held out: set data.held-out to 1 or more")
        }
        try folder.checkStates(composition, partition)
        let progress = ProgressLine("comparing", quietly: isQuiet)
        let peers = topology.peers.count
        let total = topology.tuning.rounds * (peers + 2) + 2 * peers + 3
        let counter = Counter { progress.update($0, of: total) }
        // The three kinds of tuning run side by side, divided so that two lanes have equal work.
        async let pooled = pooled(composition, partition, counter)
        async let averaged = averaged(composition, partition, counter)
        async let alone = alone(composition, partition, counter)
        let tuned = (try await pooled, try await averaged, try await alone)

        let gossip = try folder.deltas(for: composition)
        let deltas = [tuned.0, tuned.1.delta] + tuned.2 + gossip
        let adapters = [composition.workbench.origin.values] + deltas.map(composition.workbench.origin.adapter(of:))
        let (scores, records) = try await measure(adapters, composition, partition, counter)
        progress.finish()
        let evidence = ComparisonEvidence(
            scores: .init(
                base: scores[0], centralized: scores[1], fedavg: scores[2], alone: Array(scores[3..<3 + peers]),
                gossip: Array(scores[(3 + peers)...])),
            records: records,
            // Up and down, four bytes a value.
            server: .init(
                losses: tuned.1.curve.map { ($0.round, $0.loss) },
                bytesPerRound: 8 * composition.workbench.model.adapterSchema(topology.model.lora).count),
            partition: partition.report)
        let summaries = scores.map { EvaluationSummary($0) }
        return SwarmComparison(
            topology: topology, progress: folder.progress(), base: summaries[0], centralized: summaries[1],
            fedavg: summaries[2],
            alone: Array(summaries[3..<3 + peers]), gossip: Array(summaries[(3 + peers)...]),
            consensusDistance: folder.consensusDistance(of: gossip), evidence: evidence)
    }

    private func pooled(
        _ composition: ModelComposition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> AdapterDelta {
        let tuner = try composition.workbench.pooledTuner(of: partition, lane: .shared(for: 0))
        return try await LocalTuning.run(
            tuner, rounds: folder.topology.tuning.rounds, localSteps: tuner.localSteps,
            residualRank: folder.topology.residualRank
        ) { _, _ in counter.add(1) }.delta
    }

    private func averaged(
        _ composition: ModelComposition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> BaselineRun {
        let tuners = try partition.peers.enumerated().map { index, part in
            try composition.workbench.tuner(peer: part.name, records: part.records, lane: .shared(for: index))
        }
        let (participation, count) = (folder.topology.participation, tuners.count)
        return try await FederatedAveraging.run(
            tuners, rounds: folder.topology.tuning.rounds, localSteps: tuners.map(\.localSteps),
            proximal: folder.topology.tuning.proximal, residualRank: folder.topology.residualRank,
            afterRound: { _, _ in counter.add(1) },
            takesPart: { participation.trains($0, of: count, in: $1) })
    }

    private func alone(
        _ composition: ModelComposition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> [AdapterDelta] {
        var deltas: [AdapterDelta] = []
        let (participation, count) = (folder.topology.participation, partition.peers.count)
        for (place, part) in partition.peers.enumerated() {
            // As many rounds as the peer trains in the swarm.
            let rounds = (0..<folder.topology.tuning.rounds).count { participation.trains(place, of: count, in: $0) }
            let tuner = try composition.workbench.tuner(peer: part.name, records: part.records, lane: .shared(for: 1))
            deltas.append(
                try await LocalTuning.run(
                    tuner, rounds: rounds, localSteps: tuner.localSteps, residualRank: folder.topology.residualRank
                ) { _, _ in counter.add(1) }.delta)
        }
        return deltas
    }

    /// Measures adapters side by side, an evaluator a lane: their scores, and the records that these are of.
    private func measure(
        _ adapters: [[Float]], _ composition: ModelComposition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> (scores: [[RecordScore]], records: [InstructionRecord]) {
        let options = Evaluator.Options(
            generates: answerTokens > 0, maximumTokens: max(1, answerTokens), generatedRecords: answerRecords)
        let measured = try await Lanes.map(adapters) { lane in
            let evaluator = try composition.workbench.evaluator(
                records: partition.heldOut, lane: lane, options: options)
            return { adapter in
                defer { counter.add(1) }
                return (try await evaluator.scores(adapter: adapter), evaluator.records)
            }
        }
        return (measured.map(\.0), measured.first?.1 ?? [])
    }
}
