import Adapters
import Aggregation
import Foundation
import InstructionTuning
import LinearAlgebra
import Observability
import SwarmFile

/// Tunes and measures the alternatives to gossip, and measures gossip's own adapters.
struct Comparison: Sendable {
    let folder: RunFolder
    let answerTokens: Int
    let answerRecords: Int?
    let quietly: Bool
    let badRecords: BadRecordPolicy
    let compute: ComputeOptions

    /// Runs everything, on all compute lanes.
    func run() async throws -> ComparisonResult {
        var topology = folder.topology
        compute.apply(to: &topology)
        let composition = try Composition(topology, compute: compute)
        let partition = try Composition.partition(topology, onBadRecord: badRecords)
        guard !partition.heldOut.isEmpty else {
            throw CommandFailure("no records are held out: set data.held-out to 1 or more")
        }
        let progress = ProgressLine("comparing", quietly: quietly)
        let peers = topology.peers.count
        let total = topology.tuning.rounds * (peers + 2) + 2 * peers + 3
        let counter = Counter { progress.update($0, of: total) }
        // The three kinds of tuning run side by side, divided so that two lanes have equal work.
        async let pooled = pooled(composition, partition, counter)
        async let averaged = averaged(composition, partition, counter)
        async let alone = alone(composition, partition, counter)
        let tuned = (try await pooled, try await averaged, try await alone)

        let gossip = try topology.peers.map { peer in
            try composition.delta(ofAdapterIn: folder.adapter(of: peer.name).path)
        }
        let deltas = [tuned.0, tuned.1] + tuned.2 + gossip
        let adapters = [composition.workbench.origin.values] + deltas.map(composition.workbench.origin.adapter(of:))
        let summaries = try await measure(adapters, composition, partition, counter)
        progress.finish()
        let events = folder.progress()
        return ComparisonResult(
            topology: topology, progress: events, base: summaries[0], centralized: summaries[1], fedavg: summaries[2],
            local: Array(summaries[3..<3 + peers]), gossip: Array(summaries[(3 + peers)...]),
            consensusDistance: ConsensusDistance.relative(gossip))
    }

    private func pooled(
        _ composition: Composition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> AdapterDelta {
        let tuner = try composition.workbench.pooledTuner(of: partition, lane: .shared(for: 0))
        return try await LocalTuning.run(
            tuner, rounds: folder.topology.tuning.rounds, localSteps: folder.topology.tuning.localSteps
        ) { _, _ in counter.add(1) }.delta
    }

    private func averaged(
        _ composition: Composition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> AdapterDelta {
        let tuners = try partition.peers.enumerated().map { index, part in
            try composition.workbench.tuner(peer: part.name, records: part.records, lane: .shared(for: index))
        }
        return try await FederatedAveraging.run(
            tuners, rounds: folder.topology.tuning.rounds, localSteps: folder.topology.tuning.localSteps
        ) { _, _ in counter.add(1) }.delta
    }

    private func alone(
        _ composition: Composition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> [AdapterDelta] {
        var deltas: [AdapterDelta] = []
        for part in partition.peers {
            let tuner = try composition.workbench.tuner(peer: part.name, records: part.records, lane: .shared(for: 1))
            deltas.append(
                try await LocalTuning.run(
                    tuner, rounds: folder.topology.tuning.rounds, localSteps: folder.topology.tuning.localSteps
                ) { _, _ in counter.add(1) }.delta)
        }
        return deltas
    }

    /// Measures adapters side by side, an evaluator a lane.
    private func measure(
        _ adapters: [[Float]], _ composition: Composition, _ partition: DataPartition, _ counter: Counter
    ) async throws -> [EvaluationSummary] {
        let options = Evaluator.Options(
            generates: answerTokens > 0, maximumTokens: max(1, answerTokens), generatedRecords: answerRecords)
        let lanes = ComputeLane.all.count
        return try await withThrowingTaskGroup(of: [(Int, EvaluationSummary)].self) { group in
            for lane in 0..<min(lanes, adapters.count) {
                group.addTask {
                    let evaluator = try composition.workbench.evaluator(
                        records: partition.heldOut, lane: .shared(for: lane), options: options)
                    var results: [(Int, EvaluationSummary)] = []
                    for index in stride(from: lane, to: adapters.count, by: lanes) {
                        results.append((index, try await evaluator.evaluate(adapter: adapters[index])))
                        counter.add(1)
                    }
                    return results
                }
            }
            var all: [(Int, EvaluationSummary)] = []
            for try await results in group { all += results }
            return all.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
