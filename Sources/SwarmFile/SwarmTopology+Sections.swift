package import Basics
package import Overlay

extension SwarmTopology {
    /// `swarm:` what the swarm is called and what its randomness starts from.
    package struct Swarm: Sendable, Hashable {
        /// Part of every signature and handshake: swarms of different names do not mix.
        package var name: String
        /// The seed of everything random that peers must agree on: seed adapter, data partition, random graph.
        package var seed: UInt64
        /// The path of a file with the shared secret, relative to the topology file; nil for none.
        package var secret: String?

        package init(name: String, seed: UInt64 = 0, secret: String? = nil) {
            self.name = name
            self.seed = seed
            self.secret = secret
        }
    }

    /// `model:` what is tuned.
    package struct Model: Sendable, Hashable {
        /// `builtin:fledgling`, or the path of a directory as `save_pretrained` writes it.
        package var base: String
        /// The adapter.
        package var lora: LoRA

        package init(base: String, lora: LoRA = LoRA()) {
            self.base = base
            self.lora = lora
        }
    }

    /// `model.lora:` the adapter, with PEFT's names.
    package struct LoRA: Sendable, Hashable {
        /// The projections that can carry an adapter.
        package static let knownTargets = [
            "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv_proj", "gate_up_proj",
        ]
        /// The target that means all of a model's projections.
        package static let allTargets = "all-linear"

        /// A value of `rank-pattern` or `alpha-pattern` for the modules whose path ends in `module`.
        package struct Exception<Value: Sendable & Hashable>: Sendable, Hashable {
            package var module: String
            package var value: Value

            package init(module: String, value: Value) {
                self.module = module
                self.value = value
            }
        }

        /// The rank r.
        package var rank: Int
        /// The numerator of the scaling alpha / r.
        package var alpha: Double
        /// The probability with which an input of the adapter is dropped in training.
        package var dropout: Double
        /// The projections that carry an adapter, none twice: `knownTargets`, ends of a module's path that end in one
        /// of them, or `allTargets` alone.
        package var targets: [String]
        /// Whether the scaling is alpha / √r.
        package var isRankStabilised = false
        /// Other ranks for some modules; the first that fits counts.
        package var rankPattern: [Exception<Int>] = []
        /// Other alphas for some modules; the first that fits counts.
        package var alphaPattern: [Exception<Double>] = []

        package init(
            rank: Int = 8, alpha: Double = 16, dropout: Double = 0,
            targets: [String] = ["q_proj", "k_proj", "v_proj", "o_proj"]
        ) {
            self.rank = rank
            self.alpha = alpha
            self.dropout = dropout
            self.targets = targets
        }
    }

    /// `tuning:` what every peer does between two exchanges.
    package struct Tuning: Sendable, Hashable {
        /// How the learning rate goes after the warm-up.
        package enum Schedule: String, Sendable, Hashable, CaseIterable {
            case constant, linear, cosine
        }

        /// What the large products of a local step are computed in.
        package enum Precision: String, Sendable, Hashable, CaseIterable {
            case fp32, bf16, auto
        }

        /// The name of the prompt template.
        package var template: String = "alpaca"
        /// The number of tokens at which a record is cut.
        package var cutoff: Int = 512
        /// Whether the instruction's tokens carry loss too.
        package var trainOnInputs: Bool = false
        /// Records a step.
        package var batch: Int = 16
        /// Batches a step: their gradients are taken together.
        package var accumulation: Int = 1
        /// AdamW's learning rate at its height.
        package var learningRate: Double = 3e-4
        /// Optimiser steps a round.
        package var localSteps: Int = 10
        /// Rounds with training; rounds of pure mixing follow until the swarm agrees.
        package var rounds: Int = 20
        /// AdamW's decoupled weight decay.
        package var weightDecay: Double = 0
        /// Steps over which the learning rate rises from zero.
        package var warmup: Int = 0
        /// How the learning rate goes after the warm-up.
        package var schedule: Schedule = .constant
        /// The greatest norm of a step's gradient, which is scaled down to it; zero for no limit.
        package var clipNorm: Double = 1
        /// What the large products are computed in; auto: bf16 where the processor has instructions for it.
        package var precision: Precision = .fp32

        package init() {}
    }

    /// `data:` the instructions and how they are dealt out.
    package struct Data: Sendable, Hashable {
        /// How the records of one source are dealt out.
        package enum Scheme: String, Sendable, Hashable, CaseIterable {
            case iid, category, shards, dirichlet, quantity

            /// Whether proportions are drawn from a Dirichlet distribution: then there are `alpha` and `minimum`.
            package var isDrawn: Bool { self == .dirichlet || self == .quantity }
        }

        /// `data.partition:` how the records of one source are dealt out to the peers.
        package struct Partition: Sendable, Hashable {
            /// The rule.
            package var scheme: Scheme = .iid
            /// The concentration of the Dirichlet distribution over categories; smaller is more unequal.
            package var alpha: Double = 0.5
            /// The least number of records that a peer gets.
            package var minimum: Int = 1

            package init() {}
        }

        /// `builtin:chores` or the path of a JSON or JSON Lines file; nil where every peer names its own `data`.
        package var source: String?
        /// How the source is dealt out.
        package var partition = Partition()
        /// How many records of each category no peer trains on: they measure.
        package var heldOut: Int = 10
        /// How many records a built-in source makes; nil for the source's own number.
        package var count: Int?

        package init(source: String? = nil) {
            self.source = source
        }
    }

    /// `exchange:` what peers send each other and how they mix it.
    package struct Exchange: Sendable, Hashable {
        /// How a peer averages what it has with what came.
        package enum Mixing: String, Sendable, Hashable, CaseIterable {
            case metropolis
        }

        /// What a peer weighs in the average.
        package enum Weights: String, Sendable, Hashable, CaseIterable {
            case samples, uniform
        }

        /// Which LoRA factors are exchanged.
        package enum Factors: String, Sendable, Hashable, CaseIterable {
            case both
        }

        /// How a contribution is made smaller.
        package enum Compression: String, Sendable, Hashable, CaseIterable {
            case none
        }

        /// How contributions that lie are kept out, beyond the gate that every contribution passes.
        package enum Robustness: String, Sendable, Hashable, CaseIterable {
            case none
        }

        /// How a peer averages what it has with what came.
        package var mixing: Mixing = .metropolis
        /// What a peer weighs in the average: its number of records, as in FedAvg, or as much as any other.
        package var weights: Weights = .samples
        /// Which LoRA factors are exchanged.
        package var factors: Factors = .both
        /// How a contribution is made smaller.
        package var compression: Compression = .none
        /// How contributions that lie are kept out.
        package var robustness: Robustness = .none
        /// How many rounds old a neighbour's contribution may be and still be mixed.
        package var staleness: Int = 2
        /// The relative consensus distance at which the swarm is done.
        package var consensusBound: Double = 1e-3
        /// Seconds that a peer at most waits for its neighbours in a round after its own training; nil: adaptive.
        package var roundDeadline: Double?

        package init() {}
    }

    /// `graph:` who is connected to whom.
    package struct Graph: Sendable, Hashable {
        /// The family that the graph is of.
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            case ring, torus, hypercube, exponential, complete, star, edges
            case randomRegular = "random-regular"
        }

        /// The family.
        package var kind: Kind
        /// The degree of a random regular graph; nil for the other families.
        package var degree: Int?
        /// The edges of the family `edges`: pairs of places in the list of peers, the smaller first, sorted.
        package var edges: [SwarmGraph.Edge]

        package init(kind: Kind, degree: Int? = nil, edges: [SwarmGraph.Edge] = []) {
            self.kind = kind
            self.degree = degree
            self.edges = edges
        }
    }

    /// One of `peers:`.
    package struct PeerEntry: Sendable, Hashable {
        /// The name people use; unique in the swarm.
        package var name: String
        /// The identity; nil until identities are made.
        package var id: PeerID?
        /// The X25519 public key of handshakes, 32 bytes; nil until identities are made.
        package var exchangeKey: [UInt8]?
        /// Where the peer receives; nil where it is only known to others (a simulated peer).
        package var address: NetworkAddress?
        /// The path of this peer's own instructions; nil where they are dealt out from `data.source`.
        package var data: String?

        package init(
            name: String, id: PeerID? = nil, exchangeKey: [UInt8]? = nil, address: NetworkAddress? = nil,
            data: String? = nil
        ) {
            self.name = name
            self.id = id
            self.exchangeKey = exchangeKey
            self.address = address
            self.data = data
        }
    }
}
