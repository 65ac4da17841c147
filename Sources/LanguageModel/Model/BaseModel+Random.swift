import Basics
package import LinearAlgebra

extension BaseModel {
    /// A model with random weights, for tests and measurements: near normal with the given deviation (twice that for the
    /// embedding and the head), norms near one. It predicts nothing.
    package convenience init(
        configuration: ModelConfiguration, randomSeed: UInt64, deviation: Double = 0.08,
        storage: WeightStorage = .float32
    ) {
        var generator = SeededGenerator(seed: randomSeed, label: "random base model")
        func values(_ count: Int, mean: Double = 0, deviation: Double) -> [Float] {
            Self.nearNormal(count, mean: Float(mean), deviation: Float(deviation), using: &generator)
        }
        func weight(_ rows: Int, _ columns: Int, deviation: Double) -> FrozenMatrix {
            FrozenMatrix(columns: columns, parts: [values(rows * columns, deviation: deviation)], storage: storage)
        }
        func norm(_ count: Int) -> FrozenMatrix { FrozenMatrix(row: values(count, mean: 1, deviation: 0.1)) }
        let shape = configuration
        let hidden = shape.hiddenSize
        let embedding = weight(shape.vocabularySize, hidden, deviation: 2 * deviation)
        let layers = (0..<shape.layerCount).map { _ in
            LayerWeights(
                attentionNorm: norm(hidden),
                queryKeyValue: weight(shape.queryKeyValueWidth, hidden, deviation: deviation),
                queryKeyValueBias: shape.hasQKVBias
                    ? FrozenMatrix(row: values(shape.queryKeyValueWidth, deviation: deviation)) : nil,
                queryNorm: shape.hasQueryKeyNorm ? norm(shape.headSize) : nil,
                keyNorm: shape.hasQueryKeyNorm ? norm(shape.headSize) : nil,
                output: weight(hidden, shape.queryWidth, deviation: deviation), feedForwardNorm: norm(hidden),
                gateUp: weight(2 * shape.intermediateSize, hidden, deviation: deviation),
                down: weight(hidden, shape.intermediateSize, deviation: deviation))
        }
        let finalNorm = norm(hidden)
        let head = shape.tiesEmbeddings ? embedding : weight(shape.vocabularySize, hidden, deviation: 2 * deviation)
        self.init(
            configuration: shape, path: nil, endOfSequence: [], embedding: embedding, layers: layers,
            finalNorm: finalNorm, head: head)
    }

    /// Sums of four uniform values, which is near enough to a normal distribution and quick.
    private static func nearNormal(
        _ count: Int, mean: Float, deviation: Float, using generator: inout SeededGenerator
    ) -> [Float] {
        // Four uniform values below 65,536 sum to 131,070 on average, with a deviation of 65,536 / sqrt(3).
        let scale = deviation * Float(3.0.squareRoot() / 65_536)
        return (0..<count).map { _ in
            let bits = generator.next()
            let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)
            return mean + scale * (Float(sum) - 131_070)
        }
    }
}
