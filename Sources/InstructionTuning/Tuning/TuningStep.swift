/// One optimiser step, as it is reported to who listens.
package struct TuningStep: Sendable, Hashable {
    /// The step's number in the whole run, from zero.
    package var step: Int
    /// Mean negative log-likelihood per token that carried loss, before the step, with dropout.
    package var loss: Double
    /// The tokens that carried loss.
    package var tokens: Int
    /// The learning rate.
    package var learningRate: Double
    /// The gradient's Euclidean norm before clipping.
    package var gradientNorm: Double
}
