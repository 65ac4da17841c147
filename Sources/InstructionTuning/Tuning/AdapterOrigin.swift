package import Adapters
package import LanguageModel

/// The seed adapter that deltas are differences from.
package struct AdapterOrigin: Sendable {
    /// The adapter's tensors.
    package let schema: AdapterSchema
    /// The seed adapter's values, in the order of the schema.
    package let values: [Float]

    /// The origin of a swarm: the seed adapter for `model` and `lora` drawn from the swarm's seed.
    package init(model: BaseModel, lora: LoRAConfiguration, seed: UInt64) {
        schema = model.adapterSchema(lora)
        values = SeedAdapter.values(schema: schema, seed: seed)
    }

    /// The whole adapter: seed adapter plus delta. The schemas must be equal.
    package func adapter(of delta: AdapterDelta) -> [Float] {
        precondition(delta.schema == schema, "a delta is of its origin's schema")
        return zip(values, delta.values).map { $0 + $1 }
    }

    /// The delta of a whole adapter.
    package func delta(of adapter: [Float]) -> AdapterDelta {
        precondition(adapter.count == values.count, "an adapter has the length its schema says")
        return AdapterDelta(schema: schema, values: zip(adapter, values).map { $0 - $1 })
    }
}
