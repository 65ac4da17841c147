import CKernels

/// The arithmetic of one AdamW step (Loshchilov and Hutter, 2019) as PyTorch defines it.
package struct AdamWUpdate: Sendable {
    /// The learning rate of this step.
    package var learningRate: Double
    package var weightDecay: Double
    /// The decay of the first moment.
    package var beta1: Double
    /// The decay of the second moment.
    package var beta2: Double
    /// The number that keeps the denominator from zero.
    package var epsilon: Double
    /// The number of this step, from one.
    package var step: Int
    /// What the gradients are multiplied by first, for clipping.
    package var gradientScale: Double

    package init(
        learningRate: Double, weightDecay: Double, beta1: Double, beta2: Double, epsilon: Double, step: Int,
        gradientScale: Double = 1
    ) {
        precondition(step > 0, "steps count from one")
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.step = step
        self.gradientScale = gradientScale
    }

    /// Moves `parameters` from start to end and updates both moments. All arrays have one length.
    package func apply(
        to parameters: inout [Float], gradients: [Float], first: inout [Float], second: inout [Float]
    ) {
        let count = parameters.count
        precondition(gradients.count == count && first.count == count && second.count == count, "equal lengths")
        // The bias corrections in double precision: 1 - beta2^step is a thousandth at first.
        let correction1 = 1 - Self.power(beta1, step)
        let correction2 = 1 - Self.power(beta2, step)
        murmur_adamw(
            &parameters, gradients, &first, &second, count, Float(learningRate), Float(weightDecay), Float(beta1),
            Float(beta2), Float(correction1), Float(correction2.squareRoot()), Float(epsilon), Float(gradientScale))
    }

    /// `base` to the power of `exponent`, by squaring: multiplications give the same bits everywhere, `pow` differs from
    /// one C library to the next.
    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        var factor = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= factor }
            factor *= factor
            rest >>= 1
        }
        return result
    }
}
