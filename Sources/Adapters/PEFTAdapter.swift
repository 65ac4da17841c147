/// A LoRA adapter as a PEFT directory holds it.
package struct PEFTAdapter: Sendable, Equatable {
    /// Rank, alpha, dropout and targets.
    package var configuration: LoRAConfiguration
    /// The factors' names and shapes.
    package var schema: AdapterSchema
    /// All values, in the order of the schema: `schema.count` of them.
    package var values: [Float]
    /// What the adapter was trained on: a path or a model's public name, as PEFT records it.
    package var baseModel: String?

    package init(configuration: LoRAConfiguration, schema: AdapterSchema, values: [Float], baseModel: String? = nil) {
        precondition(values.count == schema.count, "an adapter has the length its schema says")
        self.configuration = configuration
        self.schema = schema
        self.values = values
        self.baseModel = baseModel
    }
}
