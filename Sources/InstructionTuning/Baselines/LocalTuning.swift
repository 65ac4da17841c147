package import Adapters

/// What one peer reaches alone, without any exchange; with the pooled trainer, what all data at one place would give.
package enum LocalTuning {
    /// Runs `rounds` times `localSteps` steps of one trainer, from the seed adapter or `start`.
    package static func run(
        _ trainer: any AdapterTrainer, rounds: Int, localSteps: Int, from start: AdapterDelta? = nil,
        afterRound listener: BaselineListener? = nil
    ) async throws -> BaselineRun {
        var run = BaselineRun(delta: start ?? AdapterDelta(zeroOf: trainer.schema), curve: [])
        for round in 0..<rounds {
            try Task.checkCancellation()
            let outcome = try await trainer.train(
                TrainingRequest(round: round, steps: localSteps, delta: run.delta))
            run.delta = outcome.delta
            run.curve.append(.init(round: round, loss: outcome.loss, tokens: outcome.tokens))
            try await listener?(round, run.delta)
        }
        return run
    }
}
