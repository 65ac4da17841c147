extension PEFTAdapter {
    /// What B of a module is multiplied by so that `alpha` / r scales the product as the configuration does.
    package func plainFactor(of projection: LoRAProjection, alpha: Double) -> Float {
        Float(configuration.scaling(of: projection) * Double(configuration.rank(of: projection)) / alpha)
    }

    /// The alpha of a form that knows one only: the configuration's own; where that is zero, one that keeps the
    /// products finite.
    package var plainAlpha: Double { configuration.alpha == 0 ? Double(configuration.rank) : configuration.alpha }

    /// The values of the tensor called `name`, row-major; the schema must have it.
    package func factor(_ name: String) -> [Float] {
        guard let index = schema.tensors.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("the adapter's schema has the factor")
        }
        return Array(values[schema.range(of: index)])
    }

    /// The same adapter with one rank and one alpha and the usual scaling, for programs that pass over `use_rslora`,
    /// `rank_pattern` and `alpha_pattern`: the scale of each module is folded into its B, and factors of a smaller rank
    /// get rows and columns of zeros, which change nothing.
    ///
    /// - Parameter projections: those of the base model that carry a module.
    package func plain(projections: [LoRAProjection]) -> PEFTAdapter {
        let carrying = projections.filter(configuration.includes)
        let rank = carrying.map(configuration.rank(of:)).max() ?? configuration.rank
        var plain = configuration
        plain.rank = rank
        plain.alpha = plainAlpha
        plain.isRankStabilised = false
        plain.rankExceptions = []
        plain.alphaExceptions = []
        let schema = AdapterSchema.lora(configuration: plain, projections: carrying)
        var factors: [String: [Float]] = [:]
        for projection in carrying {
            let own = configuration.rank(of: projection)
            let a = factor(projection.nameOfA), b = factor(projection.nameOfB)
            factors[projection.nameOfA] =
                a + [Float](repeating: 0, count: (rank - own) * projection.inputSize)
            // The scale is alpha / rank with the rank that the file says.
            let scale = Float(configuration.scaling(of: projection) * Double(rank) / plain.alpha)
            var rows: [Float] = []
            for row in 0..<projection.outputSize {
                for index in row * own..<(row + 1) * own { rows.append(scale * b[index]) }
                rows += [Float](repeating: 0, count: rank - own)
            }
            factors[projection.nameOfB] = rows
        }
        return PEFTAdapter(
            configuration: plain, schema: schema, values: schema.tensors.flatMap { factors[$0.name] ?? [] },
            baseModel: baseModel, revision: revision)
    }
}
