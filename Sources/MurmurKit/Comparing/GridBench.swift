import Adapters
import Cryptography
package import Federation
package import InstructionTuning
import LanguageModel
import LinearAlgebra
package import SwarmFile
import Synchronization

/// The records of one seed: what peers train on, what rates are chosen by, what measures in the end. No record is in two of
/// them.
package struct GridData: Sendable {
    /// Without held-out records of its own.
    package let dealt: DataPartition
    /// All that is dealt out, in the source's order.
    package let pooled: [InstructionRecord]
    package let validation: [InstructionRecord]
    package let heldOut: [InstructionRecord]

    /// Takes the held-out records out first, the same as without a validation part, then `validation` records of each
    /// category, both drawn from the topology's seed, and deals out the rest.
    package init(
        _ topology: SwarmTopology, validation count: Int, records: (_ source: DataSource) throws -> [InstructionRecord]
    ) throws {
        let (names, seed) = (topology.peers.map(\.name), topology.swarm.seed)
        guard let source = topology.data.source else {
            let files = try topology.peers.map { peer in
                DataPartition.Part(name: peer.name, records: try peer.data.map(records) ?? [])
            }
            let split = try DataPartition.files(files, heldOutPerCategory: topology.data.heldOut, seed: seed)
            var (parts, validation): ([DataPartition.Part], [InstructionRecord]) = ([], [])
            for part in split.peers {
                let second = HeldOutSplit(
                    records: part.records, perCategory: count, seed: seed, label: "validation/\(part.name)")
                validation += second.heldOut.map { part.records[$0] }
                parts.append(.init(name: part.name, records: second.training.map { part.records[$0] }))
            }
            dealt = try DataPartition(peers: parts, heldOut: [])
            pooled = dealt.pooled
            self.validation = validation
            heldOut = split.heldOut
            return
        }
        let all = try records(source)
        let split = HeldOutSplit(records: all, perCategory: topology.data.heldOut, seed: seed)
        let rest = split.training.map { all[$0] }
        let second = HeldOutSplit(records: rest, perCategory: count, seed: seed, label: "validation")
        let pooled = second.training.map { rest[$0] }
        self.pooled = pooled
        validation = second.heldOut.map { rest[$0] }
        heldOut = split.heldOut.map { all[$0] }
        dealt = try DataPartition.deal(
            pooled, to: names, scheme: ModelComposition.scheme(topology.data.partition), heldOutPerCategory: 0,
            seed: seed)
    }
}

/// What the runs of a grid share: the model, the records, and how they measure.
package final class GridBench: Sendable {
    /// How runs are measured.
    package struct Measure: Sendable, Hashable {
        /// Records of each category that rates are chosen by; nil for as many as the topology's validation
        /// part has, or else as are held out.
        package var validation: Int?
        /// For how many held-out records answers are generated; 0 for none.
        package var answers = 0
        /// The most tokens of an answer.
        package var answerTokens = 32

        package init(validation: Int? = nil, answers: Int = 0, answerTokens: Int = 32) {
            self.validation = validation
            self.answers = answers
            self.answerTokens = answerTokens
        }
    }

    package let measure: Measure
    let compute: ComputeChoices
    private let policy: BadRecordPolicy
    private let model: BaseModel
    private let tokenizer: Tokenizer
    private let digest: [UInt8]
    /// The records of sources, by what they depend on, with their digests.
    private let sources = Mutex<[String: (records: [InstructionRecord], digest: [UInt8])]>([:])

    /// Loads the model of `topology`.
    package init(
        _ topology: SwarmTopology, measure: Measure, sources: SourceChoices = SourceChoices(),
        compute: ComputeChoices = ComputeChoices()
    ) throws {
        let directory = ModelComposition.modelDirectory(topology.model.base)
        model = try BaseModel.load(directory: directory, storage: compute.weights.storage)
        tokenizer = try ModelComposition.tokenizer(directory: directory, model: model)
        digest = try ModelComposition.baseModelDigest(directory: directory)
        self.measure = measure
        self.compute = compute
        policy = sources.badRecords
    }

    func composition(_ topology: SwarmTopology) throws -> ModelComposition {
        try ModelComposition(topology, model: model, tokenizer: tokenizer, compute: compute)
    }

    /// The records of `topology`'s seed.
    package func data(_ topology: SwarmTopology) throws -> GridData {
        try GridData(topology, validation: validationCount(topology)) { source in
            try read(source, topology).records
        }
    }

    /// Records of each category that rates are chosen by.
    private func validationCount(_ topology: SwarmTopology) -> Int {
        measure.validation ?? (topology.data.validation > 0 ? topology.data.validation : topology.data.heldOut)
    }

    private func read(
        _ source: DataSource, _ topology: SwarmTopology
    ) throws -> (records: [InstructionRecord], digest: [UInt8]) {
        // What is built in is made from the seed; a file is what it is.
        let key =
            source.isBuiltIn
            ? "\(source) \(topology.data.count ?? 0) \(topology.swarm.seed)" : "\(source) \(topology.data.fields)"
        if let known = sources.withLock({ $0[key] }) { return known }
        let records = try ModelComposition.records(source, topology, onBadRecord: policy)
        let entry = (records, ModelComposition.digest(of: records))
        sources.withLock { $0[key] = entry }
        return entry
    }

    /// What the figures of `run` depend on.
    package func fingerprint(of run: GridRun) throws -> SettingsFingerprint {
        let topology = run.setting.topology
        var records = Digest(personalisation: "murmur-grid")
        for source in topology.data.source.map({ [$0] }) ?? topology.peers.compactMap(\.data) {
            records.update(try read(source, topology).digest)
        }
        var entries = try ModelComposition.settings(
            topology, directory: ModelComposition.modelDirectory(topology.model.base))
        entries.append(.init("model.base", digest: digest))
        entries.append(.init("model.weights", compute.weights.rawValue))
        entries.append(.init("data.records", digest: records.finish()))
        entries.append(.init("measure.validation", "\(validationCount(topology))"))
        entries.append(.init("measure.answers", "\(measure.answers) \(measure.answerTokens)"))
        entries.append(.init("version", "\(Release.version) \(GridStore.format)"))
        return run.settings(beside: entries)
    }
}
