import Basics
import LanguageModel
import LinearAlgebra

/// Several peers of one process, each with an engine of its own on one lane: memory and rate.
struct PeersCase {
    private let shape: BenchShape
    private let peers: Int
    private let batch: Int
    private let length: Int
    private let steps: Int
    private let options: EngineOptions
    private let storage: WeightStorage

    init(_ arguments: BenchArguments) throws {
        shape = try arguments.shape()
        peers = try arguments.number("peers", 2)
        batch = try arguments.number("batch", 4)
        length = try arguments.number("sequence", 256)
        steps = try arguments.number("steps", 2)
        options = try arguments.options()
        storage = try arguments.storage()
    }

    func run() async throws -> [String: String] {
        let model = BaseModel(configuration: shape.configuration(), randomSeed: 1, deviation: 0.02, storage: storage)
        let vocabulary = UInt64(model.configuration.vocabularySize)
        let before = BenchTimes.presentMegabytes
        let engines = (0..<peers).map { _ in
            TrainingEngine(model: model, lora: TrainingCase.lora, options: options)
        }
        let waiting = BenchTimes.presentMegabytes
        var times = BenchTimes()
        let heartbeat = Heartbeat()
        for step in 0...steps {
            try await times.measure {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (number, engine) in engines.enumerated() {
                        let (batch, length) = (self.batch, self.length)
                        group.addTask {
                            var generator = SeededGenerator(seed: UInt64(1000 * step + number))
                            let sequences = (0..<batch).map { _ in
                                TokenSequence(tokens: (0..<length).map { _ in Int32(generator.next() % vocabulary) })
                            }
                            let adapter = SeedAdapter.values(schema: engine.schema, seed: 1)
                            _ = try await ComputeLane.shared(for: number).run {
                                try engine.lossAndGradients(sequences: sequences, adapter: adapter)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            if step == 0 { times = BenchTimes() }
        }
        var result = times.summary
        result["ms_longest_heartbeat_gap"] = await heartbeat.stop()
        result["tokens"] = "\(peers * batch * length)"
        result["mb_model"] = "\(before)"
        result["mb_peers_made"] = "\(waiting)"
        result["mb_after_training"] = "\(BenchTimes.presentMegabytes)"
        return result
    }
}
