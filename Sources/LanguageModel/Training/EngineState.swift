internal import Adapters
internal import LinearAlgebra

/// The mutable part of an engine: adapter, workspace and rotary table, used by one caller at a time.
final class EngineState {
    let model: BaseModel
    let adapter: AdapterMatrices?
    private let keepsLayers: Bool
    private var workspace: Workspace
    private let rotary: RotaryTables

    /// State for passes of `capacity` tokens; grows when a sequence is longer.
    init(model: BaseModel, lora: LoRAConfiguration?, capacity: Int, keepsLayers: Bool) {
        self.model = model
        self.keepsLayers = keepsLayers
        adapter = lora.map { AdapterMatrices(model: model.configuration, configuration: $0) }
        workspace = Workspace(
            capacity: capacity, longest: min(capacity, 512), shape: model.configuration,
            innerWidths: adapter?.innerWidths, keepsLayers: keepsLayers)
        rotary = RotaryTables(model.configuration, positions: min(capacity, 512))
    }

    /// Makes room for `tokens` tokens in a pass, with positions below `positions`.
    private func reserve(tokens: Int, positions: Int) {
        guard tokens > workspace.capacity || positions > workspace.longest else { return }
        workspace = Workspace(
            capacity: max(tokens, workspace.capacity),
            longest: positions > workspace.longest ? max(positions, 2 * workspace.longest) : workspace.longest,
            shape: model.configuration, innerWidths: adapter?.innerWidths, keepsLayers: keepsLayers)
    }

    /// The forward pass of a batch up to the final residual stream of the `wanted` rows, or of those that carry loss.
    func forward(_ batch: PackedBatch, dropout: DropoutPlan?, wanted: [Int32]? = nil) -> PassContext {
        let longest = batch.ranges.map(\.count).max() ?? 0
        return forward(
            tokens: batch.tokens, positions: batch.positions, ranges: batch.ranges, longest: longest,
            rotations: rotary.rotations(of: batch.ranges), wanted: wanted ?? batch.lossRows, dropout: dropout,
            caches: nil)
    }

    /// The forward pass of the tokens that continue a cached sequence from `position` on; only the last is wanted.
    /// `length` is that of the whole sequence that is read, where these tokens are a part of it.
    func forward(
        continuing tokens: [Int32], at position: Int, length: Int? = nil, caches: [LayerCache]
    ) -> PassContext {
        let end = position + tokens.count
        let rotation = rotary.rotation(rows: 0..<tokens.count, positions: position..<end, length: length ?? end)
        return forward(
            tokens: tokens, positions: (position..<end).map(Int32.init), ranges: [0..<tokens.count], longest: end,
            rotations: [rotation], wanted: [Int32(tokens.count - 1)], dropout: nil, caches: caches)
    }

    private func forward(
        tokens: [Int32], positions: [Int32], ranges: [Range<Int>], longest: Int,
        rotations: [(rows: Range<Int>, table: RotaryTable)], wanted: [Int32], dropout: DropoutPlan?,
        caches: [LayerCache]?
    ) -> PassContext {
        reserve(tokens: tokens.count, positions: longest)
        let context = PassContext(
            shape: model.configuration, workspace: workspace, rotations: rotations, positions: positions,
            ranges: ranges, wanted: wanted, dropout: dropout)
        let n = tokens.count
        model.embedding.copyRows(tokens, into: workspace.layer(0, rows: n).input)
        for (index, weights) in model.layers.enumerated() {
            let kept = workspace.layer(index, rows: n)
            let layerAdapter = adapter?.layers[index]
            let isLast = index + 1 == model.layers.count
            attention(index, context).forward(kept, cache: caches?[index])
            let rows = isLast ? wanted.count : n
            let output = isLast ? workspace.final.rows(0..<rows) : workspace.layer(index + 1, rows: n).input
            FeedForwardLayer(weights: weights, adapter: layerAdapter, context: context, rows: rows)
                .forward(kept, output: output)
        }
        return context
    }

    /// The backward pass from the residual gradient that the head left; adds to the adapters' gradients.
    func backward(_ context: PassContext) {
        guard let adapter else { return }
        // Below the lowest layer with a module nothing needs a gradient.
        guard let lowest = adapter.layers.firstIndex(where: { $0.adaptsAttention || $0.adaptsFeedForward }) else {
            return
        }
        for index in (lowest..<model.layers.count).reversed() {
            let kept = workspace.layer(index, rows: context.rows)
            let weights = model.layers[index]
            let isLowest = index == lowest
            let isLast = index + 1 == model.layers.count
            let rows = isLast ? context.wanted.count : context.rows
            FeedForwardLayer(weights: weights, adapter: adapter.layers[index], context: context, rows: rows)
                .backward(kept, stops: isLowest && !adapter.layers[index].adaptsAttention)
            attention(index, context).backward(kept, isLowest: isLowest)
        }
    }

    /// The attention of layer `index` in a pass.
    private func attention(_ index: Int, _ context: PassContext) -> AttentionLayer {
        AttentionLayer(
            weights: model.layers[index], adapter: adapter?.layers[index], context: context,
            isLast: index + 1 == model.layers.count, window: model.configuration.attentionWindow(layer: index))
    }

    /// The losses of a batch whose forward pass has just run.
    func losses(_ batch: PackedBatch, gradientScale: Float) -> [Float] {
        OutputHead(model: model, workspace: workspace).losses(batch, gradientScale: gradientScale)
    }

    /// The logits of the first wanted row of the forward pass that has just run.
    func logits() -> [Float] {
        OutputHead(model: model, workspace: workspace).logits()
    }
}
