package import Adapters
import LinearAlgebra

/// Computes losses and LoRA gradients of one base model, and evaluates it.
///
/// A call runs on the caller's thread and, where the options say so, on more that only it uses: call it on a
/// `ComputeLane`. Between calls an engine holds no matrices; engines of the same base model and settings use the same ones
/// one after another, and as many as calls run at the same time.
package final class TrainingEngine: Sendable {
    /// The base model.
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
        passTokens = options.passTokens ?? options.usualPassTokens(over: model.head.storage)
        schema = lora.map { model.adapterSchema($0) } ?? AdapterSchema(tensors: [])
        isTraining = trains && lora != nil
    }

    let isTraining: Bool

    /// Whether a beginning that some of `sequences` have in common is the same in all of them: positions are rotated alike
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
