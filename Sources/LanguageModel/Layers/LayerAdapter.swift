internal import Adapters
internal import LinearAlgebra

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
