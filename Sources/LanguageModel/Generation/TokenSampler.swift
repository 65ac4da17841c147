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

    package init(
        maximumTokens: Int, stopTokens: Set<Int32>, temperature: Double = 0, topK: Int = 0, topP: Double = 1
    ) {
        precondition(maximumTokens >= 0 && temperature >= 0 && topK >= 0, "the options are not negative")
        precondition(topP > 0 && topP <= 1, "a probability mass is in (0, 1]")
        self.maximumTokens = maximumTokens
        self.stopTokens = stopTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
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
        var order = logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
        if options.topK > 0 { order = Array(order.prefix(options.topK)) }
        // Less the largest, as the exponential of a large logit would overflow; the factor cancels.
        let largest = Double(logits[order[0]])
        var weights = order.map { exp((Double(logits[$0]) - largest) / options.temperature) }
        let total = weights.reduce(0, +)
        if options.topP < 1 {
            var sum = 0.0
            // The token that crosses the mass is still among those to choose from.
            let kept = weights.firstIndex { weight in
                sum += weight
                return sum >= options.topP * total
            }
            if let kept { weights = Array(weights[...kept]) }
        }
        let mass = weights.reduce(0, +)
        // 53 random bits are as many as a double holds.
        var rest = Double(generator.next() >> 11) * 0x1p-53 * mass
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return Int32(order[index]) }
        }
        // Rounding may leave a rest after the last weight.
        return Int32(order[0])
    }

    private func likeliest(_ logits: [Float]) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }
}
