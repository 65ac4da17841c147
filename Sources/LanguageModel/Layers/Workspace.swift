import LinearAlgebra

/// All matrices of an engine but the weights and the adapter, cut from one arena and used again in every pass, and the
/// team that computes on them.
final class Workspace {
    /// What a workspace is for.
    struct Plan {
        /// The number of tokens that fit.
        let capacity: Int
        /// The longest sequence that fits.
        let longest: Int
        let shape: ModelConfiguration
        /// The ranks of the adapter's groups; nil without an adapter.
        let ranks: LoRAGroups<Int>?
        /// Whether there is a backward pass.
        let trains: Bool
        let options: EngineOptions

        /// The most values of a row that is packed: of any input of a large product, or any gradient of an output.
        fileprivate var packedWidth: Int {
            max(
                shape.hiddenSize, shape.queryWidth, shape.intermediateSize,
                trains ? max(2 * shape.intermediateSize, shape.queryKeyValueWidth) : 0,
                trains ? min(shape.vocabularySize, HeadBuffers.vocabularyBlock) : 0)
        }
    }

    /// What it is for.
    let plan: Plan
    /// The threads that share every pass.
    let team: ComputeTeam
    /// The products with weights.
    let products: WeightProducts
    /// Attention, for each part of the team.
    let attention: [HeadAttention]

    /// Each layer's activations. Without a backward pass all layers share one entry; where memory is saved they share all
    /// but their inputs.
    private let layers: [LayerActivations]
    /// Each part's gradients of keys and values [n, 2 kv].
    let keyValueGradients: [Matrix]
    /// The residual stream after the last layer, the wanted rows only [n, hidden].
    let final: Matrix
    /// The residual stream's gradient [n, hidden].
    let residualGradient: Matrix
    /// Normed values, which every norm overwrites, and the gradient towards them [n, hidden].
    let normed: Matrix
    let normedGradient: Matrix
    /// The SwiGLU unit's product, and its gradient [n, intermediate].
    let unit: Matrix
    let unitGradient: Matrix
    /// The gradients of gate and up [n, 2 intermediate], of queries, keys and values [n, q + 2 kv], and of the heads'
    /// outputs [n, q].
    let gateUpGradient: Matrix
    let queryKeyValueGradient: Matrix
    let attendedGradient: Matrix
    /// The gradient of the adapters' inner values [n, r].
    private let innerGradient: Matrix
    /// What dropout leaves of an input [n, the widest input].
    private let dropped: Matrix
    /// The rows of the last layer's attention that are asked for [n, q].
    let wantedAttended: Matrix
    /// The gradient of one head's queries or keys before their norm [n, head].
    let headGradient: Matrix
    /// The output head's matrices.
    let head: HeadBuffers

    /// A workspace for `plan` on `team`.
    static func make(_ plan: Plan, team: ComputeTeam) -> Workspace {
        let products = WeightProducts(
            team: team, precision: plan.options.precision, rows: plan.capacity, inner: plan.packedWidth)
        let attention = (0..<team.count).map { _ in
            HeadAttention(
                longest: plan.longest, headSize: plan.shape.headSize, trains: plan.trains,
                precision: plan.options.precision)
        }
        return Arena.planned { arena in
            Workspace(plan, team: team, products: products, attention: attention, arena: arena)
        }
    }

    private init(
        _ plan: Plan, team: ComputeTeam, products: WeightProducts, attention: [HeadAttention], arena: Arena
    ) {
        self.plan = plan
        self.team = team
        self.products = products
        self.attention = attention
        let shape = plan.shape
        let ranks = plan.ranks ?? LoRAGroups(queryKeyValue: 0, output: 0, gateUp: 0, down: 0)
        let isSaving = plan.trains && plan.options.savesMemory
        var layers = (0..<(plan.trains && !isSaving ? shape.layerCount : 1)).map { _ in
            LayerActivations(rows: plan.capacity, shape: shape, ranks: ranks, arena: arena)
        }
        for _ in 1..<(isSaving ? shape.layerCount : 1) {
            var layer = layers[0]
            layer.input = arena.matrix(rows: plan.capacity, columns: shape.hiddenSize)
            layers.append(layer)
        }
        self.layers = layers

        func matrix(_ columns: Int) -> Matrix { arena.matrix(rows: plan.capacity, columns: columns) }
        func gradient(_ columns: Int) -> Matrix {
            arena.matrix(rows: plan.trains ? plan.capacity : 0, columns: columns)
        }
        // Parts add at the same time, each to its own: `CausalAttention.gather` adds those up.
        keyValueGradients = (0..<team.count).map { _ in gradient(2 * shape.keyValueWidth) }
        final = matrix(shape.hiddenSize)
        residualGradient = gradient(shape.hiddenSize)
        normed = matrix(shape.hiddenSize)
        normedGradient = gradient(shape.hiddenSize)
        unit = matrix(shape.intermediateSize)
        unitGradient = gradient(shape.intermediateSize)
        gateUpGradient = gradient(2 * shape.intermediateSize)
        queryKeyValueGradient = gradient(shape.queryKeyValueWidth)
        attendedGradient = gradient(shape.queryWidth)
        innerGradient = gradient(ranks.all.max() ?? 0)
        let widest = max(shape.hiddenSize, shape.intermediateSize, shape.queryWidth)
        dropped = arena.matrix(rows: plan.ranks != nil && plan.trains ? plan.capacity : 0, columns: widest)
        wantedAttended = matrix(shape.queryWidth)
        headGradient = gradient(shape.hasQueryKeyNorm ? shape.headSize : 0)
        head = HeadBuffers(rows: plan.capacity, shape: shape, arena: arena)
    }

    /// The activations of layer `index` for `count` tokens.
    func activations(layer index: Int, rows count: Int) -> LayerActivations {
        layers[layers.count == 1 ? 0 : index].firstRows(count)
    }

    /// What the adapters' steps need to know of some rows of part `part`.
    func adapterRows(_ part: Int, _ rows: Range<Int>, _ dropout: DropoutPlan?) -> LowRankGroup.Rows {
        LowRankGroup.Rows(
            part: part, first: rows.lowerBound, dropout: dropout,
            scratch: dropout == nil || dropped.rows == 0 ? dropped.rows(0..<0) : dropped.rows(rows))
    }

    /// Where the gradient of a group's inner values stands for some rows.
    func innerGradient(_ group: LowRankGroup, _ rows: Range<Int>) -> Matrix {
        innerGradient.rows(rows).columns(0..<group.totalRank)
    }
}
