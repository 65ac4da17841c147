import Adapters
import ArgumentParser
import InstructionTuning
import SwarmFile

/// The options of commands that use a model without a topology.
struct ModelOptions: ParsableArguments {
    @Option(help: "The base model: builtin:fledgling, a Hugging Face directory or a GGUF file.")
    var model = "builtin:fledgling"

    @Option(
        help:
            "The prompt template: \(PromptTemplate.names.joined(separator: ", ")), chat (the model's own), or a template file."
    )
    var template: String?

    @Option(help: "The most tokens of a record.")
    var cutoff = SwarmTopology.Tuning().cutoff

    @Flag(help: "Skip records that cannot be read and go on, instead of refusing the file.")
    var skipBad = false

    /// What happens to records that cannot be read.
    var badRecords: BadRecordPolicy { skipBad ? .skip : .refuse }

    func validate() throws {
        var tuning = SwarmTopology.Tuning()
        tuning.cutoff = cutoff
        if let fault = tuning.fault { throw ValidationError("--\(fault)") }
    }

    /// The template to use: the one given, or the one that suits the model.
    var templateName: String { template ?? (model == "builtin:fledgling" ? "terse" : "alpaca") }

    /// A topology of one peer with these settings, for the parts of `Composition`.
    func topology(lora: LoRAConfiguration = .defaults, data: DataSource? = nil, seed: UInt64 = 42) -> SwarmTopology {
        var tuning = SwarmTopology.Tuning()
        tuning.template = templateName
        tuning.cutoff = cutoff
        return SwarmTopology(
            swarm: .init(name: "alone", seed: seed), model: .init(base: model, lora: lora), tuning: tuning,
            data: .init(source: data), exchange: .init(), graph: .init(kind: .complete),
            peers: [.init(name: "alone")])
    }
}
