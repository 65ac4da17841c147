package import Adapters

extension ModelConfiguration {
    /// The width of all query heads together.
    package var queryWidth: Int { headCount * headSize }
    /// The width of all key heads, or of all value heads, together.
    package var keyValueWidth: Int { keyValueHeadCount * headSize }
    /// The width of queries, keys and values together.
    package var queryKeyValueWidth: Int { queryWidth + 2 * keyValueWidth }
    /// The width of the queries and keys that pass a norm of their own; zero where there is none.
    var normedWidth: Int { hasQueryKeyNorm ? queryWidth + keyValueWidth : 0 }

    /// The projections that can carry an adapter, layer by layer.
    package var projections: [LoRAProjection] {
        (0..<layerCount).flatMap { layer in
            linearTargets.map { target in
                LoRAProjection(
                    layer: layer, target: target, inputSize: inputSize(of: target), outputSize: outputSize(of: target))
            }
        }
    }

    /// The linear maps of each decoder layer: what `all-linear` means for this model.
    package var linearTargets: [LoRAConfiguration.Target] {
        fusesProjections
            ? [.queryKeyValue, .output, .gateUp, .down]
            : [.query, .key, .value, .output, .gate, .up, .down]
    }

    /// The width of a projection's input.
    package func inputSize(of target: LoRAConfiguration.Target) -> Int {
        switch target {
        case .query, .key, .value, .queryKeyValue, .gate, .up, .gateUp: hiddenSize
        case .output: queryWidth
        case .down: intermediateSize
        }
    }

    /// The width of a projection's output.
    package func outputSize(of target: LoRAConfiguration.Target) -> Int {
        switch target {
        case .query: queryWidth
        case .key, .value: keyValueWidth
        case .output, .down: hiddenSize
        case .gate, .up: intermediateSize
        case .queryKeyValue: queryKeyValueWidth
        case .gateUp: 2 * intermediateSize
        }
    }
}
