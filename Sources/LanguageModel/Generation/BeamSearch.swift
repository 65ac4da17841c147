import Foundation

/// A beam search for the likeliest continuation, as transformers' `generate` does it with `num_beams`, a length penalty of
/// one and without early stopping: texts are compared by the mean log-probability of their new tokens, the end token
/// counted.
struct BeamSearch {
    /// An open text goes on with a token.
    struct Continuation: Equatable {
        /// The place of the open text among those there were.
        let parent: Int
        let token: Int32
    }

    /// What a step comes to.
    enum Outcome: Equatable {
        /// The search goes on with these texts, the likeliest first.
        case open([Continuation])
        /// The new tokens of the best text, and whether it came to an end by itself.
        case done([Int32], isStopped: Bool)
    }

    private struct Finished {
        let tokens: [Int32]
        let score: Double
        let isStopped: Bool
    }

    private let width: Int
    private let stopTokens: Set<Int32>
    private let maximumTokens: Int
    /// The log-probability of each open text's new tokens.
    private var sums: [Double] = [0]
    /// The best texts that have ended, at most `width`.
    private var finished: [Finished] = []

    init(options: GenerationOptions) {
        width = options.beams
        stopTokens = options.stopTokens
        maximumTokens = options.maximumTokens
    }

    /// Goes on from the logits after each open text, whose new tokens so far are `texts`.
    mutating func advance(_ logits: [[Float]], texts: [[Int32]]) -> Outcome {
        // With so many candidates `width` remain however many of them are end tokens.
        let candidates = candidates(logits, count: max(2, 1 + stopTokens.count) * width)
        let length = texts[0].count + 1
        var next: [(Continuation, sum: Double)] = []
        for (rank, candidate) in candidates.enumerated() {
            if stopTokens.contains(candidate.0.token) {
                if rank < width {
                    finish(texts[candidate.0.parent], sum: candidate.sum, length: length, isStopped: true)
                }
                continue
            }
            next.append(candidate)
            if next.count == width { break }
        }
        // What the likeliest text would score if it ended now: more it does not get.
        let bound = candidates[0].sum / Double(length)
        if next.isEmpty || finished.count == width && finished[width - 1].score >= bound { return best(of: texts) }
        sums = next.map(\.sum)
        if length == maximumTokens {
            for (continuation, sum) in next {
                finish(texts[continuation.parent] + [continuation.token], sum: sum, length: length, isStopped: false)
            }
            return best(of: texts)
        }
        return .open(next.map(\.0))
    }

    /// The best text that has ended; the likeliest open one where none has.
    private func best(of texts: [[Int32]]) -> Outcome {
        guard let best = finished.first else { return .done(texts[0], isStopped: false) }
        return .done(best.tokens, isStopped: best.isStopped)
    }

    /// The likeliest continuations of all open texts, the likeliest first.
    private func candidates(_ logits: [[Float]], count: Int) -> [(Continuation, sum: Double)] {
        var all: [(Continuation, sum: Double)] = []
        for (parent, values) in logits.enumerated() {
            let order = TokenSampler.largest(count, of: values)
            let largest = Double(values[order[0]])
            let total = values.reduce(0.0) { $0 + exp(Double($1) - largest) }
            let offset = sums[parent] - largest - log(total)
            all += order.map { (Continuation(parent: parent, token: Int32($0)), sum: Double(values[$0]) + offset) }
        }
        // Equal ones stay in the order of texts and tokens.
        let order = all.indices.sorted { all[$0].sum != all[$1].sum ? all[$0].sum > all[$1].sum : $0 < $1 }
        return order.prefix(count).map { all[$0] }
    }

    /// Takes in an ended text; only the best are kept, the best first.
    private mutating func finish(_ tokens: [Int32], sum: Double, length: Int, isStopped: Bool) {
        let score = sum / Double(length)
        let place = finished.firstIndex { $0.score < score } ?? finished.count
        finished.insert(Finished(tokens: tokens, score: score, isStopped: isStopped), at: place)
        if finished.count > width { finished.removeLast() }
    }
}
