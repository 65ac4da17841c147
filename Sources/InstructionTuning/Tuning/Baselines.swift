package import Adapters

/// Where a baseline led.
package struct BaselineRun: Sendable, Equatable {
    /// One round's training loss.
    package struct Point: Sendable, Hashable {
        /// The round, from zero.
        package var round: Int
        /// Mean negative log-likelihood per token that carried loss, over the round's steps.
        package var loss: Double
        /// The tokens that carried loss.
        package var tokens: Int
    }

    /// The adapter after the last round.
    package var delta: AdapterDelta
    /// The training loss of every round.
    package var curve: [Point]
}

/// Called after every round of a baseline with the round and the delta; for progress and learning curves.
package typealias BaselineListener = @Sendable (Int, AdapterDelta) async throws -> Void

/// What one peer reaches alone, without any exchange; with the pooled trainer, what all data at one place would give.
///
/// Nothing draws its steps back: that is for peers whose adapters are averaged.
package enum LocalTuning {
    /// Runs `rounds` times `localSteps` steps of one trainer, from the seed adapter or `start`. A residual of this rank stays
    /// as it is.
    package static func run(
        _ trainer: any AdapterTrainer, rounds: Int, localSteps: Int, from start: AdapterDelta? = nil,
        residualRank: Int = 0, afterRound listener: BaselineListener? = nil
    ) async throws -> BaselineRun {
        var run = BaselineRun(delta: start ?? AdapterDelta(zeroOf: trainer.schema), curve: [])
        for round in 0..<rounds {
            try Task.checkCancellation()
            let outcome = try await trainer.train(
                TrainingRequest(round: round, steps: localSteps, delta: run.delta, residualRank: residualRank))
            run.delta = outcome.delta
            run.curve.append(.init(round: round, loss: outcome.loss, tokens: outcome.tokens))
            try await listener?(round, run.delta)
        }
        return run
    }
}

/// Federated averaging (McMahan et al., 2017): the baseline that has a server.
package enum FederatedAveraging {
    /// Runs `rounds` rounds: every trainer takes its steps from the common delta, whose successor is the mean of what they
    /// reach, weighted with their numbers of records.
    ///
    /// `localSteps` has each trainer's number of steps, by its place.
    ///
    /// `takesPart` says which trainers, by their places, a round has: all of them unless given. The mean is over these.
    ///
    /// `proximal` draws the steps of a round back to the common delta: then this is FedProx (Li et al., 2020).
    ///
    /// A residual of `residualRank` stays as it is.
    ///
    /// The trainers of a round run at the same time, as far as their lanes differ; the mean is summed in their order, so
    /// that the result does not depend on who is done first.
    package static func run(
        _ all: [any AdapterTrainer], rounds: Int, localSteps: [Int], proximal: Double = 0,
        from start: AdapterDelta? = nil, residualRank: Int = 0, afterRound listener: BaselineListener? = nil,
        takesPart: (_ place: Int, _ round: Int) -> Bool = { _, _ in true }
    ) async throws -> BaselineRun {
        guard let first = all.first else { preconditionFailure("averaging is over one trainer at least") }
        precondition(all.allSatisfy { $0.schema == first.schema }, "trainers that are averaged share a schema")
        precondition(localSteps.count == all.count, "each trainer has a number of steps")
        var run = BaselineRun(delta: start ?? AdapterDelta(zeroOf: first.schema), curve: [])
        for round in 0..<rounds {
            try Task.checkCancellation()
            let places = all.indices.filter { takesPart($0, round) }
            let trainers = places.map { all[$0] }
            guard !trainers.isEmpty else { continue }
            let outcomes = try await trainAll(
                trainers,
                places.map { place in
                    TrainingRequest(
                        round: round, steps: localSteps[place], delta: run.delta, residualRank: residualRank,
                        proximal: proximal)
                })
            run.delta = .weightedMean(zip(trainers, outcomes).map { (Double($0.sampleCount), $1.delta) })
            let tokens = outcomes.reduce(0) { $0 + $1.tokens }
            let sum = outcomes.reduce(0.0) { $0 + $1.loss * Double($1.tokens) }
            run.curve.append(.init(round: round, loss: tokens == 0 ? 0 : sum / Double(tokens), tokens: tokens))
            try await listener?(round, run.delta)
        }
        return run
    }

    private static func trainAll(
        _ trainers: [any AdapterTrainer], _ requests: [TrainingRequest]
    ) async throws -> [TrainingOutcome] {
        try await withThrowingTaskGroup(of: (Int, TrainingOutcome).self) { group in
            for (index, trainer) in trainers.enumerated() {
                group.addTask { (index, try await trainer.train(requests[index])) }
            }
            var outcomes = [TrainingOutcome?](repeating: nil, count: trainers.count)
            for try await (index, outcome) in group { outcomes[index] = outcome }
            // Every place is filled: a trainer that failed has ended the group by its error.
            return outcomes.compactMap { $0 }
        }
    }
}
