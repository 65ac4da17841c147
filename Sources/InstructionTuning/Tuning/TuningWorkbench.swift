package import Adapters
package import LanguageModel
package import LinearAlgebra
package import SwarmFile

/// What the trainers and evaluators of one swarm have in common: base model, prompt, seed adapter and settings.
package struct TuningWorkbench: Sendable {
    /// The base model, shared by all.
    package let model: BaseModel
    /// The adapter's settings.
    package let lora: LoRAConfiguration
    /// Makes tokens of records.
    package let encoder: RecordEncoder
    /// What a peer does between two exchanges.
    package let settings: SwarmTopology.Tuning
    /// The swarm's seed.
    package let seed: UInt64
    package let origin: AdapterOrigin
    /// How trainers compute; each on the one thread of its lane unless more are asked for.
    package let options: EngineOptions

    /// A workbench for `model`, whose trainers compute as `options` say. Measuring is in 32-bit floats always. Throws `TuningError` for bad settings and `PromptTemplateError` for a bad template.
    package init(
        model: BaseModel, tokenizer: any TextEncoder, lora: LoRAConfiguration, settings: SwarmTopology.Tuning,
        seed: UInt64,
        options: EngineOptions = EngineOptions()
    ) throws {
        if let fault = settings.fault { throw TuningError.badSettings("tuning.\(fault)") }
        if let fault = AdapterOrigin.fault(lora, model.configuration) { throw TuningError.badSettings(fault) }
        self.model = model
        self.lora = lora
        self.settings = settings
        self.seed = seed
        self.options = options
        encoder = RecordEncoder(
            template: try PromptTemplate.named(settings.template, model: model.path), encoder: tokenizer,
            cutoff: settings.cutoff,
            trainOnInputs: settings.trainOnInputs)
        origin = AdapterOrigin(model: model, lora: lora, seed: seed)
    }

    /// A trainer for one peer's records, which shares its work out to `threads`, those of its lane among them. Throws
    /// `TuningError`.
    package func tuner(
        peer: String, records: [InstructionRecord], lane: ComputeLane, threads: Int = 1,
        listener: (@Sendable (TuningStep) -> Void)? = nil
    ) throws(TuningError) -> InstructionTuner {
        try tuner(
            peer: peer, records: records, settings: settings, lane: lane, threads: threads, listener: listener)
    }

    /// The trainer of the pooled baseline: all peers' records at one place, and batches as large as theirs together, so
    /// that as many records are seen.
    package func pooledTuner(
        of partition: DataPartition, lane: ComputeLane, listener: (@Sendable (TuningStep) -> Void)? = nil
    ) throws(TuningError) -> InstructionTuner {
        var pooled = settings
        // In one step of the pooled trainer as many records are seen as in one of all peers together.
        pooled.batch *= partition.peers.count
        return try tuner(
            peer: "pooled", records: partition.pooled, settings: pooled, lane: lane, threads: 1, listener: listener)
    }

    /// An evaluator of this swarm's adapters. Throws `RecordsError`.
    package func evaluator(
        records: [InstructionRecord], lane: ComputeLane, options: Evaluator.Options = Evaluator.Options()
    ) throws(RecordsError) -> Evaluator {
        try Evaluator(records: records, model: model, lora: lora, encoder: encoder, lane: lane, options: options)
    }

    private func tuner(
        peer: String, records: [InstructionRecord], settings: SwarmTopology.Tuning, lane: ComputeLane,
        threads: Int, listener: (@Sendable (TuningStep) -> Void)?
    ) throws(TuningError) -> InstructionTuner {
        var options = options
        options.threads = threads
        return try InstructionTuner(
            peer: peer, records: EncodedRecords(records, with: encoder),
            engine: TrainingEngine(model: model, lora: lora, options: options), origin: origin, settings: settings,
            seed: seed,
            lane: lane, listener: listener)
    }
}

/// The seed adapter that deltas are differences from.
package struct AdapterOrigin: Sendable {
    /// The adapter's tensors.
    package let schema: AdapterSchema
    private let seed: UInt64

    /// The seed adapter's values, in the order of the schema. They are drawn again each time: that costs little beside a
    /// round, and an adapter may be large.
    package var values: [Float] { SeedAdapter.values(schema: schema, seed: seed) }

    /// The origin of a swarm: the seed adapter for `model` and `lora` drawn from the swarm's seed.
    package init(model: BaseModel, lora: LoRAConfiguration, seed: UInt64) {
        self.init(model.configuration, lora: lora, seed: seed)
    }

    /// The same of a model whose weights are not needed for it.
    package init(_ model: ModelConfiguration, lora: LoRAConfiguration, seed: UInt64) {
        schema = .lora(configuration: lora, projections: model.projections)
        self.seed = seed
    }

    /// Which of the adapter's targets the model does not have, in a sentence; nil when it has all.
    package static func fault(_ lora: LoRAConfiguration, _ model: ModelConfiguration) -> String? {
        let present = Set(model.projections.map(\.target))
        let known = LoRAConfiguration.Target.allCases.filter(present.contains).map(\.rawValue).joined(separator: ", ")
        // All targets together are `all-linear`, which means the model's own.
        if lora.targets.count < LoRAConfiguration.Target.allCases.count {
            let missing = lora.targets.subtracting(present).map(\.rawValue).sorted()
            if let name = missing.first { return "model.lora.targets: the model has no \(name); it has \(known)" }
        }
        for module in lora.modules where !model.projections.contains(where: module.fits) {
            return "model.lora.targets: the model has no module \(module.text); "
                + "it has \(model.layerCount) layers with \(known)"
        }
        return nil
    }

    /// The whole adapter: seed adapter plus delta. The schemas must be equal.
    package func adapter(of delta: AdapterDelta) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(schema.count)
        for index in schema.tensors.indices { values += self.values(ofTensor: index, in: delta) }
        return values
    }

    /// The values of tensor `index` in the adapter of `delta`: a whole adapter need not be in memory to be written.
    package func values(ofTensor index: Int, in delta: AdapterDelta) -> [Float] {
        precondition(delta.schema == schema, "a delta is of its origin's schema")
        var values = Array(delta.values[schema.range(of: index)])
        // Zero plus minus zero is zero: B too is added, not passed over.
        guard let seed = seedValues(ofTensor: index) else { return values.map { $0 + 0 } }
        let from = seed.span
        var target = values.mutableSpan
        for place in 0..<target.count { target[place] += from[place] }
        return values
    }

    /// The delta of a whole adapter.
    package func delta(of adapter: consuming [Float]) -> AdapterDelta {
        precondition(adapter.count == schema.count, "an adapter has the length its schema says")
        var values = adapter
        // One tensor at a time: the seed adapter is never there as a whole.
        for tensor in schema.tensors.indices {
            guard let seed = seedValues(ofTensor: tensor) else { continue }
            let range = schema.range(of: tensor)
            for index in range { values[index] -= seed[index - range.lowerBound] }
        }
        return AdapterDelta(schema: schema, values: values)
    }

    /// A tensor's values in the seed adapter; nil for one that is all zero.
    private func seedValues(ofTensor index: Int) -> [Float]? {
        let tensor = schema.tensors[index]
        let isA = LoRAFactors.named(tensor.name)?.factor == .a
        return isA ? SeedAdapter.values(ofA: tensor, seed: seed) : nil
    }
}
