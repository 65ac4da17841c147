import Basics

/// Which factors of the product BA: A [rank, in], B [out, rank], or both.
package struct LoRAFactors: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let a = LoRAFactors(rawValue: 1)
    package static let b = LoRAFactors(rawValue: 2)
    package static let both: LoRAFactors = [.a, .b]

    private static let endings: [(factor: LoRAFactors, ending: String)] = [
        (.a, ".lora_A.weight"), (.b, ".lora_B.weight"),
    ]

    /// The factor that a tensor of this name is, with the name of its module; nil where it is none.
    package static func named(_ tensor: String) -> (factor: LoRAFactors, module: String)? {
        for (factor, ending) in endings where tensor.hasSuffix(ending) {
            return (factor, String(tensor.dropLast(ending.count)))
        }
        return nil
    }
}

/// Parts of adapters: what is exchanged where not all factors are.
extension AdapterSchema {
    /// The schema of the `factors` alone; tensors that are no factors are in every part.
    package func part(_ factors: LoRAFactors) -> AdapterSchema {
        factors == .both ? self : AdapterSchema(tensors: tensors.filter { Self.isPart($0, of: factors) })
    }

    /// Where the values are that are not of the `factors`, ascending.
    package func ranges(without factors: LoRAFactors) -> [Range<Int>] {
        factors == .both
            ? [] : tensors.indices.filter { !Self.isPart(tensors[$0], of: factors) }.map { range(of: $0) }
    }

    /// Where the values are that local steps leave as they are, ascending: all that are not of the `factors`, and of each
    /// factor the last `residualRank` rows of A and columns of B. What is no factor has no such rows.
    package func frozenRanges(factors: LoRAFactors, residualRank: Int) -> [Range<Int>] {
        guard residualRank > 0 else { return ranges(without: factors) }
        var ranges: [Range<Int>] = []
        for (index, tensor) in tensors.enumerated() {
            let place = range(of: index)
            switch LoRAFactors.named(tensor.name)?.factor {
            case let factor? where !factors.contains(factor): ranges.append(place)
            case .some(.a):
                ranges.append(place.upperBound - min(residualRank, tensor.rows) * tensor.columns..<place.upperBound)
            case .some(.b):
                let width = min(residualRank, tensor.columns)
                for row in 1...tensor.rows {
                    let end = place.lowerBound + row * tensor.columns
                    ranges.append(end - width..<end)
                }
            default: break
            }
        }
        return ranges
    }

    private static func isPart(_ tensor: Tensor, of factors: LoRAFactors) -> Bool {
        LoRAFactors.named(tensor.name).map { factors.contains($0.factor) } ?? true
    }

    /// Where the values of each tensor of `part` are here; nil where it has a tensor that is not one of these.
    package func places(of part: AdapterSchema) -> [Range<Int>]? {
        if part == self { return [0..<count] }
        var places: [Range<Int>] = []
        var own = 0
        // Both are in the order of the names.
        for tensor in part.tensors {
            while own < tensors.count, tensors[own] != tensor { own += 1 }
            guard own < tensors.count else { return nil }
            places.append(range(of: own))
            own += 1
        }
        return places
    }
}

extension AdapterDelta {
    /// The values of the tensors of `part`, which are some of this delta's; nil where they are not.
    package func restricted(to part: AdapterSchema) -> AdapterDelta? {
        if part == schema { return self }
        return schema.places(of: part).map { places in
            AdapterDelta(schema: part, values: Array(places.map { values[$0] }.joined()))
        }
    }

    /// The delta with the values of `part`, whose tensors are some of its own, in their places.
    package func replacing(_ part: AdapterDelta) -> AdapterDelta {
        if part.schema == schema { return part }
        guard let places = schema.places(of: part.schema) else {
            preconditionFailure("a part has tensors of the whole")
        }
        var result = values
        var next = 0
        for place in places {
            result.replaceSubrange(place, with: part.values[next..<next + place.count])
            next += place.count
        }
        return AdapterDelta(schema: schema, values: result)
    }
}

/// The adapter that every peer of a swarm starts from.
package enum SeedAdapter {
    /// The values for `schema`, drawn from `seed`: A uniform in ±1 / sqrt(inputs), which is PEFT's Kaiming
    /// initialisation with a = sqrt(5); B zero, so that the adapter changes nothing at first.
    package static func values(schema: AdapterSchema, seed: UInt64) -> [Float] {
        var values = [Float](repeating: 0, count: schema.count)
        for (index, tensor) in schema.tensors.enumerated() where LoRAFactors.named(tensor.name)?.factor == .a {
            values.replaceSubrange(schema.range(of: index), with: self.values(ofA: tensor, seed: seed))
        }
        return values
    }

    /// The values of one factor A. Each has a generator of its own, so that its values do not depend on which other tensors
    /// there are.
    package static func values(ofA tensor: AdapterSchema.Tensor, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed, label: tensor.name)
        let bound = 1 / Double(tensor.columns).squareRoot()
        return generator.floats(count: tensor.count, within: bound)
    }
}
