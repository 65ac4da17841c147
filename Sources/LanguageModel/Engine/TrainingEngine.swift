package import Adapters
import LinearAlgebra
import Storage

/// Computes losses and LoRA gradients of one base model, and evaluates it.
///
/// A call runs on the caller's thread and, where the options say so, on more that only it uses: call it on a
/// `ComputeLane`. Between calls an engine holds no matrices; engines of the same base model and settings use the same ones
/// one after another, and as many as calls run at the same time.
package final class TrainingEngine: Sendable {
    package let model: BaseModel
    /// The adapter's settings; nil for an engine that only evaluates the base model.
    package let lora: LoRAConfiguration?
    /// The schema of the adapters it takes; without tensors where there is no adapter.
    package let schema: AdapterSchema
    /// How it computes.
    package let options: EngineOptions
    /// How many tokens go through the layers at a time.
    package let passTokens: Int

    /// An engine for `model`.
    ///
    /// - Parameters:
    ///   - lora: the adapter's settings, or nil to evaluate the base model alone.
    ///   - options: precision, threads and memory.
    ///   - trains: false saves the memory of the backward pass.
    package init(
        model: BaseModel, lora: LoRAConfiguration?, options: EngineOptions = EngineOptions(), trains: Bool = true
    ) {
        self.model = model
        self.lora = lora
        self.options = options
        passTokens = options.passTokens ?? options.usualPassTokens(over: model.weights.head.storage)
        schema = lora.map { model.adapterSchema($0) } ?? AdapterSchema(tensors: [])
        isTraining = trains && lora != nil
    }

    let isTraining: Bool

    /// Whether a prefix that some of `sequences` share is computed alike in all of them: positions are rotated alike
    /// unless a sequence is so long that its length changes the rotation.
    func canShare(_ sequences: [TokenSequence]) -> Bool {
        let longest = sequences.map(\.tokens.count).max() ?? 0
        return model.configuration.ropeScaling.variant(length: longest) == 0
    }

    /// Checks input and runs `body` with the adapter loaded.
    func withState<Result>(
        adapter: [Float], sequences: [TokenSequence], _ body: (EngineState) throws -> Result
    ) throws -> Result {
        guard adapter.count == schema.count else {
            throw EngineError.adapterLength(expected: schema.count, found: adapter.count)
        }
        let size = model.configuration.vocabularySize
        for sequence in sequences {
            if sequence.tokens.isEmpty { throw EngineError.emptySequence }
            if let token = sequence.tokens.first(where: { $0 < 0 || $0 >= size }) {
                throw EngineError.tokenOutOfRange(token: token, vocabularySize: size)
            }
        }
        let kind = EnginePool.Kind(lora: lora, trains: isTraining, capacity: passTokens, options: options)
        return try model.pool.withState(kind, of: model) { state in
            state.adapter?.load(adapter)
            return try body(state)
        }
    }
}

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
    ///   - sequences: packed one after another; each attends only to itself. Where some of a pass share a prefix, it
    ///     is computed once, with one dropout.
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
                // A pass of records without a response has no loss and no gradient.
                guard !batch.lossRows.isEmpty else { continue }
                let plan = dropoutSeed.flatMap { seed in
                    probability > 0
                        // 2^64 by the golden ratio: seeds of neighbouring steps and passes stay far apart.
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
                guard NotFiniteValues.find(in: losses[...]) == nil else {
                    throw EngineError.notFinite("the loss of a token")
                }
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

/// Why an engine refuses its input.
package enum EngineError: Error, Equatable, CustomStringConvertible {
    /// The adapter has another number of values than the model's adapter of this configuration.
    case adapterLength(expected: Int, found: Int)
    /// A token is not in the model's vocabulary.
    case tokenOutOfRange(token: Int32, vocabularySize: Int)
    /// A sequence has no token.
    case emptySequence
    /// What the model computes is not finite, though its weights are.
    case notFinite(String)

    package var description: String {
        switch self {
        case .adapterLength(let expected, let found):
            "the adapter has \(found) values where the model's has \(expected); it belongs to another model or rank"
        case .tokenOutOfRange(let token, let size):
            "token \(token) is outside the model's vocabulary of \(size); the tokenizer belongs to another model"
        case .emptySequence: "a sequence has no token"
        case .notFinite(let what):
            "\(what) is not a finite number: the model overflows; a weight, or the adapter's scaling, is far too large"
        }
    }
}
