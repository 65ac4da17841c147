package import Adapters
import Basics
import LinearAlgebra

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

/// The LoRA modules of one decoder layer, by the input they read.
struct LayerAdapter {
    /// q, k and v: they read the normed input of attention.
    let queryKeyValue: LowRankGroup
    /// o: it reads what the heads gave.
    let output: LowRankGroup
    /// gate and up: they read the normed input of the SwiGLU block.
    let gateUp: LowRankGroup
    /// down: it reads the unit's product.
    let down: LowRankGroup

    /// Cuts the matrices of layer `layer` from `arena`; `offsets` gives each factor's place by name.
    init(
        layer: Int, configuration: LoRAConfiguration, shape: ModelConfiguration, offsets: [String: Int], parts: Int,
        arena: Arena
    ) {
        let groups = Self.places(layer: layer, shape: shape).map {
            LowRankGroup(places: $0, configuration: configuration, offsets: offsets, parts: parts, arena: arena)
        }
        queryKeyValue = groups[0]
        output = groups[1]
        gateUp = groups[2]
        down = groups[3]
    }

    /// The projections of each of the four groups, and where their outputs begin.
    private static func places(layer: Int, shape: ModelConfiguration) -> [[LowRankGroup.Place]] {
        func place(_ target: LoRAConfiguration.Target, _ outputStart: Int = 0) -> LowRankGroup.Place {
            LowRankGroup.Place(
                projection: LoRAProjection(
                    layer: layer, target: target, inputSize: shape.inputSize(of: target),
                    outputSize: shape.outputSize(of: target)),
                outputStart: outputStart)
        }
        if shape.fusesProjections {
            return [[place(.queryKeyValue)], [place(.output)], [place(.gateUp)], [place(.down)]]
        }
        return [
            [place(.query), place(.key, shape.queryWidth), place(.value, shape.queryWidth + shape.keyValueWidth)],
            [place(.output)], [place(.gate), place(.up, shape.intermediateSize)], [place(.down)],
        ]
    }

    /// The floats that `init` takes from the arena.
    static func size(layer: Int, configuration: LoRAConfiguration, shape: ModelConfiguration, parts: Int) -> Int {
        places(layer: layer, shape: shape).reduce(0) {
            $0 + LowRankGroup.size(places: $1, configuration: configuration, parts: parts)
        }
    }

    /// All groups.
    var groups: [LowRankGroup] { [queryKeyValue, output, gateUp, down] }

    /// Whether attention, and whether the SwiGLU block, has a module.
    var adaptsAttention: Bool { !queryKeyValue.modules.isEmpty || !output.modules.isEmpty }
    var adaptsFeedForward: Bool { !gateUp.modules.isEmpty || !down.modules.isEmpty }
}

/// The adapter that every peer of a swarm starts from.
package enum SeedAdapter {
    /// The values for `schema`, drawn from `seed`: A uniform in ±1 / sqrt(inputs), which is PEFT's Kaiming
    /// initialisation with a = sqrt(5); B zero, so that the adapter changes nothing at first.
    ///
    /// Each tensor has a generator of its own, so that its values do not depend on which other tensors there are.
    package static func values(schema: AdapterSchema, seed: UInt64) -> [Float] {
        var values = [Float](repeating: 0, count: schema.count)
        for (index, tensor) in schema.tensors.enumerated() where tensor.name.hasSuffix(".lora_A.weight") {
            var generator = SeededGenerator(seed: seed, label: tensor.name)
            let bound = 1 / Double(tensor.columns).squareRoot()
            for position in schema.range(of: index) {
                values[position] = Float((2 * generator.uniform() - 1) * bound)
            }
        }
        return values
    }
}
