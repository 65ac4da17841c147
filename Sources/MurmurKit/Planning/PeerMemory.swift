package import Adapters
import Aggregation
package import LanguageModel
import LinearAlgebra
import Observability
package import SwarmFile

/// About how much memory a peer that trains with the built-in engine takes, by what it keeps.
package struct PeerMemory: Encodable, Sendable, Hashable {
    /// The base model's weights as they are kept, with the largest of them as it is read.
    package let weights: Int
    /// What one pass leaves for the way back: it does not grow with the batch, which goes through in several passes.
    package let activations: Int
    /// The adapter, its gradient and its optimiser, checkpoints on their way, and the neighbours' contributions.
    package let adapters: Int
    /// The program and its libraries.
    package let program: Int

    /// All together.
    package var total: Int { weights + activations + adapters + program }

    private enum CodingKeys: String, CodingKey { case weights, activations, adapters, program, total }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(weights, forKey: .weights)
        try container.encode(activations, forKey: .activations)
        try container.encode(adapters, forKey: .adapters)
        try container.encode(program, forKey: .program)
        try container.encode(total, forKey: .total)
    }

    private static let usualProgram = 32 << 20
    /// Copies of the adapter's values that a peer has at a time, at most: delta, the trainer's own and its gradient, the
    /// optimiser's moments and their copies in training, and what is written and served.
    private static let adapterCopies = 16
    /// Contributions that are kept of a neighbour: of this round and of the next ones.
    private static let contributionsKept = 3
    /// What tracking gradients takes beside what it keeps: what was told of three more rounds, the correction, and the mean
    /// gradient with its sum.
    private static let trackingCopies = 9

    /// What the exchange keeps from round to round, in copies of the adapter's values, for a peer with `degree` neighbours.
    /// Push-sum keeps its numerator and two sums for each neighbour in double precision (measured for two
    /// neighbours: 28 copies more than metropolis; docs/benchmarks.md, "Memory of a large adapter").
    private static func exchangeCopies(_ exchange: SwarmTopology.Exchange, degree: Int) -> Int {
        var kept = 0
        switch exchange.mixing {
        case .pushSum, .onePeerExponential, .onePeerBaseTwo: kept += 2 + 4 * degree
        case .metropolis, .pairwise, .allReduce: break
        }
        if exchange.outer != nil { kept += 1 }
        if exchange.settling == .chebyshev { kept += 1 }
        // The sum, the last gradient, what was told of it, and each edge; and every contribution is twice as long.
        if exchange.tracking { kept += 3 + degree }
        let more = exchange.tracking ? trackingCopies + contributionsKept * degree : 0
        // Live, as the next checkpoint has it, and as the one before is written.
        return 3 * kept + more
    }

    /// For a peer with `degree` neighbours that trains an adapter of `schema` for a model of `shape`.
    ///
    /// - Parameters:
    ///   - weights: as the base model is kept.
    ///   - threads: threads that share the peer's work.
    package init(
        shape: ModelConfiguration, schema: AdapterSchema, tuning: SwarmTopology.Tuning,
        exchange: SwarmTopology.Exchange = .defaults, degree: Int, weights: WeightMemory, threads: Int
    ) {
        // The largest is read first, when the others are still to come.
        self.weights = weights.storage == .float32 ? weights.kept : weights.total
        // Tokens of a pass, and of the longest record.
        let tokens = max(EngineOptions(threads: threads).usualPassTokens(over: weights.storage), tuning.cutoff)
        let layer =
            2 * shape.hiddenSize + shape.queryKeyValueWidth + shape.queryWidth + 2 * shape.intermediateSize
            + shape.headCount + 2
        let shared =
            5 * shape.hiddenSize + 5 * shape.intermediateSize + shape.queryKeyValueWidth + 3 * shape.queryWidth
            + 2 * shape.keyValueWidth * threads
        // As `HeadBuffers` cuts logits into chunks.
        let logits = min(tokens, 264) * (shape.vocabularySize + 2 * shape.hiddenSize)
        activations = 4 * (tokens * (shape.layerCount * layer + shared) + min(logits, 16 << 20))
        adapters =
            4 * schema.count
            * (Self.adapterCopies + Self.contributionsKept * degree + Self.exchangeCopies(exchange, degree: degree))
        program = Self.usualProgram
    }

    /// What a person is told.
    var lines: [String] {
        [
            "memory of a peer  about \(Readable.bytes(total)): weights \(Readable.bytes(weights)), a pass "
                + "\(Readable.bytes(activations)), adapters \(Readable.bytes(adapters)), the program "
                + "\(Readable.bytes(program))"
        ]
    }
}

extension SwarmPlan {
    /// The plan of `topology` with the adapter that it asks for on its base model, of which the configuration is read.
    ///
    /// - Throws: `ModelError` for a model that cannot be read.
    package init(
        _ topology: SwarmTopology, compute: ComputeChoices, uplink: Double?, trainingSeconds: Double?
    ) throws {
        let directory = ModelComposition.modelDirectory(topology.model.base)
        let (shape, weights) = try BaseModel.weightMemory(
            directory: directory, storage: compute.weights.storage)
        let schema = AdapterSchema.lora(configuration: topology.carriedAdapter, projections: shape.projections)
        let degree = try TopologyReport(topology).degrees.max() ?? 0
        try self.init(
            topology, schema: schema,
            memory: PeerMemory(
                shape: shape, schema: schema, tuning: topology.tuning, exchange: topology.exchange, degree: degree,
                weights: weights, threads: compute.threadCount),
            uplink: uplink, trainingSeconds: trainingSeconds)
    }
}
