import Adapters
import ArgumentParser
import Foundation
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
            A model that an earlier `murmur merge` left in it is replaced. A GGUF model becomes a GGUF file.

            Examples:
              murmur merge --adapter demo-run/peer-0/adapter --out tuned-model
              murmur merge --model path/to/model --adapter run/alice/adapter \\
                  --type bf16 --out tuned-model
              murmur merge --model FILE.gguf --adapter run/alice/adapter \\
                  --type q8_0 --out tuned.gguf
            """)

    @Option(help: "The base model: builtin:fledgling, a Hugging Face directory or a GGUF file.")
    var model = "builtin:fledgling"
    @Option(help: "The PEFT directory.") var adapter: String
    @Option(help: "The folder for the merged model: a new or an empty one, or of an earlier merge; the file with GGUF.")
    var out: String
    @Option(
        help: """
            The type of the weights: f32, f16 or bf16, each weight's own unless given; of a GGUF model f32, f16 or q8_0, \
            f16 unless given.
            """)
    var type: String?

    private static let types: [String: FloatEncoding] = ["f32": .float32, "f16": .float16, "bf16": .bfloat16]
    private static let typesInGGUF: [String: GGUFTensorType] = ["f32": .float32, "f16": .float16, "q8_0": .q80]

    private var isGGUF: Bool { GGUFFile.isNamed(model) }

    func validate() throws {
        let known = isGGUF ? ["f32", "f16", "q8_0"] : ["f32", "f16", "bf16"]
        if let type, !known.contains(type) {
            throw ValidationError("--type \(type): known are \(known.joined(separator: ", "))")
        }
        if isGGUF, !GGUFFile.isNamed(out) || FileManager.default.fileExists(atPath: out) {
            throw ValidationError("--out \(out): name a file that ends with .gguf and does not exist yet")
        }
    }

    func run() async throws {
        if !isGGUF { try OutputFolder.merge.check(out) }
        let base = ModelComposition.modelDirectory(model)
        let shape = try ModelConfiguration.read(model: base).shape
        for (source, option) in [(base, "--model"), (adapter, "--adapter")] where OutputFolder.isSame(source, out) {
            throw CommandFailure("\(out) is what \(option) reads; give another folder for --out")
        }
        let lora = try PEFTDirectory.read(adapter) {
            .lora(configuration: $0, projections: shape.projections)
        }
        if isGGUF {
            let type = Self.typesInGGUF[type ?? "f16"] ?? .float16
            let count = try GGUFMerge(base: base, adapter: lora, type: type).write(to: out)
            Terminal.print("The merged model is \(out); \(count) weights carry the adapter")
            return
        }
        let merge = AdapterMerge(base: base, adapter: lora, encoding: type.flatMap { Self.types[$0] })
        let lock = try OutputFolder.merge.claim(out)
        defer { withExtendedLifetime(lock) {} }
        try AdapterMerge.removeCheckpoint(in: out)
        let count = try merge.write(to: out, shape: shape)
        Terminal.print("The merged model is in \(out); \(count) weights carry the adapter")
    }
}
