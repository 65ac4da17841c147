package import Adapters

/// Where a baseline led.
package struct BaselineRun: Sendable, Equatable {
    /// One round's training loss.
    package struct Point: Sendable, Hashable {
        /// The round, from zero.
        package var round: Int
        /// Mean negative log-likelihood per token that carried loss, over the round's steps.
        package var loss: Double
        /// The tokens that carried loss.
        package var tokens: Int
    }

    /// The adapter after the last round.
    package var delta: AdapterDelta
    /// The training loss of every round.
    package var curve: [Point]
}

/// Called after every round of a baseline with the round and the delta; for progress and learning curves.
package typealias BaselineListener = @Sendable (Int, AdapterDelta) async throws -> Void
