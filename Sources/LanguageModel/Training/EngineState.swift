internal import Adapters
internal import LinearAlgebra

/// The mutable part of an engine: adapter, workspace and rotary table, used by one caller at a time.
final class EngineState {
    let model: BaseModel
    let adapter: AdapterMatrices?
    private let keepsLayers: Bool
    private var workspace: Workspace
    private var rotary: RotaryTable

    /// State for passes of `capacity` tokens; grows when a sequence is longer.
    init(model: BaseModel, lora: LoRAConfiguration?, capacity: Int, keepsLayers: Bool) {
        self.model = model
        self.keepsLayers = keepsLayers
        adapter = lora.map { AdapterMatrices(model: model.configuration, configuration: $0) }
        workspace = Workspace(
            capacity: capacity, longest: min(capacity, 512), shape: model.configuration,
            adapter: adapter?.layers.first, keepsLayers: keepsLayers)
        rotary = RotaryTable(
            positions: min(capacity, 512), headSize: model.configuration.headSize,
            base: model.configuration.ropeBase)
    }

    /// Makes room for `tokens` tokens in a pass, with positions below `positions`.
    private func reserve(tokens: Int, positions: Int) {
        if positions > rotary.positions {
            rotary = RotaryTable(
                positions: max(positions, 2 * rotary.positions), headSize: model.configuration.headSize,
                base: model.configuration.ropeBase)
        }
        if tokens > workspace.capacity || positions > workspace.longest {
            workspace = Workspace(
                capacity: max(tokens, workspace.capacity), longest: max(positions, workspace.longest),
                shape: model.configuration, adapter: adapter?.layers.first, keepsLayers: keepsLayers)
        }
    }

    /// The forward pass of a batch up to the final residual stream.
    func forward(_ batch: PackedBatch, dropout: DropoutPlan?) -> PassContext {
        let longest = batch.ranges.map(\.count).max() ?? 0
        return forward(
            tokens: batch.tokens, positions: batch.positions, ranges: batch.ranges, longest: longest,
            dropout: dropout, caches: nil)
    }

    /// The forward pass of the tokens that continue a cached sequence from `position` on.
    func forward(continuing tokens: [Int32], at position: Int, caches: [LayerCache]) -> PassContext {
        let end = position + tokens.count
        return forward(
            tokens: tokens, positions: (position..<end).map(Int32.init), ranges: [0..<tokens.count], longest: end,
            dropout: nil, caches: caches)
    }

    private func forward(
        tokens: [Int32], positions: [Int32], ranges: [Range<Int>], longest: Int, dropout: DropoutPlan?,
        caches: [LayerCache]?
    ) -> PassContext {
        reserve(tokens: tokens.count, positions: longest)
        let context = PassContext(
            shape: model.configuration, workspace: workspace, rotary: rotary, positions: positions, ranges: ranges,
            dropout: dropout)
        let n = tokens.count
        model.embedding.copyRows(tokens, into: workspace.layer(0, rows: n).input)
        for (index, weights) in model.layers.enumerated() {
            let kept = workspace.layer(index, rows: n)
            let layerAdapter = adapter?.layers[index]
            AttentionLayer(weights: weights, adapter: layerAdapter, context: context)
                .forward(kept, cache: caches?[index])
            let isLast = index + 1 == model.layers.count
            let output = isLast ? workspace.final.rows(0..<n) : workspace.layer(index + 1, rows: n).input
            FeedForwardLayer(weights: weights, adapter: layerAdapter, context: context).forward(kept, output: output)
        }
        return context
    }

    /// The backward pass from the residual gradient that the head left; adds to the adapters' gradients.
    func backward(_ context: PassContext) {
        guard let adapter else { return }
        let attentionTargets: Set<LoRAConfiguration.Target> = [.query, .key, .value, .output]
        let trainsAttention = !adapter.configuration.targets.isDisjoint(with: attentionTargets)
        for index in model.layers.indices.reversed() {
            let kept = workspace.layer(index, rows: context.rows)
            let weights = model.layers[index]
            let isLowest = index == 0
            FeedForwardLayer(weights: weights, adapter: adapter.layers[index], context: context)
                .backward(kept, stops: isLowest && !trainsAttention)
            AttentionLayer(weights: weights, adapter: adapter.layers[index], context: context)
                .backward(kept, isLowest: isLowest)
        }
    }

    /// The losses of a batch whose forward pass has just run.
    func losses(_ batch: PackedBatch, gradientScale: Float) -> [Float] {
        OutputHead(model: model, workspace: workspace).losses(batch, gradientScale: gradientScale)
    }

    /// The logits of row `row` of the forward pass that has just run.
    func logits(row: Int) -> [Float] {
        OutputHead(model: model, workspace: workspace).logits(row: row)
    }
}
