import Foundation

/// How the learning rate goes over the steps of a whole run, rounds included: it never starts anew with a round.
package enum LearningRateSchedule: String, Sendable, Hashable, CaseIterable {
    /// At its height after the warm-up.
    case constant
    /// On a line to zero, which it would reach after the last step.
    case linear
    /// On half a cosine to zero, which it would reach after the last step.
    case cosine

    /// What the highest learning rate is multiplied with at `step`, counted from zero: `(step + 1) / warmup` during the
    /// warm-up, then by the schedule. Steps beyond the run count as the last.
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
