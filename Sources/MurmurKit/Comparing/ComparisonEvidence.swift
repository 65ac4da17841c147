import Basics
package import InstructionTuning
package import Observability

/// What a comparison knows beyond its summaries: the scores of single records, and so intervals and answers; how FedAvg got
/// where it is; what the peers hold.
package struct ComparisonEvidence: Sendable {
    /// The scores of the same held-out records under each adapter.
    package struct Scores: Sendable {
        package var base: [RecordScore]
        package var centralized: [RecordScore]
        package var fedavg: [RecordScore]
        /// By peer, in the topology's order.
        package var alone: [[RecordScore]]
        package var gossip: [[RecordScore]]

        package init(
            base: [RecordScore], centralized: [RecordScore], fedavg: [RecordScore], alone: [[RecordScore]],
            gossip: [[RecordScore]]
        ) {
            self.base = base
            self.centralized = centralized
            self.fedavg = fedavg
            self.alone = alone
            self.gossip = gossip
        }
    }

    package var scores: Scores
    /// The records that were measured, in the order of the scores.
    package var records: [InstructionRecord]
    package var server: HTMLReport.Server
    package var partition: PartitionReport

    package init(
        scores: Scores, records: [InstructionRecord], server: HTMLReport.Server, partition: PartitionReport
    ) {
        self.scores = scores
        self.records = records
        self.server = server
        self.partition = partition
    }

    /// Where the losses lie, and their differences.
    package struct Intervals: Sendable {
        package var base, alone, gossip, fedavg, centralized: ClosedRange<Double>?
        /// Alone minus gossip.
        package var gain: ClosedRange<Double>?
        /// Gossip minus FedAvg.
        package var behindServer: ClosedRange<Double>?
        /// Alone minus gossip, by peer.
        package var peers: [ClosedRange<Double>?]
    }

    package func intervals(seed: UInt64) -> Intervals {
        let bootstrap = RecordBootstrap(tokens: scores.base.map(\.tokens), seed: seed)
        func sums(_ scores: [RecordScore]) -> [Double] { scores.map(\.negativeLogLikelihood) }
        func mean(_ peers: [[RecordScore]]) -> [Double] {
            guard let first = peers.first else { return [] }
            return first.indices.map { record in
                peers.reduce(0) { $0 + $1[record].negativeLogLikelihood } / Double(peers.count)
            }
        }
        func difference(_ one: [Double], _ other: [Double]) -> [Double] { zip(one, other).map { $0 - $1 } }
        let (alone, gossip) = (mean(scores.alone), mean(scores.gossip))
        return Intervals(
            base: bootstrap.interval(of: sums(scores.base)), alone: bootstrap.interval(of: alone),
            gossip: bootstrap.interval(of: gossip), fedavg: bootstrap.interval(of: sums(scores.fedavg)),
            centralized: bootstrap.interval(of: sums(scores.centralized)),
            gain: bootstrap.interval(of: difference(alone, gossip)),
            behindServer: bootstrap.interval(of: difference(gossip, sums(scores.fedavg))),
            peers: zip(scores.alone, scores.gossip).map { bootstrap.interval(of: difference(sums($0), sums($1))) })
    }

    /// The first record of each category that answers were generated for, with what the peer at `peer` answers to it; eight
    /// at most.
    package func samples(peer: Int) -> [HTMLReport.Sample] {
        guard scores.alone.indices.contains(peer), scores.gossip.indices.contains(peer) else { return [] }
        var seen: Set<String> = []
        var samples: [HTMLReport.Sample] = []
        for (index, record) in records.enumerated() where samples.count < 8 && !seen.contains(record.category) {
            guard let base = scores.base[index].answer, let alone = scores.alone[peer][index].answer,
                let together = scores.gossip[peer][index].answer
            else { continue }
            seen.insert(record.category)
            let question = record.context.isEmpty ? record.instruction : record.instruction + "\n" + record.context
            samples.append(
                .init(
                    category: record.category, instruction: Self.cut(question), expected: Self.cut(record.response),
                    base: Self.cut(base), alone: Self.cut(alone), together: Self.cut(together)))
        }
        return samples
    }

    /// A text that is not longer than a page has room for.
    private static func cut(_ text: String) -> String { text.count <= 600 ? text : text.prefix(599) + "…" }
}

/// Intervals for losses over records by the percentile bootstrap (Efron and Tibshirani, 1993, §13): records are drawn with
/// replacement, and the loss of each drawing is its sum over its tokens.
///
/// All drawings are the same for all sums that are given: differences of two adapters are paired by record.
package struct RecordBootstrap: Sendable {
    private let tokens: [Int]
    private let seed: UInt64
    private static let drawings = 1000

    package init(tokens: [Int], seed: UInt64) {
        self.tokens = tokens
        self.seed = seed
    }

    /// Where the loss lies in 95 of 100 drawings, for the summed negative log-likelihood of each record; nil for fewer than
    /// two records, and where a sum is not finite.
    package func interval(of sums: [Double]) -> ClosedRange<Double>? {
        guard sums.count == tokens.count, sums.count > 1, sums.allSatisfy(\.isFinite) else { return nil }
        var random = SeededGenerator(seed: seed, label: "bootstrap")
        var losses: [Double] = []
        for _ in 0..<Self.drawings {
            var (sum, count) = (0.0, 0)
            for _ in sums.indices {
                let index = Int(random.uniform() * Double(sums.count))
                sum += sums[index]
                count += tokens[index]
            }
            if count > 0 { losses.append(sum / Double(count)) }
        }
        guard losses.count > Self.drawings / 2 else { return nil }
        losses.sort()
        let tail = losses.count / 40
        return losses[tail]...losses[losses.count - 1 - tail]
    }
}
