import Adapters
import Foundation
import InstructionTuning
import MurmurKit
import SwarmFile
import Synchronization
import TestSupport
import Testing

/// `scripts/trainer` beside the built-in engine. Runs where `MURMUR_PYTHON` names an interpreter with PyTorch, PEFT and
/// Accelerate, as `scripts/test` sees to.
@Suite(.enabled(if: TrainerScript.readyPython != nil, "MURMUR_PYTHON names no Python with PyTorch and PEFT"))
struct ReadyTrainerTests {
    static var models: [String] {
        ["builtin:fledgling"]
            + (SharedData.folder.map { [$0.appendingPathComponent("models/stories260K/hf").path] } ?? [])
    }

    /// Loses nothing and draws nothing that the other does not.
    static func topology(_ model: String, in folder: borrowing TemporaryFolder) throws -> SwarmTopology {
        var topology = try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
        topology.model.base = model
        topology.model.lora = .init(rank: 4, alpha: 8, targets: [.query, .value, .output, .down])
        topology.tuning.template = "alpaca-short"
        topology.tuning.cutoff = 128
        topology.tuning.batch = 6
        topology.tuning.accumulation = 2
        topology.tuning.learningRate = 2e-3
        topology.tuning.weightDecay = 0.01
        topology.tuning.warmup = 4
        topology.tuning.schedule = .cosine
        (topology.tuning.localSteps, topology.tuning.rounds) = (5, 4)
        return topology
    }

    /// The losses of the steps of all rounds, and where they led.
    static func losses(
        _ factory: (@escaping @Sendable (TuningStep) -> Void) throws -> any TrainerFactory, rounds: Int,
        factors: LoRAFactors = .both, proximal: Double = 0
    ) async throws -> (losses: [Double], delta: AdapterDelta) {
        let losses = Mutex<[Double]>([])
        let trainer = try factory { step in losses.withLock { $0.append(step.loss) } }.trainer(of: "peer-0")
        try await trainer.begin()
        var delta = AdapterDelta(zeroOf: trainer.schema)
        for round in 0..<rounds {
            delta = try await trainer.train(
                TrainingRequest(round: round, steps: 5, delta: delta, factors: factors, proximal: proximal)
            ).delta
        }
        await trainer.end()
        return (losses.withLock { $0 }, delta)
    }

    @Test(arguments: models, [(LoRAFactors.both, 0.0), (.b, 0), (.both, 3)])
    func itsLossesAreThoseOfTheBuiltInEngine(
        model: String, rounds: (factors: LoRAFactors, proximal: Double)
    ) async throws {
        let (factors, proximal) = rounds
        let python = try #require(TrainerScript.readyPython)
        let folder = try TemporaryFolder()
        var topology = try Self.topology(model, in: folder)
        topology.tuning.proximal = proximal
        let partition = try ModelComposition.partition(topology)
        let package = SharedData.projectRoot.appendingPathComponent("scripts/trainer").path
        let command = SwarmTopology.TrainerCommand(
            ["PYTHONPATH=\(package)", python, "-m", "murmuration_trainer", "--micro-batch", "5"])
        let own = try await Self.losses(
            { try BuiltInTrainers(ModelComposition(topology), partition, placement: .alone(threads: 1), stepped: $0) },
            rounds: 4, factors: factors, proximal: proximal)
        let path = folder.path("run")
        let other = try await Self.losses(
            { try CommandTrainers(topology, partition, command, threads: 1, folder: path, stepped: $0) }, rounds: 4,
            factors: factors, proximal: proximal)
        #expect(own.losses.count == 20 && other.losses.count == 20)
        let worst = zip(own.losses, other.losses).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-3)
        let distance = own.delta.distance(to: other.delta) / own.delta.norm
        #expect(distance < 1e-2)
        print(
            "\(model), factors \(factors.rawValue), proximal \(proximal): the losses of 20 steps differ by \(worst) at most, the adapters by \(distance) of their norm"
        )
    }
}
