import Adapters
import Basics
import LinearAlgebra

/// One thing for each group of a layer's LoRA modules. The modules of a group read the same input.
struct LoRAGroups<Element> {
    /// q, k and v: they read the normed input of attention.
    var queryKeyValue: Element
    /// o: it reads what the heads gave.
    var output: Element
    /// gate and up: they read the normed input of the SwiGLU block.
    var gateUp: Element
    /// down: it reads the unit's product.
    var down: Element

    /// All four, in the order in which the forward pass comes to them.
    var all: [Element] { [queryKeyValue, output, gateUp, down] }

    /// What `transform` makes of each.
    func map<Result>(_ transform: (Element) -> Result) -> LoRAGroups<Result> {
        LoRAGroups<Result>(
            queryKeyValue: transform(queryKeyValue), output: transform(output), gateUp: transform(gateUp),
            down: transform(down))
    }
}

/// The LoRA modules of one decoder layer.
struct LayerAdapter {
    let groups: LoRAGroups<LowRankGroup>

    /// Cuts the matrices of layer `layer` from `arena`; `offsets` gives each factor's place by name.
    init(
        layer: Int, configuration: LoRAConfiguration, shape: ModelConfiguration, offsets: [String: Int], parts: Int,
        arena: Arena
    ) {
        groups = Self.places(layer: layer, shape: shape).map {
            LowRankGroup(places: $0, configuration: configuration, offsets: offsets, parts: parts, arena: arena)
        }
    }

    /// The projections of each group, and where their outputs begin in the joint output of the group.
    private static func places(layer: Int, shape: ModelConfiguration) -> LoRAGroups<[LowRankGroup.Place]> {
        func place(_ target: LoRAConfiguration.Target, at outputStart: Int = 0) -> LowRankGroup.Place {
            LowRankGroup.Place(
                projection: LoRAProjection(
                    layer: layer, target: target, inputSize: shape.inputSize(of: target),
                    outputSize: shape.outputSize(of: target)),
                outputStart: outputStart)
        }
        if shape.fusesProjections {
            return LoRAGroups(
                queryKeyValue: [place(.queryKeyValue)], output: [place(.output)], gateUp: [place(.gateUp)],
                down: [place(.down)])
        }
        return LoRAGroups(
            queryKeyValue: [
                place(.query), place(.key, at: shape.queryWidth),
                place(.value, at: shape.queryWidth + shape.keyValueWidth),
            ],
            output: [place(.output)],
            gateUp: [place(.gate), place(.up, at: shape.intermediateSize)],
            down: [place(.down)])
    }

    /// Whether attention has a module.
    var adaptsAttention: Bool { !groups.queryKeyValue.isEmpty || !groups.output.isEmpty }
    /// Whether the SwiGLU block has a module.
    var adaptsFeedForward: Bool { !groups.gateUp.isEmpty || !groups.down.isEmpty }
}

/// The adapter in the layout the layers use, with its gradients.
final class AdapterMatrices {
    let schema: AdapterSchema
    let layers: [LayerAdapter]
    /// The ranks of each group's modules together: the most of any layer.
    let ranks: LoRAGroups<Int>

    /// Matrices for an adapter of `model`, in memory of their own, with gradients for each of `parts`.
    init(model: ModelConfiguration, configuration: LoRAConfiguration, parts: Int) {
        let schema = AdapterSchema.lora(configuration: configuration, projections: model.projections)
        var offsets: [String: Int] = [:]
        for (tensor, offset) in zip(schema.tensors, schema.offsets) { offsets[tensor.name] = offset }
        let layers = Arena.planned { arena in
            (0..<model.layerCount).map {
                LayerAdapter(
                    layer: $0, configuration: configuration, shape: model, offsets: offsets, parts: parts,
                    arena: arena)
            }
        }
        func most(_ group: KeyPath<LoRAGroups<LowRankGroup>, LowRankGroup>) -> Int {
            layers.map { $0.groups[keyPath: group].totalRank }.max() ?? 0
        }
        ranks = LoRAGroups(
            queryKeyValue: most(\.queryKeyValue), output: most(\.output), gateUp: most(\.gateUp), down: most(\.down))
        self.layers = layers
        self.schema = schema
    }

    /// Flat adapter [schema.count] -> the factors of all layers.
    func load(_ values: [Float]) {
        precondition(values.count == schema.count, "an adapter has the length its schema says")
        for group in layers.flatMap(\.groups.all) {
            for module in group.modules {
                group.a.rows(module.ranks).assign(values, from: module.aOffset)
                module.b.assignTransposed(values, from: module.bOffset)
            }
        }
    }

    /// Sets all gradients to zero.
    func zeroGradients() {
        for group in layers.flatMap(\.groups.all) {
            for gradient in group.aGradients { gradient.fill(0) }
            for module in group.modules { for gradient in module.bGradients { gradient.fill(0) } }
        }
    }

    /// The gradients of all layers -> flat gradient [schema.count]: the sums over all parts, in the parts' order, so that
    /// the result does not depend on which part was done first.
    func gradients() -> [Float] {
        var result = [Float](repeating: 0, count: schema.count)
        for group in layers.flatMap(\.groups.all) where !group.isEmpty {
            for part in group.aGradients.dropFirst() { group.aGradients[0].add(part) }
            for module in group.modules {
                for part in module.bGradients.dropFirst() { module.bGradients[0].add(part) }
                group.aGradients[0].rows(module.ranks).copy(into: &result, at: module.aOffset)
                module.bGradients[0].copyTransposed(into: &result, at: module.bOffset)
            }
        }
        return result
    }
}
