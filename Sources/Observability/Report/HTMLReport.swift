/// The report of a run: one file with the answer first, that needs neither network nor script.
///
/// What is not known is nil or empty. Its section then says what is missing, and how to get it where there is a way.
package struct HTMLReport: Sendable {
    /// What the FedAvg server that gossip is compared with did.
    package struct Server: Sendable {
        /// The loss of the local steps of each round.
        package var losses: [(round: Int, loss: Double)]
        /// What one peer and the server send each other a round: the adapter in single precision, up and down.
        package var bytesPerRound: Int

        package init(losses: [(round: Int, loss: Double)], bytesPerRound: Int) {
            self.losses = losses
            self.bytesPerRound = bytesPerRound
        }
    }

    /// What three models answer to one held-out record.
    package struct Sample: Sendable, Hashable {
        package var category: String
        package var instruction: String
        package var expected: String
        package var base: String
        package var alone: String
        package var together: String

        package init(
            category: String, instruction: String, expected: String, base: String, alone: String, together: String
        ) {
            self.category = category
            self.instruction = instruction
            self.expected = expected
            self.base = base
            self.alone = alone
            self.together = together
        }
    }

    /// The swarm's name.
    package var swarm: String
    /// What the peers' events told.
    package var progress: SwarmProgress
    /// How gossip did beside its alternatives.
    package var outcome: Outcome?
    /// The comparison in figures, and what is compared under which conditions.
    package var comparison: TextTable?
    package var notes: [String] = []
    /// What each peer gains over alone, by category.
    package var gains: HeatMap?
    /// What peers measured themselves of what came from their neighbours; nil or empty where they did not.
    package var gainMatrix: GainMatrix?
    /// Who gave nothing, a sentence each.
    package var gaveNothing: [String] = []
    /// By which factor mixing brings the peers nearer in a round, as the mixing matrix has it; nil where it has none.
    package var contraction: Double?
    package var server: Server?
    /// A row a peer: what it did and what its neighbours say of it.
    package var participation: TextTable?
    package var timeline: RunTimeline?
    package var topology: GraphDrawing?
    /// How many records of which category each peer holds.
    package var partition: HeatMap?
    /// Whose adapters answered the samples.
    package var samplePeer = ""
    package var samples: [Sample] = []
    /// What ran, with which settings, when, how long: name and value.
    package var facts: [(String, String)] = []

    package init(swarm: String, progress: SwarmProgress) {
        self.swarm = swarm
        self.progress = progress
    }

    /// The file's text.
    package var html: String {
        ReportPage(title: "Murmuration: \(swarm)", answer: answer, sections: sections).html
    }

    /// The first sentence.
    package var answer: String { outcome?.answer ?? runAnswer }

    /// What is known without a comparison: who took part, and how the losses of the local steps went.
    private var runAnswer: String {
        let finished = progress.names.count { ["finished", "settled"].contains(progress.peers[$0]?.phase) }
        let start = "\(finished) of \(Readable.count(progress.names.count, "peer")) finished"
        let means = meanLosses
        guard let first = means.first, let last = means.last, means.count > 1 else {
            return start + "; no losses of local steps were logged."
        }
        return start
            + "; the mean loss of their local steps went from \(Readable.brief(first.y)) to \(Readable.brief(last.y)) nats a "
            + "token in \(means.count) rounds. Whether that is more than each would reach alone was not measured."
    }

    /// The mean over the peers that told a loss, round by round.
    var meanLosses: [(x: Double, y: Double)] { mean { $0.losses.map { ($0.round, $0.loss) } } }

    /// The mean of what the peers told of each round.
    func mean(_ values: (SwarmProgress.PeerState) -> [(round: Int, value: Double)]) -> [(x: Double, y: Double)] {
        var sums: [Int: (sum: Double, count: Int)] = [:]
        for state in progress.names.compactMap({ progress.peers[$0] }) {
            for told in values(state) where told.value.isFinite {
                let before = sums[told.round] ?? (0, 0)
                sums[told.round] = (before.sum + told.value, before.count + 1)
            }
        }
        return sums.keys.sorted().map { (Double($0), sums[$0]!.sum / Double(sums[$0]!.count)) }
    }
}
