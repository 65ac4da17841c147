import Adapters

/// The loss of a batch and its gradient.
package struct LossAndGradients: Sendable {
    /// The sum of the negative log-likelihoods, in nats.
    package var lossSum: Double
    /// The number of tokens that carried loss.
    package var tokenCount: Int
    /// The gradient of the loss, in the order of the adapter's schema.
    package var gradients: [Float]

    /// The mean loss per token; zero without tokens.
    package var meanLoss: Double { tokenCount == 0 ? 0 : lossSum / Double(tokenCount) }
}

extension TrainingEngine {
    /// The loss of `sequences` under `adapter`, and the adapter's gradient of the mean loss per token that carries loss.
    ///
    /// - Parameters:
    ///   - sequences: packed one after another; each attends only to itself. Where some of a pass begin with the same
    ///     tokens, those are computed once, with one dropout.
    ///   - adapter: the factors, in the order of the schema.
    ///   - dropoutSeed: fixes what the adapter's dropout drops; give every step its own. Nil for none.
    ///   - divisor: what the summed gradient is divided by, where a batch is split over several calls; otherwise the
    ///     number of tokens that carry loss.
    /// - Throws: `EngineError`.
    package func lossAndGradients(
        sequences: [TokenSequence], adapter: [Float], dropoutSeed: UInt64? = nil, divisor: Int? = nil
    ) throws -> LossAndGradients {
        precondition(isTraining, "the engine was set up for training")
        let count = sequences.reduce(0) { $0 + $1.targetCount }
        let scale = 1 / Float(max(1, divisor ?? count))
        let probability = lora?.dropout ?? 0
        return try withState(adapter: adapter, sequences: sequences) { state in
            state.adapter?.zeroGradients()
            var sum = 0.0
            let passes = PassPlan.full(over: sequences, limit: passTokens, isSharing: canShare(sequences))
            for (number, pass) in passes.enumerated() {
                let batch = PackedBatch(sequences, plan: pass)
                guard !batch.lossRows.isEmpty else { continue }
                let plan = dropoutSeed.flatMap { seed in
                    probability > 0
                        ? DropoutPlan(seed: seed &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15, probability: probability)
                        : nil
                }
                let context = state.forward(batch, dropout: plan)
                sum += state.losses(batch, context, gradientScale: scale).reduce(0.0) { $0 + Double($1) }
                state.backward(context)
            }
            return LossAndGradients(
                lossSum: sum, tokenCount: count, gradients: state.adapter?.gradients() ?? [])
        }
    }
}
