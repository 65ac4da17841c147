import Adapters
import Basics
import LanguageModel
import LinearAlgebra

/// Several peers of one process, each with an engine of its own on one lane: memory and rate.
struct PeersCase {
    private let model: BenchModel
    private let batch: RandomBatch
    private let peers: Int
    private let steps: Int

    init(_ arguments: BenchArguments) throws {
        model = try BenchModel(arguments)
        batch = try RandomBatch(arguments)
        peers = try arguments.number("peers", 2)
        steps = try arguments.number("steps", 2)
    }

    func run() async throws -> [String: String] {
        let base = model.make()
        let vocabulary = base.configuration.vocabularySize
        let before = BenchTimes.presentMegabytes
        let engines = (0..<peers).map { _ in model.engine(of: base) }
        let waiting = BenchTimes.presentMegabytes
        var times = BenchTimes()
        let heartbeat = Heartbeat()
        for step in 0...steps {
            try await times.measure {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (number, engine) in engines.enumerated() {
                        group.addTask { [batch] in
                            var generator = SeededGenerator(seed: UInt64(1000 * step + number))
                            let sequences = batch.sequences(vocabulary: vocabulary, using: &generator)
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
        result["tokens"] = "\(peers * batch.tokens)"
        result["mb_model"] = "\(before)"
        result["mb_peers_made"] = "\(waiting)"
        result["mb_after_training"] = "\(BenchTimes.presentMegabytes)"
        return result
    }
}
