package import Adapters
import Storage

/// A LoRA adapter as llama.cpp reads it beside a model: `general.type` is `adapter`, and each module has its factors
/// as `blk.N.attn_q.weight.lora_a` [rank, input] and `.lora_b` [output, rank].
///
/// llama.cpp scales every product by one alpha by the module's rank. What else the configuration scales by is folded into
/// B. In the llama family the rows of q and k are in llama.cpp's order, hence those of their B too.
package struct GGUFAdapter {
    private let adapter: PEFTAdapter
    private let shape: ModelConfiguration
    private let family: ModelFamily

    /// An adapter of the base model in `directory`, a Hugging Face folder or a GGUF file. Throws what reading its shape
    /// throws.
    package init(_ adapter: PEFTAdapter, base directory: String) throws {
        (shape, family) = try ModelConfiguration.read(model: directory)
        self.adapter = adapter
    }

    /// The projections that carry a module.
    package var projections: [LoRAProjection] { shape.projections.filter(adapter.configuration.includes) }

    /// Writes the file. Throws `FileError`, or `GGUFError` for values that are not finite.
    package func write(to path: String) throws {
        var writer = GGUFWriter()
        writer.set("general.architecture", family.architectureInGGUF)
        writer.set("general.type", "adapter")
        writer.set("adapter.type", "lora")
        writer.set("adapter.lora.alpha", Float(adapter.plainAlpha))
        writer.set("general.file_type", UInt32(0))
        writer.set("general.quantization_version", UInt32(2))
        for projection in projections {
            let rank = adapter.configuration.rank(of: projection)
            let name = "blk.\(projection.layer).\(projection.target.nameInGGUF).weight"
            writer.add("\(name).lora_a", shape: [rank, projection.inputSize], type: .float32) {
                .values(adapter.factor(projection.nameOfA))
            }
            writer.add("\(name).lora_b", shape: [projection.outputSize, rank], type: .float32) {
                let factor = adapter.plainFactor(of: projection, alpha: adapter.plainAlpha)
                let rows = adapter.factor(projection.nameOfB).map { factor * $0 }
                return .values(family.inOrderOfGGUF(rows, projection, shape))
            }
        }
        try writer.write(to: path)
    }
}

extension ModelFamily {
    /// The architecture as GGUF files name it; Mistral's is that of Llama.
    var architectureInGGUF: String { self == .mistral ? "llama" : modelType }

    /// The rows of a projection's weight, or of its B, in the order of GGUF files.
    func inOrderOfGGUF(_ values: [Float], _ projection: LoRAProjection, _ shape: ModelConfiguration) -> [Float] {
        guard self == .llama || self == .mistral, projection.target == .query || projection.target == .key else {
            return values
        }
        return GGUFWeights.neighboursTogether(values, rows: projection.outputSize, headSize: shape.headSize)
    }
}

extension LoRAConfiguration.Target {
    /// What GGUF files call the weight. Phi-3's `ffn_up` is the gate too.
    var nameInGGUF: String {
        switch self {
        case .query: "attn_q"
        case .key: "attn_k"
        case .value: "attn_v"
        case .output: "attn_output"
        case .queryKeyValue: "attn_qkv"
        case .gate: "ffn_gate"
        case .up, .gateUp: "ffn_up"
        case .down: "ffn_down"
        }
    }
}

extension GGUFWeights {
    /// The opposite of `halvesApart`: value i of a head and i + half of it become neighbours.
    package static func neighboursTogether(_ values: [Float], rows: Int, headSize: Int) -> [Float] {
        let columns = values.count / rows
        var result: [Float] = []
        result.reserveCapacity(values.count)
        for row in 0..<rows {
            let head = row / headSize, place = row % headSize
            let source = head * headSize + place / 2 + place % 2 * (headSize / 2)
            result += values[source * columns..<(source + 1) * columns]
        }
        return result
    }
}

extension ModelConfiguration {
    /// The shape and the family of the base model in a Hugging Face folder or a GGUF file. Throws what reading them
    /// throws.
    package static func read(model path: String) throws -> (shape: ModelConfiguration, family: ModelFamily) {
        let (json, file) =
            GGUFFile.isNamed(path)
            ? (try GGUFCheckpoint(path: path).configuration(), path) : try document(directory: path)
        return (try ModelConfiguration(json: json, file: file), try family(json, file: file))
    }
}
