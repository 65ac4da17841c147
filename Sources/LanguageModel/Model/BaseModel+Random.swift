internal import LinearAlgebra

extension BaseModel {
    /// A model with random weights, for tests and measurements: normal with the given deviation (twice that for the
    /// embedding and the head), norms near one. It predicts nothing.
    package convenience init(configuration: ModelConfiguration, randomSeed: UInt64, deviation: Double = 0.08) {
        var generator = SeededGenerator(seed: randomSeed, label: "random base model")
        func normal(_ count: Int, mean: Double = 0, deviation: Double) -> [Float] {
            (0..<count).map { _ in Float(mean + deviation * generator.normal()) }
        }
        let hidden = configuration.hiddenSize
        let vocabulary = configuration.vocabularySize
        let embedding = FrozenMatrix(
            columns: hidden, parts: [normal(vocabulary * hidden, deviation: 2 * deviation)])
        let layers = (0..<configuration.layerCount).map { _ in
            LayerWeights(
                attentionNorm: FrozenMatrix(row: normal(hidden, mean: 1, deviation: 0.1)),
                queryKeyValue: FrozenMatrix(
                    columns: hidden,
                    parts: [normal(configuration.queryKeyValueWidth * hidden, deviation: deviation)]),
                queryKeyValueBias: configuration.hasQKVBias
                    ? FrozenMatrix(row: normal(configuration.queryKeyValueWidth, deviation: deviation)) : nil,
                queryNorm: configuration.hasQueryKeyNorm
                    ? FrozenMatrix(row: normal(configuration.headSize, mean: 1, deviation: 0.1)) : nil,
                keyNorm: configuration.hasQueryKeyNorm
                    ? FrozenMatrix(row: normal(configuration.headSize, mean: 1, deviation: 0.1)) : nil,
                output: FrozenMatrix(
                    columns: configuration.queryWidth,
                    parts: [normal(configuration.queryWidth * hidden, deviation: deviation)]),
                feedForwardNorm: FrozenMatrix(row: normal(hidden, mean: 1, deviation: 0.1)),
                gateUp: FrozenMatrix(
                    columns: hidden, parts: [normal(2 * configuration.intermediateSize * hidden, deviation: deviation)]),
                down: FrozenMatrix(
                    columns: configuration.intermediateSize,
                    parts: [normal(configuration.intermediateSize * hidden, deviation: deviation)]))
        }
        let finalNorm = FrozenMatrix(row: normal(hidden, mean: 1, deviation: 0.1))
        let head =
            configuration.tiesEmbeddings
            ? embedding
            : FrozenMatrix(columns: hidden, parts: [normal(vocabulary * hidden, deviation: 2 * deviation)])
        self.init(
            configuration: configuration, path: nil, endOfSequence: [], embedding: embedding, layers: layers,
            finalNorm: finalNorm, head: head)
    }
}
