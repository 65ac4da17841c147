package import Adapters

/// Gradient tracking in local steps (`exchange.tracking`): takes down the gradient of each step as the loss has it, and adds
/// what the round corrects it by. Before clipping and before the optimiser: behind Adam's division the correction would be
/// of other units than the step. docs/mathematics.md, "Gradient tracking".
package struct TrackedGradient: Sendable {
    private let correction: AdapterDelta
    private let steps: Int
    private var sum: [Double]

    /// - Parameters:
    ///   - correction: what is added to each gradient.
    ///   - steps: over how many steps the mean is taken.
    package init(correction: AdapterDelta, steps: Int) {
        self.correction = correction
        self.steps = steps
        sum = Array(repeating: 0, count: correction.values.count)
    }

    /// Takes down the gradient of a step, and corrects it.
    package mutating func take(_ gradients: inout [Float]) {
        precondition(gradients.count == sum.count, "both are of one adapter")
        for index in gradients.indices {
            sum[index] += Double(gradients[index])
            gradients[index] += correction.values[index]
        }
    }

    /// The mean of the gradients that were taken down; zero where there was no step.
    package var mean: AdapterDelta {
        AdapterDelta(schema: correction.schema, values: sum.map { Float($0 / Double(max(1, steps))) })
    }
}
