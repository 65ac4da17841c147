import Foundation
package import SwarmFile

extension SwarmTopology.Tuning.Schedule {
    /// What the highest learning rate is multiplied with at `step`, counted from zero: `(step + 1) / warmup` during the
    /// warm-up, then by the schedule. Linear goes on a line, cosine on half a cosine to zero, which they would reach after
    /// the last step. Steps beyond the run count as the last.
    package func factor(step: Int, totalSteps: Int, warmup: Int) -> Double {
        precondition(step >= 0 && warmup >= 0, "steps are counted from zero")
        if step < warmup { return Double(step + 1) / Double(warmup) }
        let length = max(1, totalSteps - warmup)
        let progress = Double(min(step - warmup, length - 1)) / Double(length)
        return switch self {
        case .constant: 1
        case .linear: 1 - progress
        case .cosine: 0.5 * (1 + cos(Double.pi * progress))
        }
    }
}
