import Adapters
import InstructionTuning
import LanguageModel
import SwarmFile

/// A tiny model with random weights over characters, and arithmetic-free instructions that it can learn: repeat a word.
struct TuningRig {
    static let configuration = ModelConfiguration(
        vocabularySize: 128, hiddenSize: 32, intermediateSize: 48, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        tiesEmbeddings: true)
    static let model = BaseModel(configuration: configuration, randomSeed: 11)

    var settings: SwarmTopology.Tuning
    var lora = LoRAConfiguration(
        rank: 4, alpha: 8, dropout: 0.05, targets: [.query, .key, .value, .output, .gate, .up, .down])
    var seed: UInt64 = 5

    init() {
        settings = SwarmTopology.Tuning()
        settings.template = "terse"
        settings.cutoff = 48
        settings.batch = 4
        settings.learningRate = 5e-3
        settings.localSteps = 5
        settings.rounds = 6
        settings.warmup = 3
        settings.schedule = .cosine
        settings.weightDecay = 0.01
    }

    func workbench() throws -> TuningWorkbench {
        try TuningWorkbench(
            model: Self.model, tokenizer: CharacterEncoder(), lora: lora, settings: settings, seed: seed)
    }

    /// Records of two kinds with short answers.
    static func records(_ count: Int, kind: String = "ab") -> [InstructionRecord] {
        let kinds = Array(kind)
        return (0..<count).map { index in
            let letter = kinds[index % kinds.count]
            let answer = String(repeating: letter, count: 2 + index % 3)
            return InstructionRecord(
                instruction: "say \(2 + index % 3) \(letter)", response: answer, category: String(letter))
        }
    }
}
