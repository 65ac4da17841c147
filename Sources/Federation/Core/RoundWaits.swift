package import Basics

/// How long to wait for neighbours after the own training: learnt from how long it took lately.
///
/// A round's sample is the time from the own contribution to the last neighbour's that arrived, late ones included, so
/// that a deadline that was too short grows. The patience is `median + factor · MAD` of the last samples, at least the
/// minimum and at least half of the own training time; generous until there are enough samples.
package struct RoundWaits: Sendable {
    /// Settings.
    package struct Configuration: Sendable, Hashable {
        /// The patience until there are `enough` samples; three times the own training time if that is longer.
        package var initial: Duration = .seconds(60)
        /// The least patience. Longer than it takes to notice that a peer died (`WireConfiguration.attentive`): a neighbour
        /// that waits for a dead one must not be taken for slow itself.
        package var minimum: Duration = .seconds(20)
        /// How many median absolute deviations above the median a wait may be.
        package var factor = 5.0
        /// The most patience, whatever was measured; nil for no limit.
        package var limit: Duration?
        /// Samples that are needed before they count.
        package var enough = 3
        /// Rounds that are remembered.
        package var memory = 16

        package init() {}
    }

    private let configuration: Configuration
    private var samples: [(round: Int, since: MonotonicTime, wait: Duration?)] = []

    package init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// The own contribution of `round` is ready.
    package mutating func begin(round: Int, at time: MonotonicTime) {
        samples.append((round, time, nil))
        if samples.count > configuration.memory { samples.removeFirst() }
    }

    /// A neighbour's contribution of `round` arrived.
    package mutating func arrived(round: Int, at time: MonotonicTime) {
        guard let index = samples.lastIndex(where: { $0.round == round }) else { return }
        samples[index].wait = max(samples[index].wait ?? .zero, max(.zero, time - samples[index].since))
    }

    /// The longest wait that is remembered.
    package var longest: Duration { samples.lazy.compactMap(\.wait).max() ?? .zero }

    /// How long to wait now; `training` is how long the own local steps took.
    package func patience(training: Duration) -> Duration {
        let waits = samples.compactMap(\.wait).sorted()
        var patience = max(configuration.initial, training * 3)
        if waits.count >= configuration.enough {
            let median = waits[waits.count / 2]
            let deviations = waits.map { $0 > median ? $0 - median : median - $0 }.sorted()
            patience = median + deviations[deviations.count / 2] * configuration.factor
            patience = max(patience, max(configuration.minimum, training / 2))
        }
        return configuration.limit.map { min($0, patience) } ?? patience
    }
}
