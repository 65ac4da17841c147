import Foundation

/// What every peer does between two exchanges: the `tuning:` section of a topology file.
package struct TuningSettings: Sendable, Hashable {
    /// The name or path of the prompt template.
    package var template = "alpaca"
    /// The number of tokens at which a record is cut.
    package var cutoff = 512
    /// Whether the prompt's tokens carry loss too.
    package var trainOnInputs = false
    /// Records a step.
    package var batch = 16
    /// Batches a step: their gradients are taken together, as one batch's would be.
    package var accumulation = 1
    /// AdamW's learning rate at its height.
    package var learningRate = 3e-4
    /// Optimiser steps a round.
    package var localSteps = 10
    /// Rounds with training.
    package var rounds = 20
    /// AdamW's decoupled weight decay.
    package var weightDecay = 0.0
    /// Steps over which the learning rate rises.
    package var warmup = 0
    /// How the learning rate goes after the warm-up, over the whole run.
    package var schedule = LearningRateSchedule.constant
    /// The greatest Euclidean norm of a step's gradient, which is scaled down to it; zero for no limit.
    package var clipNorm = 1.0

    package init() {}

    /// Optimiser steps of the whole run.
    package var totalSteps: Int { localSteps * rounds }

    /// Records of a step.
    package var recordsPerStep: Int { batch * accumulation }

    /// What is wrong with the settings, in a sentence; nil when nothing is.
    package var fault: String? {
        if cutoff < 2 { return "tuning.cutoff is \(cutoff); a record needs two tokens at least" }
        if batch < 1 { return "tuning.batch is \(batch); a step needs one record at least" }
        if accumulation < 1 { return "tuning.accumulation is \(accumulation); a step needs one batch at least" }
        if !(learningRate > 0 && learningRate.isFinite) {
            return "tuning.learning-rate is \(learningRate); it must be positive"
        }
        if localSteps < 1 { return "tuning.local-steps is \(localSteps); a round needs one step at least" }
        if rounds < 1 { return "tuning.rounds is \(rounds); a run needs one round at least" }
        if !(weightDecay >= 0 && weightDecay.isFinite) {
            return "tuning.weight-decay is \(weightDecay); it is not negative"
        }
        if warmup < 0 { return "tuning.warmup is \(warmup); it is not negative" }
        if !(clipNorm >= 0 && clipNorm.isFinite) { return "the clipping norm is \(clipNorm); it is not negative" }
        return nil
    }
}

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
