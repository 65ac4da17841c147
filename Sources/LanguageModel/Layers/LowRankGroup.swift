internal import Adapters
internal import LinearAlgebra

/// The LoRA modules of one layer whose projections read the same input: their A factors are one matrix, so that one
/// product serves them all.
struct LowRankGroup {
    /// One module of the group.
    struct Module {
        /// Where the module's rank lies in the group's A rows and U columns.
        let ranks: Range<Int>
        /// Where its output lies in the group's output columns.
        let outputs: Range<Int>
        /// The factor B [out, rank] and its gradient.
        let b: Matrix
        let bGradient: Matrix
        /// Where the factors begin in the adapter's flat vector.
        let aOffset: Int
        let bOffset: Int
        /// A number of its own within the model, for dropout keys.
        let number: Int
    }

    /// The modules, possibly none.
    let modules: [Module]
    /// The A factors one below the other [ranks, in] and their gradient; absent without modules.
    let a: Matrix
    let aGradient: Matrix
    /// alpha / r.
    let scaling: Float

    /// The ranks of all modules together: the columns of U.
    var width: Int { modules.isEmpty ? 0 : a.rows }

    /// Cuts the matrices for the modules of `targets` in `layer` from `arena`. `outputStarts` says where each target's
    /// output begins in the group's output.
    init(
        layer: Int, targets: [(target: LoRAConfiguration.Target, outputStart: Int)], configuration: LoRAConfiguration,
        shape: ModelConfiguration, offsets: [String: Int], arena: Arena
    ) {
        let present = targets.filter { configuration.targets.contains($0.target) }
        let rank = configuration.rank
        let input = shape.inputSize(of: targets[0].target)
        a = arena.matrix(rows: present.count * rank, columns: input)
        aGradient = arena.matrix(rows: present.count * rank, columns: input)
        scaling = Float(configuration.scaling)
        modules = present.enumerated().map { index, entry in
            let output = shape.outputSize(of: entry.target)
            let projection = LoRAProjection(
                layer: layer, target: entry.target, inputSize: input, outputSize: output)
            guard let aOffset = offsets[projection.nameOfA], let bOffset = offsets[projection.nameOfB] else {
                preconditionFailure("the schema is the model's")
            }
            return Module(
                ranks: index * rank..<(index + 1) * rank, outputs: entry.outputStart..<entry.outputStart + output,
                b: arena.matrix(rows: output, columns: rank), bGradient: arena.matrix(rows: output, columns: rank),
                aOffset: aOffset, bOffset: bOffset,
                number: layer * LoRAConfiguration.Target.allCases.count
                    + (LoRAConfiguration.Target.allCases.firstIndex(of: entry.target) ?? 0))
        }
    }

    /// The floats that `init` takes from the arena.
    static func size(
        targets: [LoRAConfiguration.Target], configuration: LoRAConfiguration, shape: ModelConfiguration
    ) -> Int {
        let present = targets.filter { configuration.targets.contains($0) }
        let input = shape.inputSize(of: targets[0])
        let factorsA = 2 * Arena.size(rows: present.count * configuration.rank, columns: input)
        return present.reduce(factorsA) {
            $0 + 2 * Arena.size(rows: shape.outputSize(of: $1), columns: configuration.rank)
        }
    }
}
