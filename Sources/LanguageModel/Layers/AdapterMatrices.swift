internal import Adapters
internal import LinearAlgebra

/// The adapter in the layout the layers use, with its gradients.
final class AdapterMatrices {
    let schema: AdapterSchema
    let configuration: LoRAConfiguration
    let layers: [LayerAdapter]
    /// The columns that the inner values of each of a layer's four groups take: the most of any layer.
    let innerWidths: [Int]

    /// Matrices for an adapter of `model`, in memory of their own, with gradients for each of `parts`.
    init(model: ModelConfiguration, configuration: LoRAConfiguration, parts: Int) {
        let schema = AdapterSchema.lora(configuration: configuration, projections: model.projections)
        var offsets: [String: Int] = [:]
        for (tensor, offset) in zip(schema.tensors, schema.offsets) { offsets[tensor.name] = offset }
        let arena = Arena(
            capacity: (0..<model.layerCount).reduce(0) {
                $0 + LayerAdapter.size(layer: $1, configuration: configuration, shape: model, parts: parts)
            })
        let layers = (0..<model.layerCount).map {
            LayerAdapter(
                layer: $0, configuration: configuration, shape: model, offsets: offsets, parts: parts, arena: arena)
        }
        self.layers = layers
        innerWidths = (0..<4).map { group in layers.map { $0.groups[group].width }.max() ?? 0 }
        self.schema = schema
        self.configuration = configuration
    }

    /// Takes over the factors of a flat adapter.
    func load(_ values: [Float]) {
        precondition(values.count == schema.count, "an adapter has the length its schema says")
        forEachModule { group, module in
            group.a.rows(module.ranks).assign(values, from: module.aOffset)
            module.b.assignTransposed(values, from: module.bOffset)
        }
    }

    /// Sets all gradients to zero.
    func zeroGradients() {
        for layer in layers {
            for group in layer.groups {
                for gradient in group.aGradients { gradient.fill(0) }
                for module in group.modules { for gradient in module.bGradients { gradient.fill(0) } }
            }
        }
    }

    /// The gradients in the order of the flat adapter: the sums over all parts, in their order.
    func gradients() -> [Float] {
        var result = [Float](repeating: 0, count: schema.count)
        for layer in layers {
            for group in layer.groups where !group.modules.isEmpty {
                for part in group.aGradients.dropFirst() { group.aGradients[0].add(part) }
                for module in group.modules {
                    for part in module.bGradients.dropFirst() { module.bGradients[0].add(part) }
                    group.aGradients[0].rows(module.ranks).copy(into: &result, at: module.aOffset)
                    module.bGradients[0].copyTransposed(into: &result, at: module.bOffset)
                }
            }
        }
        return result
    }

    private func forEachModule(_ body: (LowRankGroup, LowRankGroup.Module) -> Void) {
        for layer in layers {
            for group in layer.groups {
                for module in group.modules { body(group, module) }
            }
        }
    }
}
