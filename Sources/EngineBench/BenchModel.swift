import Adapters
import Basics
import LanguageModel
import LinearAlgebra

/// The models that are measured: real shapes, random weights.
enum BenchShape: String {
    /// SmolLM-135M.
    case smollm135
    /// A small model for many peers.
    case small
    /// TinyLlama-1.1B.
    case tinyllama

    /// The shape; `vocabulary` replaces that of the model.
    func configuration(vocabulary: Int? = nil) -> ModelConfiguration {
        switch self {
        case .smollm135:
            ModelConfiguration(
                vocabularySize: vocabulary ?? 49152, hiddenSize: 576, intermediateSize: 1536, layerCount: 30,
                headCount: 9, keyValueHeadCount: 3, tiesEmbeddings: true)
        case .small:
            ModelConfiguration(
                vocabularySize: vocabulary ?? 4096, hiddenSize: 256, intermediateSize: 688, layerCount: 6,
                headCount: 8, keyValueHeadCount: 8, tiesEmbeddings: true)
        case .tinyllama:
            ModelConfiguration(
                vocabularySize: vocabulary ?? 32000, hiddenSize: 2048, intermediateSize: 5632, layerCount: 22,
                headCount: 32, keyValueHeadCount: 4, tiesEmbeddings: false)
        }
    }
}

/// What every case's command line says of the model and the engine.
struct BenchModel {
    let shape: BenchShape
    let options: EngineOptions
    let storage: WeightStorage

    /// The adapter that all cases tune.
    static let lora = LoRAConfiguration(rank: 8, alpha: 16, targets: [.query, .key, .value, .output])

    init(_ arguments: BenchArguments) throws {
        shape = try arguments.shape()
        options = try arguments.options()
        storage = try arguments.storage()
        let configuration = shape.configuration()
        for width in [configuration.hiddenSize, configuration.intermediateSize, configuration.queryWidth]
        where !width.isMultiple(of: storage.blockLength) {
            throw BenchArguments.Failure(
                description: "rows of \(width) values are not whole blocks of \(storage.rawValue)")
        }
    }

    /// The model, with random weights; `vocabulary` replaces that of the shape.
    func make(vocabulary: Int? = nil) -> BaseModel {
        BaseModel(
            configuration: shape.configuration(vocabulary: vocabulary), randomSeed: 1, deviation: 0.02, storage: storage
        )
    }

    /// An engine that tunes `model`.
    func engine(of model: BaseModel) -> TrainingEngine {
        TrainingEngine(model: model, lora: Self.lora, options: options)
    }
}

/// A batch of random tokens that all carry loss: `--batch` sequences of `--sequence` tokens.
struct RandomBatch {
    let batch: Int
    let length: Int

    init(_ arguments: BenchArguments) throws {
        batch = try arguments.number("batch", 4)
        length = try arguments.number("sequence", 256)
    }

    /// The tokens of a batch.
    var tokens: Int { batch * length }

    /// The next batch of `generator` for a vocabulary of this size.
    func sequences(vocabulary: Int, using generator: inout SeededGenerator) -> [TokenSequence] {
        (0..<batch).map { _ in
            TokenSequence(tokens: (0..<length).map { _ in Int32(generator.next() % UInt64(vocabulary)) })
        }
    }
}

/// Steps of LoRA tuning with AdamW, without dropout, on a lane of its own.
struct BenchTuner {
    private let engine: TrainingEngine
    private let lane = ComputeLane()
    private var adapter: [Float]
    private var optimizer: AdamW
    private(set) var times = BenchTimes()

    init(_ engine: TrainingEngine) {
        self.engine = engine
        adapter = SeedAdapter.values(schema: engine.schema, seed: 1)
        optimizer = AdamW(count: engine.schema.count, settings: .init(learningRate: 3e-4))
    }

    /// Takes a step and keeps its time, unless it `isFirst`: that one touches all memory for the first time.
    mutating func step(_ sequences: [TokenSequence], isFirst: Bool) async throws {
        var times = times
        try await times.measure {
            let result = try await lane.run { [engine, adapter] in
                try engine.lossAndGradients(sequences: sequences, adapter: adapter)
            }
            optimizer.update(&adapter, gradients: result.gradients)
        }
        if !isFirst { self.times = times }
    }
}
