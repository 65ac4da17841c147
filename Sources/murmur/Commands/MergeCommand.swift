import Adapters
import ArgumentParser
import LanguageModel
import MurmurKit
import Storage

/// `murmur merge`: an adapter becomes part of a model.
struct MergeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Add an adapter into a model's weights and write a checkpoint that stands alone.",
        discussion: """
            The folder loads with transformers, and with every --model here; tokenizer and configuration are carried over. \
            A model that an earlier `murmur merge` left in it is replaced.

            Examples:
              murmur merge --adapter demo-run/peer-0/adapter --out tuned-model
              murmur merge --model path/to/model --adapter run/alice/adapter \\
                  --type bf16 --out tuned-model
            """)

    @Option(help: "The base model: builtin:fledgling or a Hugging Face directory.") var model = "builtin:fledgling"
    @Option(help: "The PEFT directory.") var adapter: String
    @Option(help: "The folder for the merged model: a new or an empty one, or of an earlier merge.") var out: String
    @Option(help: "The type of the weights: f32, f16 or bf16; each weight's own unless given.") var type: String?

    private static let types: [String: FloatEncoding] = ["f32": .float32, "f16": .float16, "bf16": .bfloat16]

    func validate() throws {
        if let type, Self.types[type] == nil { throw ValidationError("--type \(type): known are f32, f16, bf16") }
    }

    func run() async throws {
        try OutputFolder.merge.check(out)
        let base = ModelComposition.modelDirectory(model)
        let shape = try ModelConfiguration.read(directory: base)
        for (source, option) in [(base, "--model"), (adapter, "--adapter")] where OutputFolder.isSame(source, out) {
            throw CommandFailure("\(out) is what \(option) reads; give another folder for --out")
        }
        let lora = try PEFTDirectory.read(adapter) {
            .lora(configuration: $0, projections: shape.projections)
        }
        let merge = AdapterMerge(base: base, adapter: lora, encoding: type.flatMap { Self.types[$0] })
        let lock = try OutputFolder.merge.claim(out)
        defer { withExtendedLifetime(lock) {} }
        try AdapterMerge.removeCheckpoint(in: out)
        let count = try merge.write(to: out, shape: shape)
        Terminal.print("The merged model is in \(out); \(count) weights carry the adapter")
    }
}
