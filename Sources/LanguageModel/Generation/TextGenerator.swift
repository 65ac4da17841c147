package import Adapters
import Basics
import LinearAlgebra
import Storage
import Synchronization

/// Generates tokens with a base model and, where given, an adapter, keeping keys and values of the tokens so far.
///
/// Calls run one at a time on the caller's thread: call it on a `ComputeLane`.
package final class TextGenerator: Sendable {
    private struct State {
        let engine: EngineState
        var caches: [LayerCache] = []
        var capacity = 0
    }

    package let model: BaseModel
    private let state: Mutex<State>

    // As many tokens as a training pass has: activations of a long prompt would take more memory than its cache.
    private static let promptChunk = 256

    /// A generator for `model` with the adapter `adapter` of settings `lora`; neither for the base model alone.
    package init(
        model: BaseModel, lora: LoRAConfiguration? = nil, adapter: [Float] = [],
        options: EngineOptions = EngineOptions()
    ) {
        let engine = EngineState(
            model: model, lora: lora, capacity: Self.promptChunk, trains: false, options: options)
        precondition(adapter.count == engine.adapter?.schema.count ?? 0, "an adapter has the length its schema says")
        engine.adapter?.load(adapter)
        self.model = model
        state = Mutex(State(engine: engine))
    }

    /// The tokens that follow `prompt`, always the likeliest. Throws `EngineError`.
    package func generate(prompt: [Int32], options: GenerationOptions) throws -> [Int32] {
        var generator = SeededGenerator(seed: 0)
        return try generate(prompt: prompt, options: options, using: &generator) { _ in true }
    }

    /// The tokens that follow `prompt`, sampled as `options` say.
    ///
    /// - Parameter isWanted: called with each token as it comes; returning false ends the generation after it.
    /// - Throws: `EngineError`.
    package func generate(
        prompt: [Int32], options: GenerationOptions, using generator: inout some RandomNumberGenerator,
        isWanted: (Int32) -> Bool
    ) throws -> [Int32] {
        guard !prompt.isEmpty else { throw EngineError.emptySequence }
        let size = model.configuration.vocabularySize
        if let token = prompt.first(where: { $0 < 0 || $0 >= size }) {
            throw EngineError.tokenOutOfRange(token: token, vocabularySize: size)
        }
        let sampler = TokenSampler(options: options)
        var result: [Int32] = []
        guard options.maximumTokens > 0 else { return result }
        return try state.withLock { state in
            reserve(prompt.count + options.maximumTokens, &state)
            var logits = read(prompt, state)
            while true {
                guard NotFiniteValues.find(in: logits[...]) == nil else {
                    throw EngineError.notFinite("what is made of the text so far")
                }
                let token = sampler.choose(logits, using: &generator)
                if options.stopTokens.contains(token) { break }
                result.append(token)
                if !isWanted(token) || result.count == options.maximumTokens { break }
                let length = prompt.count + result.count
                if readsAnew(length) {
                    logits = read(prompt + result, state)
                    continue
                }
                let context = state.engine.forward(continuing: [token], at: length - 1, caches: state.caches)
                logits = state.engine.logits(context)
            }
            return result
        }
    }

    /// Whether the keys cached so far are none of a sequence of `length` tokens: LongRoPE has other divisors from a
    /// length on, and transformers then reads the sequence again. Dynamic scaling keeps what is cached, as there.
    private func readsAnew(_ length: Int) -> Bool {
        guard case .longRoPE(_, _, let original, _) = model.configuration.ropeScaling else { return false }
        return length == original + 1
    }

    /// Fills the caches with the prompt, a chunk at a time, and returns the logits after it.
    private func read(_ prompt: [Int32], _ state: borrowing State) -> [Float] {
        var start = 0
        while true {
            let end = min(start + Self.promptChunk, prompt.count)
            let context = state.engine.forward(
                continuing: Array(prompt[start..<end]), at: start, length: prompt.count, caches: state.caches)
            if end == prompt.count { return state.engine.logits(context) }
            start = end
        }
    }

    private func reserve(_ tokens: Int, _ state: inout State) {
        guard tokens > state.capacity else { return }
        let shape = model.configuration
        // At least doubled: longer and longer prompts make few caches.
        let capacity = max(tokens, 2 * state.capacity)
        state.caches = Arena.planned { arena in
            (0..<shape.layerCount).map { _ in LayerCache(capacity: capacity, shape: shape, arena: arena) }
        }
        state.capacity = capacity
    }
}
