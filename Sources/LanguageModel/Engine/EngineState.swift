import Adapters
import LinearAlgebra
import Synchronization

/// The mutable part of an engine: adapter, workspace and rotary tables.
// @unchecked: a state belongs to whoever took it from the pool, one caller at a time; nothing else refers to it.
final class EngineState: @unchecked Sendable {
    let model: BaseModel
    let adapter: AdapterMatrices?
    private let lora: LoRAConfiguration?
    private let options: EngineOptions
    private let trains: Bool
    private let team: ComputeTeam
    private var workspace: Workspace
    private let rotary: RotaryTables

    /// State for passes of `capacity` tokens; grows when a sequence is longer.
    init(model: BaseModel, lora: LoRAConfiguration?, capacity: Int, trains: Bool, options: EngineOptions) {
        self.model = model
        self.lora = lora
        self.trains = trains
        self.options = options
        let team = ComputeTeam(count: options.threads)
        self.team = team
        adapter = lora.map {
            AdapterMatrices(model: model.configuration, configuration: $0, parts: trains ? team.count : 0)
        }
        workspace = Workspace.make(
            Workspace.Plan(
                capacity: capacity, longest: min(capacity, 512), shape: model.configuration,
                ranks: adapter?.ranks, trains: trains, options: options),
            team: team)
        rotary = RotaryTables(model.configuration, positions: min(capacity, 512))
    }

    /// Makes room for `tokens` tokens in a pass, with positions below `positions`.
    private func reserve(tokens: Int, positions: Int) {
        guard tokens > workspace.plan.capacity || positions > workspace.plan.longest else { return }
        workspace = Workspace.make(
            Workspace.Plan(
                capacity: max(tokens, workspace.plan.capacity),
                // Doubled, so that a generation that grows by a token does not make a new workspace for each.
                longest: positions > workspace.plan.longest
                    ? max(positions, 2 * workspace.plan.longest) : workspace.plan.longest,
                shape: model.configuration, ranks: adapter?.ranks, trains: trains, options: options),
            team: team)
    }

    /// The forward pass of a batch up to the final residual stream of the `wanted` rows, or of those that carry loss.
    func forward(_ batch: PackedBatch, dropout: DropoutPlan?, wanted: [Int32]? = nil) -> PassContext {
        let sequences = batch.sequences
        reserve(tokens: batch.tokens.count, positions: sequences.map(\.length).max() ?? 0)
        let context = PassContext(
            shape: model.configuration, workspace: workspace, rotations: rotary.rotations(of: sequences),
            positions: batch.positions, sequences: sequences,
            pieces: AttentionPiece.split(
                sequences.map(\.rows.count), heads: model.configuration.headCount,
                prefixes: sequences.map(\.prefix.count), into: team.count),
            wanted: wanted ?? batch.lossRows, dropout: dropout)
        forward(batch.tokens, context)
        return context
    }

    /// The forward pass of the tokens that continue a cached text from `position` on; only the last is wanted. `length` is
    /// that of the whole text that is read, where these tokens are a part of it.
    func forward(
        continuing tokens: [Int32], at position: Int, length: Int, cache: TextCache
    ) -> PassContext {
        let end = position + tokens.count
        reserve(tokens: tokens.count, positions: end)
        let rotation = rotary.rotation(rows: 0..<tokens.count, positions: position..<end, length: length)
        let context = PassContext(
            shape: model.configuration, workspace: workspace, rotations: [rotation],
            positions: (position..<end).map(Int32.init),
            sequences: [PackedSequence(prefix: 0..<0, rows: 0..<tokens.count)],
            pieces: AttentionPiece.split(
                [tokens.count], heads: model.configuration.headCount, prefixes: [position], into: team.count),
            wanted: [Int32(tokens.count - 1)], dropout: nil)
        forward(tokens, context, caches: [cache])
        return context
    }

    /// The forward pass of one token each of several cached texts: `tokens[i]` at `positions[i]` of `caches[i]`. All rows
    /// are wanted.
    func forward(step tokens: [Int32], at positions: [Int], caches: [TextCache]) -> PassContext {
        let rows = tokens.indices
        let longest = (positions.max() ?? 0) + 1
        reserve(tokens: tokens.count, positions: longest)
        // Where the longest is rotated as usual, all are.
        let isUsual = model.configuration.ropeScaling.variant(length: longest) == 0
        let rotations =
            isUsual
            ? [rotary.rotation(rows: 0..<rows.count, positions: 0..<longest, length: longest)]
            : rows.map { row in
                rotary.rotation(
                    rows: row..<row + 1, positions: positions[row]..<positions[row] + 1, length: positions[row] + 1)
            }
        let context = PassContext(
            shape: model.configuration, workspace: workspace, rotations: rotations,
            positions: positions.map(Int32.init),
            sequences: rows.map { PackedSequence(prefix: 0..<0, rows: $0..<$0 + 1) },
            pieces: AttentionPiece.split(
                rows.map { _ in 1 }, heads: model.configuration.headCount, prefixes: positions, into: team.count),
            wanted: rows.map(Int32.init), dropout: nil, isStep: true)
        forward(tokens, context, caches: caches)
        return context
    }

    private func forward(_ tokens: [Int32], _ context: PassContext, caches: [TextCache] = []) {
        let n = tokens.count
        model.weights.embedding.copyRows(tokens, into: workspace.activations(layer: 0, rows: n).input)
        for index in model.weights.layers.indices {
            let activations = workspace.activations(layer: index, rows: n)
            attention(index, context).forward(activations, caches: caches.map { $0.layers[index] })
            let rows = rows(index, context)
            let isLast = index + 1 == model.weights.layers.count
            let output =
                isLast ? workspace.final.rows(0..<rows) : workspace.activations(layer: index + 1, rows: n).input
            feedForward(index, context).forward(activations, output: output)
        }
    }

    /// The backward pass from the residual gradient that the head left; adds to the adapters' gradients.
    func backward(_ context: PassContext) {
        guard let adapter else { return }
        // Below the lowest layer with a module nothing needs a gradient.
        guard let lowest = adapter.layers.firstIndex(where: { $0.adaptsAttention || $0.adaptsFeedForward }) else {
            return
        }
        for index in (lowest..<model.weights.layers.count).reversed() {
            let activations = workspace.activations(layer: index, rows: context.rows)
            // Only the layers' inputs were kept: what else this layer's backward pass reads is computed again, with the
            // same dropout, as that follows from its key.
            if options.savesMemory {
                attention(index, context).forward(activations)
                feedForward(index, context).forward(activations, output: nil)
            }
            let isLowest = index == lowest
            feedForward(index, context).backward(activations, stops: isLowest && !adapter.layers[index].adaptsAttention)
            attention(index, context).backward(activations, isLowest: isLowest)
        }
    }

    /// The rows of layer `index` after its attention.
    private func rows(_ index: Int, _ context: PassContext) -> Int {
        index + 1 == model.weights.layers.count ? context.wanted.count : context.rows
    }

    /// The attention of layer `index` in a pass.
    private func attention(_ index: Int, _ context: PassContext) -> AttentionLayer {
        AttentionLayer(
            weights: model.weights.layers[index], adapter: adapter?.layers[index], context: context, index: index)
    }

    /// The SwiGLU block of layer `index` in a pass.
    private func feedForward(_ index: Int, _ context: PassContext) -> FeedForwardLayer {
        FeedForwardLayer(
            weights: model.weights.layers[index], adapter: adapter?.layers[index], context: context,
            count: rows(index, context))
    }

    /// The losses of a batch whose forward pass has just run.
    func losses(_ batch: PackedBatch, _ context: PassContext, gradientScale: Float) -> [Float] {
        OutputHead(weights: model.weights, context: context).losses(batch, gradientScale: gradientScale)
    }

    /// The logits of the first wanted row of the forward pass that has just run.
    func logits(_ context: PassContext) -> [Float] {
        OutputHead(weights: model.weights, context: context).logits(of: 0..<1).values
    }

    /// The logits of all wanted rows of the forward pass that has just run, in order.
    func allLogits(_ context: PassContext) -> [[Float]] {
        let head = OutputHead(weights: model.weights, context: context)
        let (count, chunk) = (context.wanted.count, workspace.head.logits.rows)
        return stride(from: 0, to: count, by: chunk).flatMap { start in
            let rows = start..<min(start + chunk, count)
            let logits = head.logits(of: rows)
            return (0..<rows.count).map { logits.rows($0..<$0 + 1).values }
        }
    }
}

/// The states of engines that are not at work: engines of one kind share them, so that a peer that waits holds no
/// activations.
final class EnginePool: Sendable {
    /// What a state is for.
    struct Kind: Hashable {
        let lora: LoRAConfiguration?
        let trains: Bool
        /// The tokens of a pass.
        let capacity: Int
        let options: EngineOptions
    }

    private let idle = Mutex<[Kind: [EngineState]]>([:])

    /// Runs `body` with a state of `kind`, a waiting one where there is one; it waits again afterwards.
    func withState<Result>(
        _ kind: Kind, of model: BaseModel, _ body: (EngineState) throws -> Result
    ) rethrows -> Result {
        let state =
            idle.withLock { $0[kind]?.popLast() }
            ?? EngineState(
                model: model, lora: kind.lora, capacity: kind.capacity, trains: kind.trains,
                options: kind.options)
        defer { idle.withLock { $0[kind, default: []].append(state) } }
        return try body(state)
    }
}
