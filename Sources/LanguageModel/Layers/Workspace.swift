internal import Adapters
internal import LinearAlgebra

/// All matrices of an engine but the weights and the adapter, cut from one arena and used again in every pass.
final class Workspace {
    /// The number of tokens that fit.
    let capacity: Int
    /// The longest sequence that fits.
    let longest: Int
    /// What each layer keeps. Without a backward pass all layers share one entry.
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
    /// A block of attention scores and its gradient; reshaped for each block.
    let scores: Matrix
    let scoresGradient: Matrix
    let rowSums: Matrix
    /// The gradient of one head's queries or keys before their norm.
    let headGradient: Matrix
    /// The output head's matrices.
    let head: HeadBuffers

    /// Query rows of one block of attention scores.
    static let blockRows = 128

    /// Matrices for `capacity` tokens with sequences of at most `longest`; `innerWidths` is the adapter's.
    init(
        capacity: Int, longest: Int, shape: ModelConfiguration, innerWidths: [Int]?, keepsLayers: Bool
    ) {
        self.capacity = capacity
        self.longest = longest
        let ranks = innerWidths?.max() ?? 0
        let widest = max(shape.hiddenSize, shape.intermediateSize, shape.queryWidth)
        let layerCount = keepsLayers ? shape.layerCount : 1
        let backwardRows = keepsLayers ? capacity : 0
        let droppedRows = innerWidths != nil && keepsLayers ? capacity : 0
        let block = min(Self.blockRows, longest)
        let plan: [(Int, Int)] = [
            (capacity, shape.hiddenSize), (backwardRows, shape.hiddenSize), (capacity, shape.hiddenSize),
            (backwardRows, shape.hiddenSize), (capacity, shape.intermediateSize),
            (backwardRows, shape.intermediateSize), (backwardRows, 2 * shape.intermediateSize),
            (backwardRows, shape.queryKeyValueWidth), (backwardRows, shape.queryWidth), (backwardRows, ranks),
            (droppedRows, widest), (capacity, shape.queryWidth), (block, longest), (keepsLayers ? block : 0, longest),
            (block, 1), (backwardRows, shape.hasQueryKeyNorm ? shape.headSize : 0),
        ]
        let layerSize = LayerActivations.size(rows: capacity, shape: shape, innerWidths: innerWidths)
        let shared = plan.reduce(0) { $0 + Arena.size(rows: $1.0, columns: $1.1) }
        let arena = Arena(
            capacity: layerCount * layerSize + shared + HeadBuffers.size(rows: capacity, shape: shape))
        layers = (0..<layerCount).map { _ in
            LayerActivations(rows: capacity, shape: shape, innerWidths: innerWidths, arena: arena)
        }
        let cut = plan.map { arena.matrix(rows: $0.0, columns: $0.1) }
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
        scores = cut[12]
        scoresGradient = cut[13]
        rowSums = cut[14]
        headGradient = cut[15]
        head = HeadBuffers(rows: capacity, shape: shape, arena: arena)
    }

    /// The activations of layer `index` for `count` tokens.
    func layer(_ index: Int, rows count: Int) -> LayerActivations {
        layers[layers.count == 1 ? 0 : index].prefix(count)
    }

    /// `dropped` in the shape [rows, columns].
    func scratch(rows: Int, columns: Int) -> Matrix {
        dropped.rows == 0 ? dropped.columns(0..<0) : dropped.reshaped(rows: rows, columns: columns)
    }
}
