package import Adapters
package import InstructionTuning
import LinearAlgebra

/// The built-in engine's trainers: tuners of a composition's model, each on its peer's part of the data.
package struct BuiltInTrainers: TrainerFactory {
    /// Where trainers compute.
    package enum Placement: Sendable, Hashable {
        /// On a lane of its own with so many threads: the only trainer of its process.
        case alone(threads: Int)
        /// On the machine's lanes, which all trainers of the process share.
        case shared
    }

    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    private let composition: ModelComposition
    private let partition: DataPartition
    private let placement: Placement

    package init(_ composition: ModelComposition, _ partition: DataPartition, placement: Placement) throws {
        self.composition = composition
        self.partition = partition
        self.placement = placement
        schema = composition.workbench.origin.schema
        baseModelDigest = try composition.baseModelDigest()
    }

    package func trainer(of name: String) throws -> any AdapterTrainer {
        guard let place = partition.peers.firstIndex(where: { $0.name == name }) else {
            throw CommandFailure("\(name) has no records")
        }
        let records = partition.peers[place].records
        return switch placement {
        case .alone(let threads):
            try composition.workbench.tuner(peer: name, records: records, lane: ComputeLane(), threads: threads)
        case .shared:
            try composition.workbench.tuner(peer: name, records: records, lane: .shared(for: place))
        }
    }

    package func adapter(of delta: AdapterDelta) -> PEFTAdapter? { composition.adapter(of: delta) }
}
