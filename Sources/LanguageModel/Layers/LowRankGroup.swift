import Adapters
import Basics
import LinearAlgebra

/// The LoRA modules of one layer whose projections read the same input: their A factors are one matrix, so that one
/// product serves them all.
///
/// For each module Y = X Wᵀ + s (drop(X) Aᵀ) Bᵀ. The steps compute the second term over some rows of a pass: each part
/// of the team has rows of its own, and gradients of its own to add to. `inner` is U = drop(X) Aᵀ, s the module's scaling.
struct LowRankGroup {
    /// One module of the group.
    struct Module {
        /// Where the module's rank lies in the group's A rows and inner columns.
        let ranks: Range<Int>
        /// The scaling s of the product BA.
        let scaling: Float
        /// Where its output lies in the group's output columns.
        let outputs: Range<Int>
        /// The factor B, transposed [rank, out]: then both factors have their short side first, as the narrow products
        /// want it.
        let b: Matrix
        /// B's gradient, one for each part of the team.
        let bGradients: [Matrix]
        /// Where the factors begin in the adapter's flat vector.
        let aOffset: Int
        let bOffset: Int
        /// A number of its own within the model, for dropout keys.
        let number: Int
    }

    /// The modules, possibly none.
    let modules: [Module]
    /// The A factors one below the other [r, in]; no rows without modules.
    let a: Matrix
    /// Their gradient, one for each part of the team.
    let aGradients: [Matrix]

    /// Whether no projection of the group carries an adapter.
    var isEmpty: Bool { modules.isEmpty }
    /// r, the ranks of all modules together.
    var totalRank: Int { a.rows }

    /// A projection of the group, and where its output begins in the group's output.
    struct Place {
        let projection: LoRAProjection
        let outputStart: Int
    }

    /// Cuts the matrices for those of `places`, which read one input, that carry an adapter. `offsets` gives each
    /// factor's place in the flat adapter by name.
    init(
        places: [Place], configuration: LoRAConfiguration, offsets: [String: Int], parts: Int, arena: Arena
    ) {
        let present = places.filter { configuration.includes($0.projection) }
        let ranks = present.map { configuration.rank(of: $0.projection) }
        let input = places[0].projection.inputSize
        a = arena.matrix(rows: ranks.reduce(0, +), columns: input)
        aGradients = (0..<parts).map { _ in arena.matrix(rows: ranks.reduce(0, +), columns: input) }
        var start = 0
        var modules: [Module] = []
        for (place, rank) in zip(present, ranks) {
            let projection = place.projection
            guard let aOffset = offsets[projection.nameOfA], let bOffset = offsets[projection.nameOfB] else {
                preconditionFailure("the schema is the model's")
            }
            let output = projection.outputSize
            modules.append(
                Module(
                    ranks: start..<start + rank, scaling: Float(configuration.scaling(of: projection)),
                    outputs: place.outputStart..<place.outputStart + output,
                    b: arena.matrix(rows: rank, columns: output),
                    bGradients: (0..<parts).map { _ in arena.matrix(rows: rank, columns: output) },
                    aOffset: aOffset, bOffset: bOffset,
                    number: projection.layer * Self.modulesPerLayer + projection.target.place))
            start += rank
        }
        self.modules = modules
    }

    private static let modulesPerLayer = 7
}

extension LoRAConfiguration.Target {
    /// A number below seven that tells the projections of one layer apart; fused ones have that of their first part,
    /// beside which they never stand.
    fileprivate var place: Int {
        switch self {
        case .query, .queryKeyValue: 0
        case .key: 1
        case .value: 2
        case .output: 3
        case .gate, .gateUp: 4
        case .up: 5
        case .down: 6
        }
    }
}

// MARK: - Forward and backward

extension LowRankGroup {
    /// Some rows of a pass, as one part of the team computes them.
    struct Rows {
        /// The number of the part.
        let part: Int
        /// Where the first row lies in the pass: dropout is a function of a value's place in the whole pass, so that it
        /// does not depend on how rows are shared out.
        let first: Int
        let dropout: DropoutPlan?
        /// Room for the rows of an input with values dropped; empty without dropout.
        let scratch: Matrix
    }

    /// input [n, in] -> inner [n, r], which the backward pass reads: U = drop(X) Aᵀ.
    func applyA(input x: Matrix, inner u: Matrix, _ rows: Rows) {
        guard !isEmpty else { return }
        guard let dropout = rows.dropout else {
            // Without dropout all modules see the same input: one product for the whole group.
            u.columns(0..<totalRank).assignRowProducts(x, a)
            return
        }
        let dropped = rows.scratch.reshaped(rows: x.rows, columns: x.columns)
        for module in modules {
            dropped.assignDropout(of: x, dropout.dropout(module: module.number), firstRow: rows.first)
            u.columns(module.ranks).assignRowProducts(dropped, a.rows(module.ranks))
        }
    }

    /// inner [n, r] -> output [n, out], added to: Y += s U Bᵀ.
    func applyB(inner u: Matrix, output y: Matrix) {
        for module in modules {
            y.columns(module.outputs).addNarrowProduct(u.columns(module.ranks), module.b, scale: module.scaling)
        }
    }

    /// outputGradient [n, out] -> innerGradient [n, r], overwritten, and the gradients of the factors, added to:
    /// dU = s dY B, dB += s dYᵀ U, dA += dUᵀ drop(X).
    func backward(
        outputGradient dy: Matrix, input x: Matrix, inner u: Matrix, innerGradient du: Matrix, _ rows: Rows
    ) {
        guard !isEmpty else { return }
        for module in modules {
            let part = dy.columns(module.outputs)
            du.columns(module.ranks).assignRowProducts(part, module.b, scale: module.scaling)
            module.bGradients[rows.part].addNarrowProduct(
                u.columns(module.ranks), transposingLeft: true, part, scale: module.scaling)
        }
        guard let dropout = rows.dropout else {
            aGradients[rows.part].addNarrowProduct(du, transposingLeft: true, x)
            return
        }
        // What was dropped is found again from its key: keeping it would take as much memory as the inputs.
        let dropped = rows.scratch.reshaped(rows: x.rows, columns: x.columns)
        for module in modules {
            dropped.assignDropout(of: x, dropout.dropout(module: module.number), firstRow: rows.first)
            aGradients[rows.part].rows(module.ranks).addNarrowProduct(
                du.columns(module.ranks), transposingLeft: true, dropped)
        }
    }

    /// innerGradient [n, r] -> inputGradient [n, in], added to: dX += drop(dU A).
    func addInputGradient(innerGradient du: Matrix, to dx: Matrix, _ rows: Rows) {
        guard !isEmpty else { return }
        guard let dropout = rows.dropout else {
            dx.addNarrowProduct(du, a)
            return
        }
        let scratch = rows.scratch.reshaped(rows: dx.rows, columns: dx.columns)
        for module in modules {
            scratch.addNarrowProduct(du.columns(module.ranks), a.rows(module.ranks), adding: false)
            dx.assignDropout(
                of: scratch, dropout.dropout(module: module.number), firstRow: rows.first, adding: true)
        }
    }
}

/// The dropout of one pass over the adapters: as in PEFT each module drops values of its own input independently.
struct DropoutPlan {
    /// A number that differs from pass to pass and fixes what is dropped.
    let seed: UInt64
    /// The probability to drop a value.
    let probability: Double

    /// The dropout of module `number`.
    func dropout(module number: Int) -> Dropout {
        var generator = SeededGenerator(seed: seed, label: "dropout", index: UInt64(number))
        return Dropout(key: generator.next(), probability: probability)
    }
}
