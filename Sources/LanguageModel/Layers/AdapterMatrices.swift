internal import Adapters
internal import LinearAlgebra

/// The adapter in the layout the layers use, with its gradients.
final class AdapterMatrices {
    let schema: AdapterSchema
    let configuration: LoRAConfiguration
    let layers: [LayerAdapter]
    /// The columns that the inner values of each of a layer's four groups take: the most of any layer.
    let innerWidths: [Int]

    /// Matrices for an adapter of `model`, in memory of their own.
    init(model: ModelConfiguration, configuration: LoRAConfiguration) {
        let schema = AdapterSchema.lora(configuration: configuration, projections: model.projections)
        var offsets: [String: Int] = [:]
        for (tensor, offset) in zip(schema.tensors, schema.offsets) { offsets[tensor.name] = offset }
        let arena = Arena(
            capacity: (0..<model.layerCount).reduce(0) {
                $0 + LayerAdapter.size(layer: $1, configuration: configuration, shape: model)
            })
        let layers = (0..<model.layerCount).map {
            LayerAdapter(layer: $0, configuration: configuration, shape: model, offsets: offsets, arena: arena)
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
            module.b.assign(values, from: module.bOffset)
        }
    }

    /// Sets all gradients to zero.
    func zeroGradients() {
        forEachModule { group, module in
            group.aGradient.rows(module.ranks).fill(0)
            module.bGradient.fill(0)
        }
    }

    /// The gradients in the order of the flat adapter.
    func gradients() -> [Float] {
        var result = [Float](repeating: 0, count: schema.count)
        forEachModule { group, module in
            group.aGradient.rows(module.ranks).copy(into: &result, at: module.aOffset)
            module.bGradient.copy(into: &result, at: module.bOffset)
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
