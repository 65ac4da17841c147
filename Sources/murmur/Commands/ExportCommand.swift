import Adapters
import ArgumentParser
import Foundation
import LanguageModel
import MurmurKit

/// `murmur export`: an adapter in another form, or that of a state.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write an adapter, or the one that a peer's newest checkpoint holds, for PEFT or for llama.cpp.",
        discussion: """
            Of a state it takes the newest checkpoint: for runs that were stopped, or whose adapter could not be written. \
            The topology is the copy that the peer keeps beside its checkpoints.

            Examples:
              murmur export run/alice/state --out alice-so-far
              murmur export run/alice/adapter --model FILE.gguf --gguf --out tuned.gguf
            """)

    @Argument(help: "A peer's folder, the state folder in it, or a PEFT directory.") var source: String
    @Option(help: "The folder for the adapter, or the file with --gguf.") var out: String
    @Option(help: "The topology file, if not the copy in the state folder.") var topology: String?
    @Option(help: "The base model instead of the topology's, or of the one that the PEFT directory names.")
    var model: String?
    @Flag(help: "Write a LoRA file for llama.cpp.") var gguf = false
    @Flag(help: "Fold patterns of ranks and alphas and rank-stabilised scaling into the factors.")
    var peftPlain = false

    func validate() throws {
        if gguf && peftPlain { throw ValidationError("--gguf and --peft-plain are two forms; give one of them") }
    }

    func run() async throws {
        let form: AdapterForm = gguf ? .gguf : peftPlain ? .plainPEFT : .peft
        guard FileManager.default.fileExists(atPath: "\(source)/\(PEFTDirectory.configurationName)") else {
            let export = try CheckpointExport(
                state: source, topologyPath: topology, sources: SourceChoices(model: model))
            Terminal.print(try export.write(to: out, form: form))
            return
        }
        guard let name = try model ?? PEFTDirectory.read(source).baseModel else {
            throw CommandFailure("\(source) names no base model; give it with --model")
        }
        let base = ModelComposition.modelDirectory(name)
        guard FileManager.default.fileExists(atPath: base) else {
            throw CommandFailure("\(source) names \(name) as its base, which is no folder here; give it with --model")
        }
        let shape = try ModelConfiguration.read(model: base).shape
        var adapter = try PEFTDirectory.read(source) {
            .lora(configuration: $0, projections: shape.projections)
        }
        adapter.hidePath()
        let use = try form.write(adapter, base: base, to: out, card: ModelCard(facts: []))
        Terminal.print("The adapter is in \(out)\n\(use)")
    }
}
