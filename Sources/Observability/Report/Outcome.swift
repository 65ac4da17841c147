/// What tuning together came to beside its alternatives, and how sure that is: the head of a report.
package struct Outcome: Sendable {
    /// A loss in nats a response token, or a difference of two.
    package struct Estimate: Sendable, Hashable {
        package var value: Double
        /// Where it lies in 95 of 100 drawings of held-out records; nil where that is not known.
        package var interval: ClosedRange<Double>?

        package init(_ value: Double, _ interval: ClosedRange<Double>? = nil) {
            self.value = value
            self.interval = interval
        }
    }

    /// One peer's loss alone and together.
    package struct Peer: Sendable, Hashable {
        package var name: String
        package var alone: Double
        package var together: Double
        /// Where `alone - together` lies; nil where that is not known.
        package var gain: ClosedRange<Double>?

        package init(name: String, alone: Double, together: Double, gain: ClosedRange<Double>? = nil) {
            self.name = name
            self.alone = alone
            self.together = together
            self.gain = gain
        }
    }

    /// The held-out records that all was measured on.
    package var records: Int
    package var base: Estimate
    /// The mean over the peers.
    package var alone: Estimate
    package var together: Estimate
    /// FedAvg.
    package var server: Estimate
    package var pooled: Estimate
    /// `alone - together`, on the same records.
    package var gain: Estimate
    /// `together - server`, on the same records.
    package var behindServer: Estimate
    package var peers: [Peer]

    package init(
        records: Int, base: Estimate, alone: Estimate, together: Estimate, server: Estimate, pooled: Estimate,
        gain: Estimate, behindServer: Estimate, peers: [Peer]
    ) {
        self.records = records
        self.base = base
        self.alone = alone
        self.together = together
        self.server = server
        self.pooled = pooled
        self.gain = gain
        self.behindServer = behindServer
        self.peers = peers
    }

    /// Fewer records than this are called few.
    private static let few = 100

    /// Peers that have a lower loss together than alone; where intervals are known, only those whose whole interval says so.
    package var gained: [Peer] { peers.filter { $0.gain.map { $0.lowerBound > 0 } ?? ($0.together < $0.alone) } }

    /// Peers that have a higher loss, by the same rule.
    package var lost: [Peer] { peers.filter { $0.gain.map { $0.upperBound < 0 } ?? ($0.together > $0.alone) } }

    /// The answer in one sentence.
    package var answer: String {
        let (by, size) = (Self.words(gain), Readable.brief(abs(gain.value)))
        let losses = "\(Readable.brief(together.value)) nats a token together and \(Readable.brief(alone.value)) alone"
        guard gain.value.isFinite else { return "The losses are not finite, so there is no answer." }
        if let interval = gain.interval, interval.contains(0) {
            return
                "Whether tuning together helped cannot be told from these \(records) records: the mean loss is \(losses), "
                + "and the difference is within noise\(by)."
        }
        if gain.value > 0 {
            return "Tuning together helped \(Self.share(gained.count, of: peers.count)): the mean loss is \(losses), "
                + "a gain of \(size)\(by)."
        }
        let some = gained.isEmpty ? "nobody gained" : "only \(gained.count) of \(peers.count) peers gained"
        return "Tuning together did not help: the mean loss is \(losses), \(size) more\(by), and \(some)."
    }

    private static func share(_ count: Int, of all: Int) -> String {
        if count == all { return all == 1 ? "the one peer" : "all \(all) peers" }
        return "\(count) of \(all) peers"
    }

    private static func words(_ estimate: Estimate) -> String {
        estimate.interval.map {
            " (95 % interval \(Readable.brief($0.lowerBound)) to \(Readable.brief($0.upperBound)))"
        } ?? ""
    }

    /// What the answer does not say by itself, a sentence each.
    ///
    /// - Parameter seeds: how many runs with seeds of their own the figures are of.
    package func caveats(seeds: Int = 1) -> [String] {
        var lines = [beside]
        if !lost.isEmpty {
            let names = lost.prefix(5).map(\.name).joined(separator: ", ")
            lines.append("Worse off than alone: \(names)\(lost.count > 5 ? " and \(lost.count - 5) more" : "").")
        }
        if records < Self.few {
            lines.append("Only \(records) held-out records: differences of single answers weigh much.")
        }
        if gain.interval == nil { lines.append("No intervals are known: the losses of single records were not kept.") }
        if seeds == 1 {
            lines.append(
                "One run with one seed. The intervals are over held-out records; another seed would move the figures too."
            )
        }
        lines.append(
            "A peer alone has the swarm's learning rate and number of steps; at a rate of its own it may reach more.")
        return lines
    }

    /// How near it comes to FedAvg's server.
    private var beside: String {
        let values =
            "The FedAvg server reaches \(Readable.brief(server.value)), pooled data \(Readable.brief(pooled.value))"
        guard let interval = behindServer.interval else { return values + "." }
        if interval.contains(0) {
            return values + "; between the server and tuning without one there is no difference beyond noise."
        }
        let word = behindServer.value > 0 ? "more" : "less"
        return values
            + "; without a server the loss is \(Readable.brief(abs(behindServer.value))) \(word)\(Self.words(behindServer))."
    }

    /// Alone, together, with a server, pooled.
    package var chart: IntervalChart {
        // Gossip has the first colour and FedAvg the second in all charts of the page.
        func row(_ name: String, _ estimate: Estimate, _ style: Int, _ parts: [Double] = []) -> IntervalChart.Row {
            .init(name: name, value: estimate.value, interval: estimate.interval, parts: parts, style: style)
        }
        let intervals =
            gain.interval == nil
            ? "No intervals are known." : "Bars: 95 % intervals by bootstrap over the \(records) held-out records."
        return IntervalChart(
            title: "Loss on held-out records",
            caption:
                "\(intervals) Pale rings: single peers. The base model, not drawn, has \(Readable.brief(base.value)).",
            axis: .init("nats a response token; less is better", zero: .whenNear),
            rows: [
                row("alone, mean", alone, 2, peers.map(\.alone)),
                row("together, mean", together, 0, peers.map(\.together)),
                row("FedAvg server", server, 1), row("pooled data", pooled, 3),
            ])
    }
}
