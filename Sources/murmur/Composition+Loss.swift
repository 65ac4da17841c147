import Adapters
import InstructionTuning
import LinearAlgebra

extension Composition {
    /// The loss of each adapter on the records that `partition` holds out, on all lanes; nil where there is no adapter, or
    /// nothing is held out.
    func heldOutLosses(of deltas: [AdapterDelta?], _ partition: DataPartition) async throws -> [Double?] {
        guard !partition.heldOut.isEmpty else { return deltas.map { _ in nil } }
        return try await withThrowingTaskGroup(of: (Int, Double).self) { group in
            for (index, delta) in deltas.enumerated() {
                guard let delta else { continue }
                group.addTask {
                    let evaluator = try workbench.evaluator(
                        records: partition.heldOut, lane: ComputeLane.shared(for: index),
                        options: Evaluator.Options(generates: false))
                    return (index, try await evaluator.evaluate(adapter: workbench.origin.adapter(of: delta)).loss)
                }
            }
            return try await group.reduce(into: deltas.map { _ in nil }) { $0[$1.0] = $1.1 }
        }
    }
}
