extension SwarmTopology {
    /// `tuning:` what every peer does between two exchanges. Trainers are configured with it.
    package struct Tuning: KeyedSection, Hashable {
        /// How the learning rate goes after the warm-up, over the whole run.
        package enum Schedule: String, Sendable, Hashable, CaseIterable {
            case constant, linear, cosine
        }

        /// What the large products of a local step are computed in; auto: bf16 where the processor has instructions for it.
        package enum Precision: String, Sendable, Hashable, CaseIterable {
            case fp32, bf16, auto
        }

        package var template = "alpaca"
        package var cutoff = 512
        package var trainOnInputs = false
        package var batch = 16
        package var learningRate = 3e-4
        package var localSteps = 10
        package var localEpochs: Double?
        package var rounds = 20
        package var participation = 1.0
        package var weightDecay = 0.0
        package var warmup = 0
        package var schedule = Schedule.constant
        package var accumulation = 1
        package var clipNorm = 1.0
        /// μ of FedProx's term; zero for none.
        package var proximal = 0.0
        package var precision = Precision.fp32

        package init() {}

        package static let defaults = Tuning()
        package static let keys: [SectionKey<Self>] = [
            .shared("template", \.template, .text("a name, or the path of a file"), "The prompt template."),
            .shared("cutoff", \.cutoff, .integer(8...1_048_576), "Tokens at which a record is cut."),
            .shared(
                "train-on-inputs", \.trainOnInputs, .flag, "Whether the instruction's tokens carry loss too."),
            .shared("batch", \.batch, .integer(1...65_536), "Records a step."),
            .shared("learning-rate", \.learningRate, .number(above: 0, to: 1), "AdamW's learning rate at its height."),
            .shared(
                "local-epochs", \.localEpochs, .optional(.number(above: 0, to: 10_000)),
                "Epochs over a peer's own records between two exchanges, in place of `local-steps`.",
                "A peer with more records takes more steps; part of a batch counts as a step."),
            .shared("local-steps", \.localSteps, .integer(1...1_000_000), "Optimiser steps between two exchanges.")
                .only(for: "runs without local-epochs, which stands in its place") { $0.localEpochs == nil },
            .shared(
                "rounds", \.rounds, .integer(1...1_000_000), "Rounds with training.",
                "Rounds of pure mixing follow until the swarm agrees."),
            .shared(
                "participation", \.participation, .number(above: 0, to: 1),
                "The share of the peers that train in a round; the others relay.",
                "Drawn from the swarm's seed, the same everywhere: FedAvg's client fraction without a coordinator."),
            .shared("weight-decay", \.weightDecay, .number(0...1), "AdamW's decoupled weight decay."),
            .shared("warmup", \.warmup, .integer(0...1_000_000), "Steps over which the learning rate rises from zero."),
            .shared(
                "schedule", \.schedule, .choice(), "How the learning rate goes after the warm-up.",
                "Over the whole run: a round does not start it anew."),
            .shared(
                "accumulation", \.accumulation, .integer(1...65_536), "Batches a step.",
                "Their gradients are those of one large batch: the mean is over the tokens of all."),
            .shared(
                "clip-norm", \.clipNorm, .number(0...1e6), "The greatest norm of a step's gradient; 0 for no limit.",
                "A gradient with a greater norm is scaled down to it."),
            .shared(
                "proximal", \.proximal, .number(0...1000),
                "What draws local steps back to where the round began (FedProx); 0 for nothing.",
                "So many times the way from there is added to the gradient. `docs/mathematics.md`, \"Drawn back to the "
                    + "start\"."),
            .local(
                "precision", \.precision, .choice(), "What the large products of a step are computed in.",
                "`bf16`: factors rounded to bfloat16, sums in 32-bit floats. `auto`: `bf16` where the processor has "
                    + "instructions for it. Measuring is in `fp32` always."),
        ]

        /// Optimiser steps of the whole run, of a peer whose steps are known (`resolved`).
        package var totalSteps: Int { localSteps * rounds }

        /// Records of a step.
        package var recordsPerStep: Int { batch * accumulation }

        /// The settings of a peer with so many records: epochs are told in steps.
        package func resolved(records: Int) -> Tuning {
            guard let localEpochs else { return self }
            var tuning = self
            tuning.localEpochs = nil
            let steps = (localEpochs * Double(records) / Double(recordsPerStep)).rounded(.up)
            tuning.localSteps = Int(min(1_000_000, max(1, steps)))
            return tuning
        }

        /// What a peer does between two exchanges, in words.
        package var localWork: String {
            guard let localEpochs else { return "\(localSteps) local steps" }
            return Self.epochs(localEpochs, "local ")
        }

        /// What a peer does in the whole run: the number of its steps, or its epochs in words.
        package var totalWork: String {
            localEpochs.map { Self.epochs($0 * Double(rounds), "") } ?? "\(totalSteps)"
        }

        private static func epochs(_ count: Double, _ kind: String) -> String {
            let whole = Int(exactly: count)
            return whole == 1 ? "1 \(kind)epoch" : "\(whole.map(String.init) ?? "\(count)") \(kind)epochs"
        }
    }
}

extension SwarmTopology.Tuning {
    /// The section, with what follows from its keys together: a schedule needs to know how many steps a peer takes.
    static func readTogether(_ place: TopologyValue) throws -> Self {
        let tuning = try Self.read(place)
        if tuning.participation < 1, tuning.schedule != .constant,
            let schedule = try place.section(keys: Self.keys.map(\.name))["schedule"]
        {
            throw schedule.error(
                "\"\(tuning.schedule.rawValue)\" does not go with participation below 1: peers take different numbers of "
                    + "steps; give constant, or leave it out")
        }
        return tuning
    }
}
