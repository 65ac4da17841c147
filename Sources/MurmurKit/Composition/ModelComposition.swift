package import Adapters
import Cryptography
import Foundation
package import InstructionTuning
package import LanguageModel
import Storage
package import SwarmFile

/// Where learning meets the swarm: the model, the tokenizer and the tuners that a topology file asks for.
package struct ModelComposition: Sendable {
    /// The swarm.
    package let topology: SwarmTopology
    /// The directory of the base model.
    package let modelDirectory: String
    /// Model, prompt, seed adapter and settings.
    package let workbench: TuningWorkbench
    /// The tokenizer.
    package let tokenizer: Tokenizer

    /// Loads the model that `topology` names and checks that the parts fit each other.
    package init(_ topology: SwarmTopology, compute: ComputeChoices = ComputeChoices()) throws {
        let directory = Self.modelDirectory(topology.model.base)
        let model = try BaseModel.load(directory: directory, storage: compute.weights.storage)
        try self.init(
            topology, model: model, tokenizer: try Self.tokenizer(directory: directory, model: model), compute: compute)
    }

    /// The same with `topology`'s model and tokenizer as they were loaded before.
    init(_ topology: SwarmTopology, model: BaseModel, tokenizer: Tokenizer, compute: ComputeChoices) throws {
        self.topology = topology
        modelDirectory = Self.modelDirectory(topology.model.base)
        self.tokenizer = tokenizer
        workbench = try TuningWorkbench(
            model: model, tokenizer: tokenizer, lora: topology.carriedAdapter, settings: topology.tuning,
            seed: topology.swarm.seed, options: compute.engine(topology.tuning))
        Terminal.warn(
            model.notes + ModelWarnings.template(workbench.encoder)
                + ModelWarnings.length(model.configuration, cutoff: topology.tuning.cutoff))
    }

    /// Warns of records that are longer than the model was made for.
    func warn(of report: EncodedRecords.Report) {
        Terminal.warn(
            ModelWarnings.length(
                workbench.model.configuration, cutoff: topology.tuning.cutoff, longest: report.longest))
    }

    /// The directory that a model's name means.
    package static func modelDirectory(_ base: String) -> String {
        base == "builtin:fledgling" ? BuiltInModel.fledglingDirectory.path : base
    }

    /// The tokenizer of a model directory; one with more tokens than the model has is refused.
    package static func tokenizer(directory: String, model: BaseModel) throws -> Tokenizer {
        try tokenizer(directory: directory, vocabularySize: model.configuration.vocabularySize)
    }

    static func tokenizer(directory: String, vocabularySize: Int) throws -> Tokenizer {
        let tokenizer = try Tokenizer.load(directory: directory)
        guard Int(tokenizer.largestIdentifier) < vocabularySize else {
            throw CommandFailure(
                "\(directory): the tokenizer has a token \(tokenizer.largestIdentifier) and the model knows only "
                    + "\(vocabularySize); they do not belong together")
        }
        return tokenizer
    }

    /// The digest that manifests carry for the base model: BLAKE2b-256 over the digests of `config.json` and of each
    /// weight file, in the order of their names; of a GGUF model, over those of its files in their order.
    package func baseModelDigest() throws -> [UInt8] { try Self.baseModelDigest(directory: modelDirectory) }

    /// The same of the model in `directory`, which is not loaded for it.
    static func baseModelDigest(directory: String) throws -> [UInt8] {
        let paths =
            GGUFFile.isNamed(directory)
            ? try GGUFCheckpoint(path: directory).paths
            : try FileManager.default.contentsOfDirectory(atPath: directory)
                .filter { $0 == "config.json" || $0.hasSuffix(".safetensors") }.sorted()
                .map { directory + "/" + $0 }
        var whole = Digest(personalisation: "murmur-base")
        for path in paths { whole.update(try Self.digest(ofFile: path)) }
        return whole.finish()
    }

    static func digest(ofFile path: String) throws -> [UInt8] {
        let file = try ReadableFile(path: path)
        var digest = Digest()
        var position = 0
        while position < file.size {
            let end = min(file.size, position + 4 << 20)
            digest.update(try file.bytes(position..<end))
            position = end
        }
        return digest.finish()
    }

    /// The whole adapter for a delta, ready for PEFT.
    package func adapter(of delta: AdapterDelta) -> PEFTAdapter {
        PEFTAdapter(
            configuration: workbench.lora, schema: delta.schema, values: workbench.origin.adapter(of: delta),
            baseModel: topology.model.publicName, revision: topology.model.source?.revision)
    }

    /// The delta of the adapter in a PEFT directory.
    package func delta(ofAdapterIn path: String) throws -> AdapterDelta {
        try workbench.origin.delta(ofAdapterIn: path, for: workbench.model.configuration)
    }
}
