import Adapters
import Federation
import InstructionTuning
import LinearAlgebra
import Overlay
import SwarmFile

extension GridBench {
    /// Trains and measures; `slot` says on which lane work is done that is no peer's alone.
    ///
    /// Training that does not end in numbers is an outcome, not an error.
    package func perform(_ run: GridRun, slot: Int) async throws -> GridOutcome {
        var run = run
        // Nothing is cut there: adapters and their bytes are those of the rank that is trained.
        if run.method != .gossip { run.setting.topology = run.setting.topology.withoutResidual }
        let topology = run.setting.topology
        let data = try data(topology)
        do {
            let trained = try await train(run, data, slot: slot)
            return try await measured(trained, data, topology, slot: slot)
        } catch let error as TuningError {
            guard case .notFinite = error else { throw error }
            var outcome = GridOutcome()
            outcome.failure = "\(error)"
            return outcome
        }
    }

    /// A run whose adapters are still to be measured.
    private struct Trained {
        var outcome = GridOutcome()
        /// Beside the outcome's rows; nil where there is none.
        var deltas: [AdapterDelta?] = []

        mutating func add(_ group: GridOutcome.Group, of peer: String = "", _ delta: AdapterDelta?) {
            outcome.rows.append(.init(group: group, peer: peer))
            deltas.append(delta)
        }
    }

    private func train(_ run: GridRun, _ data: GridData, slot: Int) async throws -> Trained {
        let topology = run.setting.topology
        switch run.method {
        case .base:
            var trained = Trained()
            trained.add(.base, AdapterDelta(zeroOf: try composition(topology).workbench.origin.schema))
            return trained
        case .alone: return try await alone(topology, data)
        case .fedavg: return try await averaged(topology, data)
        case .pooledSteps, .pooledRecords:
            return try await pooled(topology, data, hasLargeBatch: run.method == .pooledSteps, slot: slot)
        case .gossip: return try await gossip(run.setting, data)
        }
    }

    /// Each peer by itself, and the mean of what they reach.
    private func alone(_ topology: SwarmTopology, _ data: GridData) async throws -> Trained {
        let workbench = try composition(topology).workbench
        let (tuning, participation, count) = (topology.tuning, topology.participation, topology.peers.count)
        let tuned = try await withThrowingTaskGroup(of: (Int, AdapterDelta, Int).self) { group in
            for (place, part) in data.dealt.peers.enumerated() {
                group.addTask {
                    let rounds = (0..<tuning.rounds).count { participation.trains(place, of: count, in: $0) }
                    let tuner = try workbench.tuner(
                        peer: part.name, records: part.records, lane: .shared(for: place))
                    // All at once: no round matters to who is alone.
                    let run = try await LocalTuning.run(
                        tuner, rounds: min(1, rounds), localSteps: rounds * tuner.localSteps)
                    return (place, run.delta, tuner.sampleCount)
                }
            }
            var all: [(Int, AdapterDelta, Int)] = []
            for try await one in group { all.append(one) }
            return all.sorted { $0.0 < $1.0 }
        }
        var trained = Trained()
        for (place, delta, _) in tuned { trained.add(.alone, of: data.dealt.peers[place].name, delta) }
        trained.add(.once, .weightedMean(tuned.map { (Double($0.2), $0.1) }))
        // An adapter up and down, once.
        trained.outcome.bytes = tuned.map { 8 * $0.1.schema.count }
        trained.outcome.rounds = 1
        return trained
    }

    private func averaged(_ topology: SwarmTopology, _ data: GridData) async throws -> Trained {
        let workbench = try composition(topology).workbench
        let (tuning, participation, count) = (topology.tuning, topology.participation, topology.peers.count)
        let tuners = try data.dealt.peers.enumerated().map { place, part in
            try workbench.tuner(peer: part.name, records: part.records, lane: .shared(for: place))
        }
        let run = try await FederatedAveraging.run(
            tuners, rounds: tuning.rounds, localSteps: tuners.map(\.localSteps), proximal: tuning.proximal,
            takesPart: { participation.trains($0, of: count, in: $1) })
        var trained = Trained()
        trained.add(.fedavg, run.delta)
        trained.outcome.bytes = (0..<count).map { place in
            8 * run.delta.schema.count * (0..<tuning.rounds).count { participation.trains(place, of: count, in: $0) }
        }
        trained.outcome.rounds = tuning.rounds
        return trained
    }

    private func pooled(
        _ topology: SwarmTopology, _ data: GridData, hasLargeBatch: Bool, slot: Int
    ) async throws -> Trained {
        var pooled = topology
        // As many records a step, or steps for as many records, as the peers that train in a round.
        let peers = topology.participation.participants(of: topology.peers.count, in: 0).count
        // An epoch over all records has the steps of all peers. Those that train in a round have part of them.
        pooled.tuning.localEpochs = pooled.tuning.localEpochs.map { $0 * Double(peers) / Double(topology.peers.count) }
        if hasLargeBatch {
            pooled.tuning.batch *= peers
        } else if pooled.tuning.localEpochs != nil {
            pooled.tuning.warmup *= peers
        } else {
            pooled.tuning.rounds *= peers
            pooled.tuning.warmup *= peers
        }
        let tuner = try composition(pooled).workbench.tuner(
            peer: "pooled", records: data.pooled, lane: .shared(for: slot))
        let run = try await LocalTuning.run(
            tuner, rounds: pooled.tuning.rounds, localSteps: tuner.localSteps)
        var trained = Trained()
        trained.add(.pooled, run.delta)
        return trained
    }

    /// The swarm itself, in the simulator.
    private func gossip(_ setting: GridSetting, _ data: GridData) async throws -> Trained {
        let trainers = try BuiltInTrainers(try composition(setting.topology), data.dealt, placement: .shared)
        let trial = try await SwarmTrial.run(setting.topology, faults: setting.schedule, trainers: trainers)
        var trained = Trained()
        for peer in trial.peers { trained.add(.gossip, of: peer.name, peer.final) }
        for peer in trial.peers { trained.add(.unsettled, of: peer.name, peer.unsettled) }
        let unsettled = trial.peers.compactMap { peer in peer.unsettled.map { (Double(peer.sampleCount), $0) } }
        trained.add(.average, unsettled.count == trial.peers.count ? .weightedMean(unsettled) : nil)
        trained.outcome.bytes = trial.peers.map(\.bytes)
        let before = trial.peers.compactMap(\.bytesUnsettled)
        trained.outcome.bytesUnsettled = before.count == trial.peers.count ? before : nil
        trained.outcome.rounds = trial.rounds
        trained.outcome.missed = trial.missed
        trained.outcome.leftOut = trial.peers.compactMap { peer in peer.problem.map { "\(peer.name) \($0)" } }
        trained.outcome.failure = trial.violation
        return trained
    }

    /// The outcome with the losses of its adapters. Rates are not chosen by what is before settling, so that is not measured
    /// on the validation part.
    private func measured(
        _ trained: Trained, _ data: GridData, _ topology: SwarmTopology, slot: Int
    ) async throws -> GridOutcome {
        var outcome = trained.outcome
        let workbench = try composition(topology).workbench
        let lane = ComputeLane.shared(for: slot)
        let validation =
            try data.validation.isEmpty
            ? nil
            : workbench.evaluator(records: data.validation, lane: lane, options: .init(generates: false))
        let heldOut = try workbench.evaluator(records: data.heldOut, lane: lane, options: .init(generates: false))
        let answers =
            try measure.answers == 0
            ? nil
            : workbench.evaluator(
                records: data.heldOut, lane: lane,
                options: .init(maximumTokens: measure.answerTokens, generatedRecords: measure.answers))
        for (index, delta) in trained.deltas.enumerated() {
            guard let adapter = delta.map(workbench.origin.adapter) else { continue }
            let isFinal = outcome.rows[index].group != .unsettled && outcome.rows[index].group != .average
            let summary = try await ((isFinal ? answers : nil) ?? heldOut).evaluate(adapter: adapter)
            outcome.rows[index].heldOut = summary.loss
            outcome.rows[index].exactMatch = summary.exactMatch
            if isFinal { outcome.rows[index].validation = try await validation?.evaluate(adapter: adapter).loss }
        }
        return outcome
    }
}
