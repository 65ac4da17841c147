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
        layer: Int, configuration: LoRAConfiguration, shape: ModelConfiguration, offsets: [String: Int], arena: Arena
    ) {
        func group(_ targets: [(target: LoRAConfiguration.Target, outputStart: Int)]) -> LowRankGroup {
            LowRankGroup(
                layer: layer, targets: targets, configuration: configuration, shape: shape, offsets: offsets,
                arena: arena)
        }
        queryKeyValue = group([
            (.query, 0), (.key, shape.queryWidth), (.value, shape.queryWidth + shape.keyValueWidth),
        ])
        output = group([(.output, 0)])
        gateUp = group([(.gate, 0), (.up, shape.intermediateSize)])
        down = group([(.down, 0)])
    }

    /// The floats that `init` takes from the arena.
    static func size(configuration: LoRAConfiguration, shape: ModelConfiguration) -> Int {
        [[.query, .key, .value], [.output], [.gate, .up], [.down]].reduce(0) {
            $0 + LowRankGroup.size(targets: $1, configuration: configuration, shape: shape)
        }
    }

    /// All groups.
    var groups: [LowRankGroup] { [queryKeyValue, output, gateUp, down] }
}
