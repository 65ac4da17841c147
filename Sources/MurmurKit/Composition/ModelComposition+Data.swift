package import InstructionTuning
package import SwarmFile

extension ModelComposition {
    /// How many records a built-in source makes unless the topology says otherwise.
    static let defaultRecordCount = 4000

    /// The swarm's data partition: which peer holds which records, and what is held out.
    ///
    /// - Parameter own: the peer whose records alone are needed; where every peer names a file of its own, only that
    ///   file is read, for the others are on other machines.
    /// - Parameter policy: what happens to records that cannot be read.
    package static func partition(
        _ topology: SwarmTopology, own: String? = nil, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws -> DataPartition {
        let names = topology.peers.map(\.name)
        guard let source = topology.data.source else {
            let peers = topology.peers.filter { own == nil || $0.name == own }
            let files = try peers.map { peer in
                guard let own = peer.data else {
                    throw CommandFailure(
                        "neither data.source nor peers[\(peer.name)].data says where the instructions are")
                }
                return DataPartition.Part(name: peer.name, records: try records(own, topology, onBadRecord: policy))
            }
            return try DataPartition.files(
                files, heldOutPerCategory: topology.data.heldOut,
                validationPerCategory: topology.data.validation, seed: topology.swarm.seed)
        }
        if let mine = topology.peers.first(where: { $0.name == own && $0.data != nil }), let path = mine.data {
            let part = DataPartition.Part(name: mine.name, records: try records(path, topology, onBadRecord: policy))
            return try DataPartition.files(
                [part], heldOutPerCategory: topology.data.heldOut,
                validationPerCategory: topology.data.validation, seed: topology.swarm.seed)
        }
        return try DataPartition.deal(
            try records(source, topology, onBadRecord: policy), to: names, scheme: scheme(topology.data.partition),
            heldOutPerCategory: topology.data.heldOut,
            validationPerCategory: topology.data.validation, seed: topology.swarm.seed)
    }

    /// The records of a source: a built-in one, or files.
    package static func records(
        _ source: DataSource, _ topology: SwarmTopology, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws -> [InstructionRecord] {
        if source.isBuiltIn {
            return try builtIn(source, count: topology.data.count, seed: topology.swarm.seed)
        }
        let dataset = try InstructionDataset.read(source, fields: topology.data.fields, onBadRecord: policy)
        if dataset.report.skippedCount > 0 { Terminal.note(dataset.report.description) }
        return dataset.records
    }

    /// What a source holds and what is to be said of it; of a built-in one, as it is with the usual seed.
    package static func dataset(
        _ source: DataSource, fields: SwarmTopology.Data.Fields, onBadRecord policy: BadRecordPolicy
    ) throws -> InstructionDataset {
        guard source.isBuiltIn else {
            return try InstructionDataset.read(source, fields: fields, onBadRecord: policy)
        }
        let records = try builtIn(source, count: nil, seed: usualSeed)
        return InstructionDataset(
            records: records, report: DatasetReport(of: records, builtIn: source.description))
    }

    /// The seed of commands that have no topology, unless another is given.
    package static let usualSeed: UInt64 = 42

    private static func builtIn(_ source: DataSource, count: Int?, seed: UInt64) throws -> [InstructionRecord] {
        guard source == "builtin:chores" else {
            throw CommandFailure("there is no built-in source \(source); there is builtin:chores")
        }
        return try BuiltInChores().records(count: count ?? defaultRecordCount, seed: seed)
    }

    static func scheme(_ partition: SwarmTopology.Data.Partition) -> PartitionScheme {
        switch partition.scheme {
        case .iid: .iid
        case .category: .category
        case .shards: .shards()
        case .dirichlet: .dirichlet(alpha: partition.alpha, minimum: partition.minimum)
        case .quantity: .quantity(alpha: partition.alpha, minimum: partition.minimum)
        }
    }
}
