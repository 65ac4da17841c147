package import Adapters

/// A trainer that measures adapters which a peer was sent, where a round's request asks for it, before the local steps.
/// The steps themselves are another trainer's, and are the same as without.
///
/// It stands around the trainer and not in it, so that every kind of trainer has it. It keeps nothing between rounds.
package final class ProbingTrainer: AdapterTrainer {
    private let base: any AdapterTrainer
    private let validator: Validator

    /// - Parameter validator: measures on the records that were chosen for it.
    package init(_ base: any AdapterTrainer, _ validator: Validator) {
        self.base = base
        self.validator = validator
    }

    package var schema: AdapterSchema { base.schema }
    package var sampleCount: Int { base.sampleCount }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        var request = request
        let probed = try await measure(request.probes)
        request.probes = []
        var outcome = try await base.train(request)
        outcome.probed = probed
        return outcome
    }

    /// A round does not fail because it could not be measured.
    private func measure(_ probes: [AdapterDelta]) async throws -> ProbedLosses? {
        guard !probes.isEmpty else { return nil }
        do {
            return try await validator.losses(of: probes)
        } catch {
            try Task.checkCancellation()
            Terminal.note("murmur: what came from the neighbours was not measured: \(error)")
            return nil
        }
    }

    package func snapshot() async throws -> [UInt8] { try await base.snapshot() }

    package func restore(_ snapshot: [UInt8]) async throws { try await base.restore(snapshot) }

    package func begin() async throws { try await base.begin() }

    package func end() async { await base.end() }
}

extension Array {
    /// `limit` elements at even distances, or all where there are no more.
    func spread(over limit: Int) -> [Element] {
        count <= limit ? self : (0..<limit).map { self[$0 * count / limit] }
    }
}
