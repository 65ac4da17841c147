package import Adapters
import Synchronization

/// Generates tokens with a base model and, where given, an adapter, for one text or many side by side, keeping keys and
/// values of the tokens so far.
///
/// Calls run one at a time on the caller's thread: call it on a `ComputeLane`.
package final class TextGenerator: Sendable {
    package let model: BaseModel
    private let batch: Mutex<GenerationBatch>

    /// A generator for `model` with the adapter `adapter` of settings `lora`; neither for the base model alone.
    package init(
        model: BaseModel, lora: LoRAConfiguration? = nil, adapter: [Float] = [],
        options: EngineOptions = EngineOptions()
    ) {
        let engine = EngineState(
            model: model, lora: lora, capacity: GenerationBatch.promptChunk, trains: false, options: options)
        precondition(adapter.count == engine.adapter?.schema.count ?? 0, "an adapter has the length its schema says")
        engine.adapter?.load(adapter)
        self.model = model
        batch = Mutex(GenerationBatch(model: model, engine: engine))
    }

    /// Adds a text to those that are written side by side, and returns its ticket. Throws `EngineError`.
    package func add(_ prompt: [Int32], options: GenerationOptions) throws(EngineError) -> Int {
        try batch.withLock { batch throws(EngineError) in try batch.add(prompt, options: options) }
    }

    /// Drops a text, done or not.
    package func remove(_ ticket: Int) {
        batch.withLock { $0.remove(ticket) }
    }

    /// One pass: every text gets its next token. What happens to texts is told in the order in which they were added; none
    /// is known here any more after its last event.
    package func advance() -> [GenerationEvent] {
        batch.withLock { $0.advance() }
    }

    /// The tokens that follow `prompt`.
    ///
    /// - Parameter isWanted: called with each token as it comes; returning false ends the generation after it.
    /// - Throws: `EngineError`.
    package func generate(
        prompt: [Int32], options: GenerationOptions, isWanted: (Int32) -> Bool = { _ in true }
    ) throws(EngineError) -> [Int32] {
        try batch.withLock { batch throws(EngineError) in
            precondition(batch.isEmpty, "texts that were added are done first")
            let ticket = try batch.add(prompt, options: options)
            defer { batch.remove(ticket) }
            var result: [Int32] = []
            while true {
                for event in batch.advance() {
                    switch event {
                    case .token(_, let token):
                        result.append(token)
                        if !isWanted(token) { return result }
                    case .finished: return result
                    case .failed(_, let error): throw error
                    }
                }
            }
        }
    }

    /// The tokens that follow each of `prompts`, at most `count` of them side by side. Throws `EngineError`.
    package func generate(
        prompts: [[Int32]], options: GenerationOptions, sideBySide count: Int
    ) throws(EngineError) -> [[Int32]] {
        precondition(count > 0, "one text at a time at least")
        return try batch.withLock { batch throws(EngineError) in
            precondition(batch.isEmpty, "texts that were added are done first")
            var results = [[Int32]](repeating: [], count: prompts.count)
            var places: [Int: Int] = [:]
            var next = 0
            defer { for ticket in places.keys { batch.remove(ticket) } }
            while next < prompts.count || !places.isEmpty {
                while places.count < count && next < prompts.count {
                    places[try batch.add(prompts[next], options: options)] = next
                    next += 1
                }
                for event in batch.advance() {
                    if case .failed(_, let error) = event { throw error }
                    if case .token(let ticket, let token) = event, let place = places[ticket] {
                        results[place].append(token)
                    }
                    if event.isLast { places[event.ticket] = nil }
                }
            }
            return results
        }
    }
}
