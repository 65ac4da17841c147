import Adapters
import Basics
import LinearAlgebra

/// The LoRA modules of one layer whose projections read the same input: their A factors are one matrix, so that one
/// product serves them all.
struct LowRankGroup {
    /// One module of the group.
    struct Module {
        /// Where the module's rank lies in the group's A rows and U columns.
        let ranks: Range<Int>
        /// The scaling of the product BA.
        let scaling: Float
        /// Where its output lies in the group's output columns.
        let outputs: Range<Int>
        /// The factor B, transposed [rank, out], and its gradient, one for each part of the team.
        let b: Matrix
        let bGradients: [Matrix]
        /// Where the factors begin in the adapter's flat vector.
        let aOffset: Int
        let bOffset: Int
        /// A number of its own within the model, for dropout keys.
        let number: Int
    }

    /// The modules, possibly none.
    let modules: [Module]
    /// The A factors one below the other [ranks, in] and their gradient, one for each part; absent without modules.
    let a: Matrix
    let aGradients: [Matrix]
    /// The ranks of all modules together: the columns of U.
    var width: Int { modules.isEmpty ? 0 : a.rows }

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

    /// The floats that `init` takes from the arena.
    static func size(places: [Place], configuration: LoRAConfiguration, parts: Int) -> Int {
        let present = places.filter { configuration.includes($0.projection) }
        let ranks = present.map { configuration.rank(of: $0.projection) }
        let factorsA = (1 + parts) * Arena.size(rows: ranks.reduce(0, +), columns: places[0].projection.inputSize)
        return zip(present, ranks).reduce(factorsA) {
            $0 + (1 + parts) * Arena.size(rows: $1.1, columns: $1.0.projection.outputSize)
        }
    }
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

/// The modules' part of the two passes, over some rows of a pass: each part of the team has rows of its own, and gradients
/// of its own to add to.
extension LowRankGroup {
    /// Some rows of a pass, as one part of the team computes them.
    struct Rows {
        /// The number of the part.
        let part: Int
        /// Where the first row lies in the pass, for dropout.
        let first: Int
        let dropout: DropoutPlan?
        /// Room for the rows of an input with values dropped; empty without dropout.
        let scratch: Matrix
    }

    /// U = drop(X) Aᵀ, which is kept for the backward pass: `x` [n, in], `u` [n, width or more].
    func read(input x: Matrix, u: Matrix, _ rows: Rows) {
        guard !modules.isEmpty else { return }
        guard let dropout = rows.dropout else {
            u.columns(0..<width).assignRowProducts(x, a)
            return
        }
        let scratch = rows.scratch.reshaped(rows: x.rows, columns: x.columns)
        for module in modules {
            scratch.assignDropout(of: x, dropout.dropout(module: module.number), firstRow: rows.first)
            u.columns(module.ranks).assignRowProducts(scratch, a.rows(module.ranks))
        }
    }

    /// Y += s U Bᵀ.
    func write(u: Matrix, output y: Matrix) {
        for module in modules {
            y.columns(module.outputs).addNarrowProduct(u.columns(module.ranks), module.b, scale: module.scaling)
        }
    }

    /// dU = s dY B and the gradients of the factors: dB += s dYᵀ U, dA += dUᵀ drop(X). `uGradient` [n, width] is
    /// overwritten.
    func backward(outputGradient dy: Matrix, input x: Matrix, u: Matrix, uGradient du: Matrix, _ rows: Rows) {
        for module in modules {
            let part = dy.columns(module.outputs)
            du.columns(module.ranks).assignRowProducts(part, module.b, scale: module.scaling)
            module.bGradients[rows.part].addNarrowProduct(
                u.columns(module.ranks), transposingLeft: true, part, scale: module.scaling)
        }
        guard !modules.isEmpty else { return }
        guard let dropout = rows.dropout else {
            aGradients[rows.part].addNarrowProduct(du, transposingLeft: true, x)
            return
        }
        let scratch = rows.scratch.reshaped(rows: x.rows, columns: x.columns)
        for module in modules {
            scratch.assignDropout(of: x, dropout.dropout(module: module.number), firstRow: rows.first)
            aGradients[rows.part].rows(module.ranks).addNarrowProduct(
                du.columns(module.ranks), transposingLeft: true, scratch)
        }
    }

    /// dX += drop(dU A).
    func addInputGradient(uGradient du: Matrix, to dx: Matrix, _ rows: Rows) {
        guard !modules.isEmpty else { return }
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
