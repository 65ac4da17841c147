package import Adapters
import Foundation
import LanguageModel

/// In which form `murmur export` leaves an adapter.
package enum AdapterForm: Sendable, Hashable {
    /// A PEFT directory, as it was trained.
    case peft
    /// A PEFT directory with one rank, one alpha and the usual scaling, for programs that know no other.
    case plainPEFT
    /// A file for llama.cpp.
    case gguf

    /// Writes `adapter`, which belongs to the base model in the folder or file `base`, and says how it is used.
    package func write(
        _ adapter: PEFTAdapter, base: String, to out: String, card: ModelCard? = nil
    ) throws -> String {
        switch self {
        case .peft:
            try PEFTDirectory.write(adapter, to: out)
            try card?.write(of: adapter, to: out)
            return Self.use(ofPEFT: adapter, out)
        case .plainPEFT:
            let plain = adapter.plain(projections: try GGUFAdapter(adapter, base: base).projections)
            try PEFTDirectory.write(plain, to: out)
            try card?.write(of: plain, to: out)
            return Self.use(ofPEFT: plain, out)
        case .gguf:
            guard out.hasSuffix(".gguf"), !FileManager.default.fileExists(atPath: out) else {
                throw CommandFailure("--out \(out): name a file that ends with .gguf and does not exist yet")
            }
            try GGUFAdapter(adapter, base: base).write(to: out)
            let model = base.hasSuffix(".gguf") ? base : "MODEL.gguf"
            return """
                llama.cpp: llama-server -m \(model) --lora \(out)
                           (any rank; llama-cli takes the same options)
                ollama:    a Modelfile with the lines FROM \(model) and ADAPTER \(out), then
                           ollama create NAME -f Modelfile && ollama run NAME
                MODEL is the base model as GGUF: the one that was tuned, in any quantisation.
                """
        }
    }

    private static func use(ofPEFT adapter: PEFTAdapter, _ out: String) -> String {
        let configuration = adapter.configuration
        let ranks = [configuration.rank] + configuration.rankExceptions.map(\.value)
        // The ranks that vLLM takes; 16 is what it does without being told.
        let limit = [16, 32, 64, 128, 256, 320, 512].first { $0 >= ranks.max() ?? 0 }
        let isPlain =
            !configuration.isRankStabilised && configuration.rankExceptions.isEmpty
            && configuration.alphaExceptions.isEmpty
        let base = adapter.baseModel.flatMap { $0.contains("/") ? $0 : nil } ?? "BASE"
        var lines = [
            "PEFT:      PeftModel.from_pretrained(base, \"\(out)\")",
            limit.map {
                "vLLM:      vllm serve \(base) --enable-lora --max-lora-rank \($0) --lora-modules tuned=\(out)"
            } ?? "vLLM:      takes ranks up to 512, and this adapter has one of \(ranks.max() ?? 0)",
            "           (ask it for the model \"tuned\"; without --max-lora-rank it takes ranks up to 16)",
            "llama.cpp: murmur export \(out) --model BASE --gguf --out tuned.gguf",
            "           llama-server -m BASE.gguf --lora tuned.gguf",
            "ollama:    a Modelfile with the lines FROM and ADAPTER \(out) (Llama, Mistral, Gemma), or ADAPTER tuned.gguf",
        ]
        if !isPlain {
            lines.append(
                "Patterns of ranks and alphas, and rslora, are passed over by some programs: murmur export \(out) "
                    + "--peft-plain --out PLAIN folds them in")
        }
        return lines.joined(separator: "\n")
    }
}
