package import Adapters
package import InstructionTuning
import LinearAlgebra

/// Work that is divided over the machine's compute lanes.
enum Lanes {
    /// What `body` makes of each of `items`, in their order. Every lane has a worker, which is made once and takes
    /// every n-th item where there are n lanes: evaluators and generators are worth keeping.
    static func map<Item: Sendable, Result: Sendable>(
        _ items: [Item],
        _ worker: @escaping @Sendable (ComputeLane) throws -> (Item) async throws -> Result
    ) async throws -> [Result] {
        let count = min(ComputeLane.all.count, items.count)
        return try await withThrowingTaskGroup(of: [(Int, Result)].self) { group in
            for lane in 0..<count {
                group.addTask {
                    let work = try worker(.shared(for: lane))
                    var results: [(Int, Result)] = []
                    for index in stride(from: lane, to: items.count, by: count) {
                        results.append((index, try await work(items[index])))
                    }
                    return results
                }
            }
            var all: [(Int, Result)] = []
            for try await results in group { all += results }
            return all.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension ModelComposition {
    /// The loss of each adapter on the records that `partition` holds out, on all lanes; nil where there is no adapter, or
    /// nothing is held out.
    package func heldOutLosses(
        of deltas: [AdapterDelta?], _ partition: DataPartition
    ) async throws -> [MeasuredLoss?] {
        guard !partition.heldOut.isEmpty else { return deltas.map { _ in nil } }
        let present = deltas.indices.filter { deltas[$0] != nil }
        let losses = try await Lanes.map(present.compactMap { deltas[$0] }) { lane in
            let evaluator = try workbench.evaluator(
                records: partition.heldOut, lane: lane, options: Evaluator.Options(generates: false))
            return { delta -> MeasuredLoss in
                let summary = try await evaluator.evaluate(adapter: workbench.origin.adapter(of: delta))
                return MeasuredLoss(loss: summary.loss, records: summary.records)
            }
        }
        return zip(present, losses).reduce(into: deltas.map { _ in nil }) { $0[$1.0] = $1.1 }
    }
}
