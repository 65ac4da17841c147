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
    package func write(_ adapter: PEFTAdapter, base: String, to out: String) throws -> String {
        switch self {
        case .peft:
            try PEFTDirectory.write(adapter, to: out)
            return Self.use(ofPEFT: adapter, out)
        case .plainPEFT:
            let plain = adapter.plain(projections: try GGUFAdapter(adapter, base: base).projections)
            try PEFTDirectory.write(plain, to: out)
            return Self.use(ofPEFT: plain, out)
        case .gguf:
            guard out.hasSuffix(".gguf"), !FileManager.default.fileExists(atPath: out) else {
                throw CommandFailure("--out \(out): name a file that ends with .gguf and does not exist yet")
            }
            try GGUFAdapter(adapter, base: base).write(to: out)
            let model = base.hasSuffix(".gguf") ? base : "MODEL.gguf"
            return """
                llama.cpp: llama-cli -m \(model) --lora \(out)
                ollama:    a Modelfile with the lines FROM \(model) and ADAPTER \(out)
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
        var lines = [
            "PEFT:      PeftModel.from_pretrained(base, \"\(out)\")",
            limit.map { "vLLM:      vllm serve BASE --enable-lora --lora-modules tuned=\(out) --max-lora-rank \($0)" }
                ?? "vLLM:      takes ranks up to 512 only",
            "llama.cpp: murmur export \(out) --model BASE --gguf --out FILE.gguf",
        ]
        if !isPlain { lines.append("Programs that pass over patterns and rslora: murmur export \(out) --peft-plain") }
        return lines.joined(separator: "\n")
    }
}
