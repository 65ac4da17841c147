package import Adapters
package import LinearAlgebra

/// Several engines, one a compute lane, that share the work of one batch: what a lone peer uses to fill all processors.
///
/// The sequences are split evenly by tokens, in order, and the parts' gradients are added in order, so that one number
/// of lanes gives one result.
package final class TrainingTeam: Sendable {
    private let engines: [TrainingEngine]
    private let lanes: [ComputeLane]

    /// A team with an engine on each of `lanes`; the other parameters are `TrainingEngine`'s.
    package init(
        model: BaseModel, lora: LoRAConfiguration?, lanes: [ComputeLane], passTokens: Int = 1024, trains: Bool = true
    ) {
        precondition(!lanes.isEmpty, "a team has a lane")
        self.lanes = lanes
        engines = lanes.map { _ in
            TrainingEngine(model: model, lora: lora, passTokens: passTokens, trains: trains)
        }
    }

    /// The schema of the adapters it takes.
    package var schema: AdapterSchema { engines[0].schema }

    /// As `TrainingEngine.lossAndGradients`, on all lanes. Throws `EngineError` or `LaneError`.
    package func lossAndGradients(
        sequences: [TokenSequence], adapter: [Float], dropoutSeed: UInt64? = nil
    ) async throws -> LossAndGradients {
        let divisor = sequences.reduce(0) { $0 + $1.targetCount }
        let parts = try await onEveryLane(sequences) { engine, part, number in
            // Each part draws its own dropout.
            let seed = dropoutSeed.map { $0 &+ UInt64(number) &* 0xd1b5_4a32_d192_ed03 }
            return try engine.lossAndGradients(
                sequences: part, adapter: adapter, dropoutSeed: seed, divisor: divisor)
        }
        var total = parts[0]
        for part in parts.dropFirst() {
            total.lossSum += part.lossSum
            total.tokenCount += part.tokenCount
            for index in total.gradients.indices { total.gradients[index] += part.gradients[index] }
        }
        return total
    }

    /// As `TrainingEngine.evaluate`, on all lanes. Throws `EngineError` or `LaneError`.
    package func evaluate(sequences: [TokenSequence], adapter: [Float] = []) async throws -> [SequenceLoss] {
        try await onEveryLane(sequences) { engine, part, _ in
            try engine.evaluate(sequences: part, adapter: adapter)
        }.flatMap { $0 }
    }

    /// Runs `body` with each lane's part of the sequences and returns the results in the parts' order. The first part
    /// may be empty, the others are left out where they are.
    private func onEveryLane<Result: Sendable>(
        _ sequences: [TokenSequence],
        _ body: @escaping @Sendable (TrainingEngine, [TokenSequence], Int) throws -> Result
    ) async throws -> [Result] {
        let parts = Self.split(sequences.map(\.tokens.count), into: engines.count)
        return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for (number, range) in parts.enumerated() where number == 0 || !range.isEmpty {
                let engine = engines[number]
                let lane = lanes[number]
                let part = Array(sequences[range])
                group.addTask { (number, try await lane.run { try body(engine, part, number) }) }
            }
            var results: [(Int, Result)] = []
            for try await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Cuts items of the given sizes into `count` runs of about equal total size, in order.
    static func split(_ sizes: [Int], into count: Int) -> [Range<Int>] {
        let total = sizes.reduce(0, +)
        var result: [Range<Int>] = []
        var start = 0
        var sum = 0
        for number in 1...count {
            var end = start
            // An item belongs to the run in which its middle lies.
            while end < sizes.count, number == count || (2 * sum + sizes[end]) * count < 2 * total * number {
                sum += sizes[end]
                end += 1
            }
            result.append(start..<end)
            start = end
        }
        return result
    }
}
