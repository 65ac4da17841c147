import LinearAlgebra

/// AdamW (Loshchilov and Hutter, 2019) with PyTorch's semantics: decoupled weight decay, bias-corrected moments.
package struct AdamW: Sendable, Equatable {
    /// The settings; defaults as in PyTorch but for the decay, which transformers' trainer sets to zero.
    package struct Settings: Sendable, Hashable {
        package var learningRate: Double
        /// The decay of the first moment.
        package var beta1: Double
        /// The decay of the second moment.
        package var beta2: Double
        /// The number that keeps the denominator from zero.
        package var epsilon: Double
        /// The decoupled weight decay.
        package var weightDecay: Double

        package init(
            learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
            weightDecay: Double = 0
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
        }
    }

    /// The settings; the learning rate may change between steps.
    package var settings: Settings
    /// The number of steps taken.
    package private(set) var step = 0
    package private(set) var first: [Float]
    package private(set) var second: [Float]

    /// A fresh optimiser for `count` parameters.
    package init(count: Int, settings: Settings) {
        self.settings = settings
        first = [Float](repeating: 0, count: count)
        second = [Float](repeating: 0, count: count)
    }

    /// Goes on from saved moments; nil when they do not make sense: lengths that differ, a negative step, values that
    /// are not finite.
    package init?(settings: Settings, step: Int, first: [Float], second: [Float]) {
        guard step >= 0, first.count == second.count, first.allSatisfy(\.isFinite),
            second.allSatisfy({ $0.isFinite && $0 >= 0 })
        else { return nil }
        self.settings = settings
        self.step = step
        self.first = first
        self.second = second
    }

    /// One step: moves `parameters` along `gradients`, which are first multiplied by `gradientScale` (for clipping).
    ///
    /// - Parameter frozen: places of parameters that stay as they are, with their moments, ascending.
    package mutating func update(
        _ parameters: inout [Float], gradients: [Float], gradientScale: Double = 1, frozen: [Range<Int>] = []
    ) {
        precondition(parameters.count == first.count && gradients.count == first.count, "equal lengths")
        step += 1
        // One array of each, for there may be a place for every row of a factor.
        let kept = [parameters, first, second].map { all in frozen.flatMap { all[$0] } }
        defer {
            var next = 0
            for range in frozen {
                let place = next..<next + range.count
                parameters.replaceSubrange(range, with: kept[0][place])
                first.replaceSubrange(range, with: kept[1][place])
                second.replaceSubrange(range, with: kept[2][place])
                next = place.upperBound
            }
        }
        AdamWUpdate(
            learningRate: settings.learningRate, weightDecay: settings.weightDecay, beta1: settings.beta1,
            beta2: settings.beta2, epsilon: settings.epsilon, step: step, gradientScale: gradientScale
        ).apply(to: &parameters, gradients: gradients, first: &first, second: &second)
    }

    /// The factor that holds the gradient's norm to `limit`, as PyTorch's `clip_grad_norm_` computes it.
    package static func clippingScale(gradients: [Float], limit: Double) -> Double {
        let norm = gradients.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        // PyTorch's own small number: a gradient of zeros must not divide by zero.
        return min(1, limit / (norm + 1e-6))
    }
}
