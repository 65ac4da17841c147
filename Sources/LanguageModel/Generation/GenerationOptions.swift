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
