/// The waist between learning and federation: whatever can improve an adapter on private instructions.
///
/// Federation knows no transformer. The language model's tuner is one trainer; a quadratic toy of twenty lines is
/// another, which drives large simulated swarms.
package protocol AdapterTrainer: Sendable {
    /// The tensors of the adapter that is trained.
    var schema: AdapterSchema { get }

    /// How many records this peer holds: its weight in the average, as in FedAvg.
    var sampleCount: Int { get }

    /// Runs local steps from `request.delta` and returns where they led.
    ///
    /// Called for one round at a time. Long work belongs on a compute lane, not on the caller's executor.
    func train(_ request: TrainingRequest) async throws -> TrainingOutcome

    /// What has to be kept beside the delta to go on later exactly as if uninterrupted: optimiser moments, the state of
    /// the generator, the place in the data. Opaque to the caller.
    func snapshot() async throws -> [UInt8]

    /// Goes back to a `snapshot()` of a trainer of the same configuration.
    ///
    /// Throws when the bytes are not such a snapshot; the trainer is then unchanged.
    func restore(_ snapshot: [UInt8]) async throws

    /// Makes ready what training needs, so that what is missing is told before the swarm waits. Nothing for most.
    func begin() async throws

    /// Lets go of what training needed, also where a round is under way, whose outcome nobody waits for. To be called last.
    func end() async
}

extension AdapterTrainer {
    package func begin() async throws {}

    package func end() async {}
}

/// One round's order to a trainer.
package struct TrainingRequest: Sendable {
    /// The round, counted from zero.
    package var round: Int
    /// The number of optimiser steps.
    package var steps: Int
    /// The adapter to start from.
    package var delta: AdapterDelta
    /// The factors to train; the others stay as they are.
    package var factors: LoRAFactors
    /// How many of the last rows of every A and columns of every B stay as they are too: what the rank could not hold of
    /// averages is kept there (`exchange.factors: product-residual`).
    package var residualRank: Int
    /// What draws the steps back to `delta`: the gradient of every step is that of the loss plus this times the way from
    /// `delta` to the adapter (FedProx: Li et al., 2020, arXiv 1812.06127). Zero: nothing does.
    package var proximal: Double
    /// What is added to the gradient of every step, as it is before anything is done with it: before clipping, and before
    /// the optimiser (`exchange.tracking`; zero where nothing is to be corrected yet). Who is given one tells the mean
    /// gradient. Nil: gradients are taken as they are, and nobody asks for them.
    package var correction: AdapterDelta?
    /// Adapters to measure before the steps, on records that the trainer does not train on; none in most rounds. A
    /// trainer without such records passes them over.
    package var probes: [AdapterDelta] = []

    package init(
        round: Int, steps: Int, delta: AdapterDelta, factors: LoRAFactors = .both, residualRank: Int = 0,
        proximal: Double = 0
    ) {
        self.round = round
        self.steps = steps
        self.delta = delta
        self.factors = factors
        self.residualRank = residualRank
        self.proximal = proximal
    }

    /// Where the values of the delta are that stay as they are, ascending.
    package var frozen: [Range<Int>] {
        delta.schema.frozenRanges(factors: factors, residualRank: residualRank)
    }
}

/// What a round of local steps gave.
package struct TrainingOutcome: Sendable {
    /// The adapter after the steps.
    package var delta: AdapterDelta
    /// Mean negative log-likelihood, in nats per token that carries loss, over the steps as they were taken.
    package var loss: Double
    /// The number of tokens that carried loss.
    package var tokens: Int
    /// The number of records used.
    package var records: Int
    /// The mean of the steps' gradients, of the loss alone: without correction and proximal term, before clipping. Asked
    /// for by a request with a correction; nil without.
    package var gradient: AdapterDelta?
    /// What measuring the request's probes gave; nil where there were none, or nothing to measure by.
    package var probed: ProbedLosses?

    package init(delta: AdapterDelta, loss: Double, tokens: Int, records: Int) {
        self.delta = delta
        self.loss = loss
        self.tokens = tokens
        self.records = records
    }
}

/// The mean losses of some adapters on the same records, which nobody trains on.
package struct ProbedLosses: Sendable, Hashable {
    /// One kind of records.
    package struct Category: Sendable, Hashable {
        package var name: String
        package var records: Int
        /// As `ProbedLosses.losses`, on these records alone.
        package var losses: [Double]

        package init(name: String, records: Int, losses: [Double]) {
            self.name = name
            self.records = records
            self.losses = losses
        }
    }

    /// How many records they were measured on.
    package var records: Int
    /// In nats per response token, one for each adapter, in the order of the request.
    package var losses: [Double]
    /// The same by category, where that is known.
    package var categories: [Category]

    package init(records: Int, losses: [Double], categories: [Category] = []) {
        self.records = records
        self.losses = losses
        self.categories = categories
    }
}
