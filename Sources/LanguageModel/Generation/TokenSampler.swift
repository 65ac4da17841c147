import Foundation

/// How text is generated.
package struct GenerationOptions: Sendable, Hashable {
    /// The most tokens to generate.
    package var maximumTokens: Int
    /// Tokens that end the generation; they are not part of the result.
    package var stopTokens: Set<Int32>
    /// What divides the logits before sampling; zero takes the likeliest token always.
    package var temperature: Double
    /// Only this many of the likeliest tokens can be sampled; zero for no limit.
    package var topK: Int
    /// Only the likeliest tokens that together reach this probability can be sampled; one for no limit.
    package var topP: Double
    /// How many beginnings a beam search keeps; one for none. It takes the likeliest text and samples nothing: temperature
    /// and limits do not matter to it, as in transformers without `do_sample`.
    package var beams: Int
    /// The seed of sampling: a text is the same for the same prompt and seed.
    package var seed: UInt64

    package init(
        maximumTokens: Int, stopTokens: Set<Int32>, temperature: Double = 0, topK: Int = 0, topP: Double = 1,
        beams: Int = 1, seed: UInt64 = 42
    ) {
        precondition(maximumTokens >= 0 && temperature >= 0 && topK >= 0, "the options are not negative")
        precondition(beams > 0, "a search has a beam")
        precondition(topP > 0 && topP <= 1, "a probability mass is in (0, 1]")
        self.maximumTokens = maximumTokens
        self.stopTokens = stopTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.beams = beams
        self.seed = seed
    }
}

/// Chooses the next token from logits.
package struct TokenSampler: Sendable {
    private let options: GenerationOptions

    package init(options: GenerationOptions) {
        self.options = options
    }

    /// The token to take. Ties go to the lower id; with temperature zero the generator is not used.
    package func choose(_ logits: [Float], using generator: inout some RandomNumberGenerator) -> Int32 {
        precondition(!logits.isEmpty, "there is a token to choose")
        if options.temperature == 0 { return likeliest(logits) }
        if options.topK == 0 && options.topP == 1 { return sample(logits, using: &generator) }
        let largest = Double(logits[Int(likeliest(logits))])
        // Less the largest, as the exponential of a large logit would overflow; the factor cancels.
        func weight(_ index: Int) -> Double { exp((Double(logits[index]) - largest) / options.temperature) }
        var total = 0.0
        if options.topK == 0 { for index in logits.indices { total += weight(index) } }
        // Sorting the whole vocabulary would take longer than the model does: mostly a few tokens are enough.
        var count = options.topK > 0 ? options.topK : 64
        while true {
            let order = Self.largest(count, of: logits)
            let weights = order.map(weight)
            let mass = options.topK > 0 ? weights.reduce(0, +) : total
            var sum = 0.0
            // The token that crosses the mass is still among those to choose from.
            let kept = weights.firstIndex { weight in
                sum += weight
                return sum >= options.topP * mass
            }
            if kept == nil && options.topK == 0 && order.count < logits.count {
                count *= 4
                continue
            }
            let last = kept ?? weights.count - 1
            return Self.pick(Array(order[...last]), weights: Array(weights[...last]), using: &generator)
        }
    }

    /// A token of all, by the probabilities.
    private func sample(_ logits: [Float], using generator: inout some RandomNumberGenerator) -> Int32 {
        let largest = Double(logits[Int(likeliest(logits))])
        let weights = logits.map { exp((Double($0) - largest) / options.temperature) }
        return Self.pick(Array(logits.indices), weights: weights, using: &generator)
    }

    /// One of `tokens`, each as likely as its share of the weights.
    private static func pick(
        _ tokens: [Int], weights: [Double], using generator: inout some RandomNumberGenerator
    ) -> Int32 {
        // 53 random bits are as many as a double holds.
        var rest = Double(generator.next() >> 11) * 0x1p-53 * weights.reduce(0, +)
        for (token, weight) in zip(tokens, weights) {
            rest -= weight
            if rest < 0 { return Int32(token) }
        }
        // Rounding may leave a rest after the last weight.
        return Int32(tokens[0])
    }

    /// The `count` largest of `values` by their places, the largest first; of equal ones the first come first.
    static func largest(_ count: Int, of values: [Float]) -> [Int] {
        if count >= values.count || count > 1024 {
            let order = values.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
            return Array(order.prefix(count))
        }
        var found: [Int] = []
        found.reserveCapacity(count + 1)
        // Most values are below the least of those found, so that a place is looked for a few times only.
        for index in values.indices where found.count < count || values[index] > values[found[found.count - 1]] {
            var place = found.count
            while place > 0 && values[index] > values[found[place - 1]] { place -= 1 }
            found.insert(index, at: place)
            if found.count > count { found.removeLast() }
        }
        return found
    }

    private func likeliest(_ logits: [Float]) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }
}
