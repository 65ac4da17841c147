import LinearAlgebra

/// All matrices of an engine but the weights and the adapter, cut from one arena and used again in every pass, and the
/// team that computes on them.
final class Workspace {
    /// The number of tokens that fit.
    let capacity: Int
    /// The longest sequence that fits.
    let longest: Int
    /// The threads that share every pass, the large products, and attention for each part.
    let team: ComputeTeam
    let products: WeightProducts
    let attention: [HeadAttention]
    /// Each part's gradients of keys and values [n, 2 kv].
    let keyValueGradients: [Matrix]
    /// What each layer keeps. Without a backward pass all layers share one entry; where memory is saved they share all
    /// but their inputs.
    let layers: [LayerActivations]
    /// The residual stream after the last layer, the wanted rows only.
    let final: Matrix
    /// The residual stream's gradient.
    let residualGradient: Matrix
    /// Normed values, and the gradient towards them.
    let normed: Matrix
    let normedGradient: Matrix
    /// The unit's product, and its gradient.
    let unit: Matrix
    let unitGradient: Matrix
    let gateUpGradient: Matrix
    let queryKeyValueGradient: Matrix
    let attendedGradient: Matrix
    /// The rows of the last layer's attention that are asked for.
    let wantedAttended: Matrix
    /// The gradient of the adapters' inner values.
    let uGradient: Matrix
    /// What dropout leaves of an input.
    let dropped: Matrix
    /// The gradient of one head's queries or keys before their norm.
    let headGradient: Matrix
    /// The output head's matrices.
    let head: HeadBuffers

    /// What a workspace is for.
    struct Plan {
        let capacity: Int
        let longest: Int
        let shape: ModelConfiguration
        /// The adapter's; nil without one.
        let innerWidths: [Int]?
        /// Whether there is a backward pass.
        let trains: Bool
        let options: EngineOptions

        /// The rows and columns of the matrices that all layers share.
        var shared: [(Int, Int)] {
            let ranks = innerWidths?.max() ?? 0
            let widest = max(shape.hiddenSize, shape.intermediateSize, shape.queryWidth)
            let backward = trains ? capacity : 0
            let dropped = innerWidths != nil && trains ? capacity : 0
            return [
                (capacity, shape.hiddenSize), (backward, shape.hiddenSize), (capacity, shape.hiddenSize),
                (backward, shape.hiddenSize), (capacity, shape.intermediateSize), (backward, shape.intermediateSize),
                (backward, 2 * shape.intermediateSize), (backward, shape.queryKeyValueWidth),
                (backward, shape.queryWidth), (backward, ranks), (dropped, widest), (capacity, shape.queryWidth),
                (backward, shape.hasQueryKeyNorm ? shape.headSize : 0),
            ]
        }

        /// The most values of a row that is packed.
        var packedWidth: Int {
            max(
                shape.hiddenSize, shape.queryWidth, shape.intermediateSize,
                trains ? max(2 * shape.intermediateSize, shape.queryKeyValueWidth) : 0,
                trains ? min(shape.vocabularySize, HeadBuffers.vocabularyBlock) : 0)
        }
    }

    /// The matrices of `plan`, for `team`.
    init(_ plan: Plan, team: ComputeTeam) {
        let (capacity, shape) = (plan.capacity, plan.shape)
        self.capacity = capacity
        longest = plan.longest
        self.team = team
        products = WeightProducts(
            team: team, precision: plan.options.precision, rows: capacity, inner: plan.packedWidth)
        attention = (0..<team.count).map { _ in
            HeadAttention(
                longest: plan.longest, headSize: shape.headSize, trains: plan.trains,
                precision: plan.options.precision)
        }
        let isSaving = plan.trains && plan.options.savesMemory
        let wholeLayers = plan.trains && !isSaving ? shape.layerCount : 1
        let inputs = isSaving ? shape.layerCount - 1 : 0
        let shareRows = plan.trains ? capacity : 0
        let size =
            wholeLayers * LayerActivations.size(rows: capacity, shape: shape, innerWidths: plan.innerWidths)
            + inputs * Arena.size(rows: capacity, columns: shape.hiddenSize)
            + plan.shared.reduce(0) { $0 + Arena.size(rows: $1.0, columns: $1.1) }
            + team.count * Arena.size(rows: shareRows, columns: 2 * shape.keyValueWidth)
            + HeadBuffers.size(rows: capacity, shape: shape)
        let arena = Arena(capacity: size)
        var layers = (0..<wholeLayers).map { _ in
            LayerActivations(rows: capacity, shape: shape, innerWidths: plan.innerWidths, arena: arena)
        }
        for _ in 0..<inputs {
            var layer = layers[0]
            layer.input = arena.matrix(rows: capacity, columns: shape.hiddenSize)
            layers.append(layer)
        }
        self.layers = layers
        keyValueGradients = (0..<team.count).map { _ in
            arena.matrix(rows: shareRows, columns: 2 * shape.keyValueWidth)
        }
        let cut = plan.shared.map { arena.matrix(rows: $0.0, columns: $0.1) }
        final = cut[0]
        residualGradient = cut[1]
        normed = cut[2]
        normedGradient = cut[3]
        unit = cut[4]
        unitGradient = cut[5]
        gateUpGradient = cut[6]
        queryKeyValueGradient = cut[7]
        attendedGradient = cut[8]
        uGradient = cut[9]
        dropped = cut[10]
        wantedAttended = cut[11]
        headGradient = cut[12]
        head = HeadBuffers(rows: capacity, shape: shape, arena: arena)
    }

    /// The activations of layer `index` for `count` tokens.
    func layer(_ index: Int, rows count: Int) -> LayerActivations {
        layers[layers.count == 1 ? 0 : index].prefix(count)
    }

    /// Packs some rows of `x` for a product with a weight; a single row is not packed.
    func pack(_ x: Matrix, rows: Range<Int>) {
        if x.rows > 1 { products.pack(x, rows: rows) }
    }

    /// output = base + x · weightᵀ, where `x` has been packed.
    func multiply(
        _ x: Matrix, by weight: FrozenMatrix, into output: Matrix, base: Matrix? = nil, bias: FrozenMatrix? = nil
    ) {
        if x.rows == 1 {
            products.multiplyRow(x, by: weight, into: output, base: base, bias: bias)
        } else {
            products.multiply(by: weight, .forward, into: output, base: base, bias: bias)
        }
    }

    /// What the adapters' passes need to know of some rows of part `part`.
    func own(_ part: Int, _ rows: Range<Int>, _ dropout: DropoutPlan?) -> LowRankGroup.Rows {
        LowRankGroup.Rows(
            part: part, first: rows.lowerBound, dropout: dropout,
            scratch: dropout == nil || dropped.rows == 0 ? dropped.rows(0..<0) : dropped.rows(rows))
    }

    /// Where the gradient of a group's inner values stands for some rows.
    func innerGradient(_ group: LowRankGroup, _ rows: Range<Int>) -> Matrix {
        uGradient.rows(rows).columns(0..<group.width)
    }
}
