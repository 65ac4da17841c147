/// How well a model predicts one sequence.
package struct SequenceLoss: Sendable, Equatable {
    /// The negative log-likelihood of each token that carries loss, in nats, in order.
    package var tokenLosses: [Float]
    /// Their sum.
    package var lossSum: Double { tokenLosses.reduce(0.0) { $0 + Double($1) } }
    /// Their number.
    package var tokenCount: Int { tokenLosses.count }

    package init(tokenLosses: [Float]) {
        self.tokenLosses = tokenLosses
    }
}

extension TrainingEngine {
    /// The negative log-likelihoods of every sequence's tokens that carry loss, without dropout.
    ///
    /// - Parameter adapter: the factors in the order of the schema; empty for an engine without an adapter.
    /// - Throws: `EngineError`.
    package func evaluate(sequences: [TokenSequence], adapter: [Float] = []) throws -> [SequenceLoss] {
        try withState(adapter: adapter, sequences: sequences) { state in
            var result: [SequenceLoss] = []
            for pass in PassPlan.inOrder(over: sequences, limit: passTokens, isSharing: canShare(sequences)) {
                let batch = PackedBatch(sequences, plan: pass)
                let context = state.forward(batch, dropout: nil)
                let losses = state.losses(batch, context, gradientScale: 0)
                var start = 0
                for count in batch.lossCounts {
                    result.append(SequenceLoss(tokenLosses: Array(losses[start..<start + count])))
                    start += count
                }
            }
            return result
        }
    }

    /// The logits [vocabulary] for the token after `tokens`. Throws `EngineError`.
    package func lastLogits(tokens: [Int32], adapter: [Float] = []) throws -> [Float] {
        let sequence = TokenSequence(tokens: tokens)
        return try withState(adapter: adapter, sequences: [sequence]) { state in
            let plan = PassPlan.inOrder(over: [sequence], limit: passTokens, isSharing: false)[0]
            let context = state.forward(
                PackedBatch([sequence], plan: plan), dropout: nil, wanted: [Int32(tokens.count - 1)])
            return state.logits(context)
        }
    }
}
