import Basics
import LinearAlgebra
import Storage

/// Texts that are written side by side: each pass of the model gives every one of them its next token. Texts come and go
/// between passes, and what is written of one does not depend on the others.
struct GenerationBatch {
    /// One text as it stands, or one of several among which a beam search chooses.
    private struct Row {
        var cache: TextCache
        /// All tokens, the prompt's first. Keys and values of all but the last are cached.
        var tokens: [Int32]
    }

    private struct Text {
        let ticket: Int
        let options: GenerationOptions
        let promptLength: Int
        let sampler: TokenSampler
        var random: SeededGenerator
        var search: BeamSearch?
        var rows: [Row]
        /// Whether the prompt has been read.
        var isRead = false
    }

    private let model: BaseModel
    private let engine: EngineState
    private var texts: [Text] = []
    private var tickets = 0
    /// Caches of texts that are done, for others.
    private var idle: [TextCache] = []

    // As many tokens as a training pass has: activations of a long prompt would take more memory than its cache.
    static let promptChunk = 256

    /// An empty batch; the engine has room for a prompt's chunk.
    init(model: BaseModel, engine: EngineState) {
        self.model = model
        self.engine = engine
    }

    /// Whether there is no text.
    var isEmpty: Bool { texts.isEmpty }

    /// Adds a text; its first token comes with the next pass. Returns what events call it by. Throws `EngineError`.
    mutating func add(_ prompt: [Int32], options: GenerationOptions) throws(EngineError) -> Int {
        guard !prompt.isEmpty else { throw .emptySequence }
        let size = model.configuration.vocabularySize
        if let token = prompt.first(where: { $0 < 0 || $0 >= size }) {
            throw .tokenOutOfRange(token: token, vocabularySize: size)
        }
        tickets += 1
        texts.append(
            Text(
                ticket: tickets, options: options, promptLength: prompt.count, sampler: TokenSampler(options: options),
                random: SeededGenerator(seed: options.seed, label: "generate"),
                search: options.beams > 1 ? BeamSearch(options: options) : nil,
                rows: [Row(cache: idle.popLast() ?? TextCache(shape: model.configuration), tokens: prompt)]))
        return tickets
    }

    /// Drops a text, done or not.
    mutating func remove(_ ticket: Int) {
        guard let place = texts.firstIndex(where: { $0.ticket == ticket }) else { return }
        keep(texts.remove(at: place).rows.map(\.cache))
    }

    /// One pass: reads the prompts that are new and gives every text its next token, in the order in which they came.
    mutating func advance() -> [GenerationEvent] {
        var events: [GenerationEvent] = []
        let logits = nextLogits()
        for index in texts.indices { take(logits[index], text: index, into: &events) }
        for event in events where event.isLast { remove(event.ticket) }
        return events
    }

    /// The logits after each row of each text; none of a text that wants no token.
    private mutating func nextLogits() -> [[[Float]]] {
        var result = texts.map { [[Float]](repeating: [], count: $0.rows.count) }
        var step: [(text: Int, row: Int)] = []
        for text in texts.indices where texts[text].options.maximumTokens > 0 {
            for row in texts[text].rows.indices {
                if texts[text].isRead && !readsAnew(texts[text].rows[row].tokens.count) {
                    step.append((text, row))
                } else {
                    var whole = texts[text].rows[row]
                    result[text][row] = read(&whole)
                    texts[text].rows[row] = whole
                }
            }
            texts[text].isRead = true
        }
        // As many at a time as there is room for in a pass.
        for start in stride(from: 0, to: step.count, by: Self.promptChunk) {
            let places = step[start..<min(start + Self.promptChunk, step.count)]
            for place in places {
                let count = texts[place.text].rows[place.row].tokens.count
                texts[place.text].rows[place.row].cache.reserve(count, keeping: count - 1)
            }
            let rows = places.map { texts[$0.text].rows[$0.row] }
            let context = engine.forward(
                step: rows.map { $0.tokens[$0.tokens.count - 1] }, at: rows.map { $0.tokens.count - 1 },
                caches: rows.map(\.cache))
            for (place, logits) in zip(places, engine.allLogits(context)) { result[place.text][place.row] = logits }
        }
        return result
    }

    /// Whether the keys cached so far are none of a text of `length` tokens: LongRoPE has other divisors from a length on,
    /// and transformers then reads the text again. Dynamic scaling keeps what is cached, as there.
    private func readsAnew(_ length: Int) -> Bool {
        guard case .longRoPE(_, _, let original, _) = model.configuration.ropeScaling else { return false }
        return length == original + 1
    }

    /// Fills a row's cache with all its tokens, a chunk at a time, and returns the logits after them.
    private func read(_ row: inout Row) -> [Float] {
        let tokens = row.tokens
        row.cache.reserve(tokens.count, keeping: 0)
        var start = 0
        while true {
            let end = min(start + Self.promptChunk, tokens.count)
            let context = engine.forward(
                continuing: Array(tokens[start..<end]), at: start, length: tokens.count, cache: row.cache)
            if end == tokens.count { return engine.logits(context) }
            start = end
        }
    }

    /// Chooses a text's next token from the logits after its rows.
    private mutating func take(_ logits: [[Float]], text: Int, into events: inout [GenerationEvent]) {
        let (ticket, options) = (texts[text].ticket, texts[text].options)
        guard options.maximumTokens > 0 else { return events.append(.finished(ticket, .length)) }
        guard logits.allSatisfy({ NotFiniteValues.find(in: $0[...]) == nil }) else {
            return events.append(.failed(ticket, .notFinite("what is made of the text so far")))
        }
        if let search = texts[text].search { return take(logits, text: text, search, into: &events) }
        let token = texts[text].sampler.choose(logits[0], using: &texts[text].random)
        if options.stopTokens.contains(token) { return events.append(.finished(ticket, .stop)) }
        texts[text].rows[0].tokens.append(token)
        events.append(.token(ticket, token))
        let count = texts[text].rows[0].tokens.count - texts[text].promptLength
        if count == options.maximumTokens { events.append(.finished(ticket, .length)) }
    }

    /// The same for a beam search: its tokens come all at its end.
    private mutating func take(
        _ logits: [[Float]], text: Int, _ search: BeamSearch, into events: inout [GenerationEvent]
    ) {
        var search = search
        let (ticket, promptLength) = (texts[text].ticket, texts[text].promptLength)
        switch search.advance(logits, texts: texts[text].rows.map { Array($0.tokens.dropFirst(promptLength)) }) {
        case .done(let tokens, let isStopped):
            events += tokens.map { .token(ticket, $0) }
            events.append(.finished(ticket, isStopped ? .stop : .length))
        case .open(let continuations): goOn(continuations, text: text)
        }
        texts[text].search = search
    }

    /// The rows of a beam search become those of its continuations. A text's first continuation takes over its cache; the
    /// others take those that nobody goes on with, in which all but the new tokens stands already.
    private mutating func goOn(_ continuations: [BeamSearch.Continuation], text: Int) {
        let old = texts[text].rows
        let count = old[0].tokens.count
        var free = old.indices.filter { row in !continuations.contains { $0.parent == row } }.map { old[$0].cache }
        var taken: Set<Int> = []
        texts[text].rows = continuations.map { continuation in
            var row = old[continuation.parent]
            if !taken.insert(continuation.parent).inserted {
                if let cache = free.popLast() {
                    cache.copy(texts[text].promptLength..<count, of: row.cache)
                    row.cache = cache
                } else {
                    var cache = idle.popLast() ?? TextCache(shape: model.configuration)
                    cache.reserve(count, keeping: 0)
                    cache.copy(0..<count, of: row.cache)
                    row.cache = cache
                }
            }
            row.tokens.append(continuation.token)
            return row
        }
        keep(free)
    }

    /// Sets caches aside for other texts, but those that are worth more as memory.
    private mutating func keep(_ caches: [TextCache]) {
        for cache in caches where cache.capacity <= Self.keptCapacity && idle.count < Self.keptCount {
            idle.append(cache)
        }
    }

    private static let keptCapacity = 2048
    private static let keptCount = 32
}

/// What happens to a text of a batch.
package enum GenerationEvent: Sendable, Equatable {
    /// Why a text is done.
    package enum Ending: Sendable, Equatable {
        /// A stop token came.
        case stop
        /// It has as many tokens as were wanted.
        case length
    }

    /// It has a token more.
    case token(Int, Int32)
    /// It is done.
    case finished(Int, Ending)
    /// It cannot go on.
    case failed(Int, EngineError)

    /// What `add` called the text.
    package var ticket: Int {
        switch self {
        case .token(let ticket, _), .finished(let ticket, _), .failed(let ticket, _): ticket
        }
    }

    /// Whether nothing more comes of the text.
    package var isLast: Bool {
        if case .token = self { false } else { true }
    }
}
