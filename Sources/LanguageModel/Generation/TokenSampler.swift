internal import Foundation

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
        let largest = Double(logits[order[0]])
        var weights = order.map { exp((Double(logits[$0]) - largest) / options.temperature) }
        let total = weights.reduce(0, +)
        if options.topP < 1 {
            var sum = 0.0
            let kept = weights.firstIndex { weight in
                sum += weight
                return sum >= options.topP * total
            }
            if let kept { weights = Array(weights[...kept]) }
        }
        let mass = weights.reduce(0, +)
        var rest = Double(generator.next() >> 11) * 0x1p-53 * mass
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return Int32(order[index]) }
        }
        return Int32(order[0])
    }

    private func likeliest(_ logits: [Float]) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }
}
