package import Adapters
internal import Synchronization

/// Computes losses and LoRA gradients of one base model, and evaluates it.
///
/// One engine belongs to one trainer; its calls run one at a time, on the caller's thread: call it on a `ComputeLane`.
/// Its memory is set up once and used again in every call; it grows only when a sequence is longer than any before.
package final class TrainingEngine: Sendable {
    /// The base model.
    package let model: BaseModel
    /// The adapter's settings; nil for an engine that only evaluates the base model.
    package let lora: LoRAConfiguration?
    /// The schema of the adapters it takes; without tensors where there is no adapter.
    package let schema: AdapterSchema

    let passTokens: Int
    private let state: Mutex<EngineState>

    /// An engine for `model`.
    ///
    /// - Parameters:
    ///   - lora: the adapter's settings, or nil to evaluate the base model alone.
    ///   - passTokens: how many tokens go through the layers at a time; longer batches are several passes whose
    ///     gradients add up. It sets the memory.
    ///   - trains: false saves the memory of the backward pass.
    package init(model: BaseModel, lora: LoRAConfiguration?, passTokens: Int = 1024, trains: Bool = true) {
        precondition(passTokens > 0, "a pass has room for a token")
        self.model = model
        self.lora = lora
        self.passTokens = passTokens
        schema = lora.map { model.adapterSchema($0) } ?? AdapterSchema(tensors: [])
        state = Mutex(
            EngineState(model: model, lora: lora, capacity: passTokens, keepsLayers: trains && lora != nil))
        isTraining = trains && lora != nil
    }

    let isTraining: Bool

    /// Checks input and runs `body` with the adapter loaded.
    func withState<Result: Sendable>(
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
        return try state.withLock { state in
            state.adapter?.load(adapter)
            return try body(state)
        }
    }
}
