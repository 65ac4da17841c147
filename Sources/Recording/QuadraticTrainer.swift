package import Adapters

/// A trainer without a language model: the loss `½ ‖x − target‖²`, whose gradient steps lead straight to the target. The
/// sample-weighted optimum of a swarm of them is the sample-weighted mean of their targets.
package actor QuadraticTrainer: AdapterTrainer {
    package nonisolated let schema: AdapterSchema
    package nonisolated let sampleCount: Int
    private let target: [Float]
    private let rate: Float
    private var stepsTaken: UInt64 = 0

    /// A trainer that is drawn to `target` by the share `rate` of the distance in every step.
    package init(target: AdapterDelta, sampleCount: Int, rate: Float = 0.1) {
        schema = target.schema
        self.target = target.values
        self.sampleCount = sampleCount
        self.rate = rate
    }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        stepsTaken += UInt64(request.steps)
        return Self.outcome(of: request, target: target, rate: rate)
    }

    /// What a request leads to, without an actor: for simulations. A step goes no further than to the least of the loss and
    /// the proximal term together.
    package static func outcome(of request: TrainingRequest, target: [Float], rate: Float) -> TrainingOutcome {
        var delta = request.delta
        var loss = 0.0
        let pull = Float(request.proximal)
        let rate = pull > 0 ? min(rate, 1 / (1 + pull)) : rate
        let frozen = request.frozen
        let correction = request.correction?.values
        var gradients = [Double](repeating: 0, count: correction == nil ? 0 : delta.values.count)
        for _ in 0..<request.steps {
            var values = delta.values
            for index in values.indices {
                let difference = target[index] - values[index]
                loss += 0.5 * Double(difference) * Double(difference) / Double(request.steps)
                let back = pull > 0 ? pull * (request.delta.values[index] - values[index]) : 0
                guard let correction else {
                    values[index] += rate * (difference + back)
                    continue
                }
                gradients[index] -= Double(difference) / Double(request.steps)
                values[index] += rate * (difference - correction[index] + back)
            }
            for range in frozen { values.replaceSubrange(range, with: request.delta.values[range]) }
            delta = AdapterDelta(schema: delta.schema, values: values)
        }
        var outcome = TrainingOutcome(delta: delta, loss: loss, tokens: request.steps, records: request.steps)
        if correction != nil {
            outcome.gradient = AdapterDelta(schema: delta.schema, values: gradients.map { Float($0) })
        }
        if !request.probes.isEmpty {
            outcome.probed = ProbedLosses(
                records: 1, losses: request.probes.map { Self.loss(of: $0, target: target) })
        }
        return outcome
    }

    /// `½ ‖x − target‖²`.
    package static func loss(of delta: AdapterDelta, target: [Float]) -> Double {
        zip(target, delta.values).reduce(0) { $0 + 0.5 * Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    }

    package func snapshot() async throws -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: stepsTaken >> UInt64(8 * $0)) }
    }

    package func restore(_ snapshot: [UInt8]) async throws {
        guard snapshot.count == 8 else { throw SnapshotError() }
        stepsTaken = snapshot.enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64(8 * $1.offset) }
    }

    private struct SnapshotError: Error, CustomStringConvertible {
        let description = "a snapshot of a quadratic trainer has eight bytes"
    }
}
