import LanguageModel

/// What a tuner carries from step to step.
struct TunerState: Sendable, Equatable {
    /// Moments and the number of steps taken.
    var optimizer: AdamW
    /// The place in the data.
    var sampler: BatchSampler
}
