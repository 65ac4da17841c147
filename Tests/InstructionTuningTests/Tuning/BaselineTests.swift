import Adapters
import InstructionTuning
import LinearAlgebra
import SwarmFile
import Synchronization
import Testing

/// Moves every value a part of the way to a target: the optimum of averaging is known.
private struct PullingTrainer: AdapterTrainer {
    let schema: AdapterSchema
    let sampleCount: Int
    let target: Float

    func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        var delta = request.delta
        for _ in 0..<request.steps {
            for index in delta.values.indices { delta[index] += 0.1 * (target - delta.values[index]) }
        }
        return TrainingOutcome(delta: delta, loss: Double(target), tokens: sampleCount, records: request.steps)
    }

    func snapshot() async throws -> [UInt8] { [] }
    func restore(_ snapshot: [UInt8]) async throws {}
}

@Suite("Baselines") struct BaselineTests {
    private let schema = AdapterSchema(tensors: [.init(name: "x", rows: 2, columns: 3)])

    private func trainer(_ target: Float, _ count: Int) -> PullingTrainer {
        PullingTrainer(schema: schema, sampleCount: count, target: target)
    }

    @Test("Federated averaging goes to the mean weighted by records")
    func averaging() async throws {
        let rounds = Mutex<[Int]>([])
        let run = try await FederatedAveraging.run(
            [trainer(1, 30), trainer(5, 10)], rounds: 80, localSteps: [2, 2]
        ) { round, _ in rounds.withLock { $0.append(round) } }
        #expect(run.delta.values.allSatisfy { abs($0 - 2) < 1e-4 })
        #expect(run.curve.count == 80 && run.curve[0].tokens == 40 && run.curve[0].loss == 2)
        #expect(rounds.withLock { $0 } == Array(0..<80))
    }

    @Test("One trainer averaged is that trainer alone, and alone it goes to its own target")
    func alone() async throws {
        let single = try await FederatedAveraging.run([trainer(3, 7)], rounds: 5, localSteps: [4])
        let local = try await LocalTuning.run(trainer(3, 7), rounds: 5, localSteps: 4)
        #expect(single == local)
        let further = try await LocalTuning.run(trainer(3, 7), rounds: 100, localSteps: 4, from: local.delta)
        #expect(further.delta.values.allSatisfy { abs($0 - 3) < 1e-4 })
    }

    @Test("On the language model, averaging two peers of different kinds helps both kinds")
    func languageModel() async throws {
        var rig = TuningRig()
        rig.settings.rounds = 12
        let bench = try rig.workbench()
        let parts = [
            DataPartition.Part(name: "p", records: TuningRig.records(12, kind: "a")),
            DataPartition.Part(name: "q", records: TuningRig.records(12, kind: "b")),
        ]
        let partition = try DataPartition(peers: parts, heldOut: [])
        let lanes = [ComputeLane(), ComputeLane()]
        func tuners() throws -> [InstructionTuner] {
            try zip(parts, lanes).map { try bench.tuner(peer: $0.name, records: $0.records, lane: $1) }
        }
        let evaluator = try bench.evaluator(
            records: TuningRig.records(12), lane: lanes[0], options: .init(generates: false))
        func loss(_ delta: AdapterDelta) async throws -> Double {
            try await evaluator.evaluate(adapter: bench.origin.adapter(of: delta)).loss
        }
        let steps = try tuners().map(\.localSteps)
        #expect(steps == [5, 5])
        let averaged = try await FederatedAveraging.run(try tuners(), rounds: 12, localSteps: steps)
        let again = try await FederatedAveraging.run(try tuners(), rounds: 12, localSteps: steps)
        #expect(averaged == again)
        let pooledTuner = try bench.pooledTuner(of: partition, lane: lanes[1])
        #expect(pooledTuner.sampleCount == 24)
        let pooled = try await LocalTuning.run(pooledTuner, rounds: 12, localSteps: 5)
        let base = try await loss(AdapterDelta(zeroOf: bench.origin.schema))
        let together = try await loss(averaged.delta)
        #expect(together < base)
        let pooledLoss = try await loss(pooled.delta)
        #expect(pooledLoss < base)
        for tuner in try tuners() {
            let alone = try await LocalTuning.run(tuner, rounds: 12, localSteps: 5)
            let aloneLoss = try await loss(alone.delta)
            #expect(together < aloneLoss)
        }
    }

    /// Epochs over unequal parts are unequal numbers of steps, of the trainer and of its schedule.
    @Test func epochsFollowTheRecords() throws {
        var rig = TuningRig()
        rig.settings.localEpochs = 2
        let bench = try rig.workbench()
        let lane = ComputeLane()
        let steps = try [4, 10, 12].map { count in
            try bench.tuner(peer: "p", records: TuningRig.records(count), lane: lane).localSteps
        }
        #expect(steps == [2, 5, 6])
        let parts = [4, 12].map { DataPartition.Part(name: "p\($0)", records: TuningRig.records($0)) }
        let pooled = try bench.pooledTuner(of: try DataPartition(peers: parts, heldOut: []), lane: lane)
        #expect(pooled.localSteps == 4, "two epochs over 16 records in batches of 8")
    }
}
