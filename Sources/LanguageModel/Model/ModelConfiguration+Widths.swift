package import Adapters

extension ModelConfiguration {
    /// The width of all query heads together.
    package var queryWidth: Int { headCount * headSize }
    /// The width of all key heads, or of all value heads, together.
    package var keyValueWidth: Int { keyValueHeadCount * headSize }
    /// The width of queries, keys and values together.
    package var queryKeyValueWidth: Int { queryWidth + 2 * keyValueWidth }

    /// The projections that can carry an adapter, layer by layer.
    package var projections: [LoRAProjection] {
        (0..<layerCount).flatMap { layer in
            LoRAConfiguration.Target.allCases.map { target in
                LoRAProjection(
                    layer: layer, target: target, inputSize: inputSize(of: target), outputSize: outputSize(of: target))
            }
        }
    }

    /// The width of a projection's input.
    package func inputSize(of target: LoRAConfiguration.Target) -> Int {
        switch target {
        case .query, .key, .value, .gate, .up: hiddenSize
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
        }
    }
}
