import Adapters
import InstructionTuning
import LanguageModel
import Storage
import SwarmFile

/// What a topology's training is about, without the weights: the model's shape, the tokenizer, the seed adapter and the
/// prompt. Enough for a peer whose trainer is a process of its own.
struct ModelOutline: Sendable {
    let topology: SwarmTopology
    /// The directory of the base model, or its GGUF file.
    let modelDirectory: String
    let configuration: ModelConfiguration
    let encoder: RecordEncoder
    let origin: AdapterOrigin

    /// Reads what `topology` names, and checks that the parts fit each other.
    init(_ topology: SwarmTopology) throws {
        if let fault = topology.tuning.fault { throw TuningError.badSettings("tuning.\(fault)") }
        self.topology = topology
        modelDirectory = ModelComposition.modelDirectory(topology.model.base)
        if GGUFFile.isNamed(modelDirectory) {
            configuration = try ModelConfiguration(
                json: try GGUFCheckpoint(path: modelDirectory).configuration(), file: modelDirectory)
        } else {
            configuration = try ModelConfiguration.read(directory: modelDirectory)
        }
        let tokenizer = try ModelComposition.tokenizer(
            directory: modelDirectory, vocabularySize: configuration.vocabularySize)
        if let fault = AdapterOrigin.fault(topology.carriedAdapter, configuration) {
            throw TuningError.badSettings(fault)
        }
        origin = AdapterOrigin(configuration, lora: topology.carriedAdapter, seed: topology.swarm.seed)
        encoder = RecordEncoder(
            template: try PromptTemplate.named(topology.tuning.template, model: modelDirectory), encoder: tokenizer,
            cutoff: topology.tuning.cutoff, trainOnInputs: topology.tuning.trainOnInputs)
        Terminal.warn(
            ModelWarnings.template(encoder)
                + ModelWarnings.length(configuration, cutoff: topology.tuning.cutoff))
    }

    /// Records as token sequences. Throws `RecordsError` where there is nothing to train on, or a token is not the model's.
    func encode(_ records: [InstructionRecord], of peer: String) throws -> EncodedRecords {
        let encoded = EncodedRecords(records, with: encoder)
        try encoded.check(
            peer: peer, cutoff: topology.tuning.cutoff, vocabularySize: configuration.vocabularySize)
        return encoded
    }

    /// A peer's validation part as token sequences with loss on responses only; empty where it has none.
    func encode(validationOf part: DataPartition.Part) throws -> [TokenSequence] {
        guard !part.validation.isEmpty else { return [] }
        let encoded = EncodedRecords(part.validation, with: encoder.forResponses)
        try encoded.check(
            peer: part.validationName, cutoff: topology.tuning.cutoff, vocabularySize: configuration.vocabularySize)
        return encoded.sequences
    }

    /// The delta of the adapter in a PEFT directory.
    func delta(ofAdapterIn path: String) throws -> AdapterDelta {
        try origin.delta(ofAdapterIn: path, for: configuration)
    }

    /// The whole adapter for a delta, ready for PEFT.
    func adapter(of delta: AdapterDelta) -> PEFTAdapter {
        PEFTAdapter(
            configuration: topology.carriedAdapter, schema: delta.schema, values: origin.adapter(of: delta),
            baseModel: topology.model.publicName, revision: topology.model.source?.revision)
    }
}

extension AdapterOrigin {
    /// The delta of the adapter in the PEFT directory `path`, for a model of the shape `model`.
    func delta(ofAdapterIn path: String, for model: ModelConfiguration) throws -> AdapterDelta {
        let adapter = try PEFTDirectory.read(path) { .lora(configuration: $0, projections: model.projections) }
        guard adapter.schema == schema else {
            throw CommandFailure("\(path) holds an adapter of another rank or other targets than the topology's")
        }
        return delta(of: adapter.values)
    }
}
