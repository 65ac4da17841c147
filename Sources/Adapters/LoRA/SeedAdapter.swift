import Basics

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
        return (0..<tensor.count).map { _ in Float((2 * generator.uniform() - 1) * bound) }
    }
}
