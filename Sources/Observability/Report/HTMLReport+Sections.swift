extension HTMLReport {
    /// The parts of the page, in the order in which they are read.
    var sections: [ReportPage.Section] {
        [
            .init(
                key: "comparison", title: "Alone, together, pooled", content: comparisonContent,
                missing:
                    "Not compared: murmur compare measures the base model, each peer alone, a FedAvg server and pooled data."
            ),
            .init(
                key: "gains", title: "Who gained what", content: gainsContent,
                missing:
                    "No losses by category are known: murmur compare measures them, and peers measure what they gain "
                    + "from whom where the topology has exchange.gain."),
            .init(
                key: "rounds", title: "Round by round", content: roundsContent,
                missing: "No losses or distances were logged."),
            .init(
                key: "bytes", title: "Bytes against loss", content: bytesContent,
                missing: "No traffic was logged."),
            .init(
                key: "participation", title: "Who took part", content: participationContent,
                missing: "Who took part is not known: there are no logs of the peers."),
            .init(
                key: "topology", title: "Topology and data partition", content: topologyContent,
                missing: "The graph is not known."),
            .init(
                key: "answers", title: "Answers side by side", content: samplesContent,
                missing: "No answers were generated: murmur compare generates them unless --max-new-tokens is 0."),
            .init(
                key: "settings", title: "Settings", content: HTML.list(facts), missing: "No settings are known."),
        ]
    }

    // MARK: Comparison

    private var comparisonContent: String {
        var content = ""
        if let outcome {
            content += HTML.points(outcome.caveats())
            content += HTML.side(by: [outcome.chart.figure(key: "triangle")])
        }
        if let comparison { content += HTML.table(comparison, caption: "The comparison in figures") }
        return content + (content.isEmpty ? "" : notes.map { HTML.paragraph($0, name: "muted") }.joined())
    }

    private var gainsContent: String {
        var content = gains?.html ?? ""
        guard let matrix = gainMatrix, !matrix.isEmpty else { return content }
        content += gaveNothing.map { HTML.paragraph($0) }.joined()
        if gaveNothing.isEmpty { content += HTML.paragraph("Nobody is found to have given nothing.") }
        content += (matrix.map?.html ?? "") + (matrix.categoryMap?.html ?? "")
        if let table = matrix.table { content += HTML.table(table, caption: "What each peer gave") }
        return content
            + HTML.paragraph(
                "As the peers tell it of themselves, on few records: a liar can say what it likes, and small gains are "
                    + "noise. Nothing was decided by these figures.", name: "muted")
    }

    // MARK: Rounds

    /// Up to so many peers have a line with a name each; more are pale beside their mean.
    private static let namedPeers = 4

    private func lines(
        _ values: (SwarmProgress.PeerState) -> [(round: Int, value: Double)]
    ) -> [LineChart.Series] {
        let areMany = progress.names.count > Self.namedPeers
        let each = progress.names.compactMap { name in
            progress.peers[name].map { state in
                LineChart.Series(
                    name: name, points: values(state).map { (Double($0.round), $0.value) },
                    role: areMany ? .one : .named)
            }
        }
        return each + (areMany ? [.init(name: "mean", points: mean(values))] : [])
    }

    private var roundsContent: String {
        var losses = lines { $0.losses.map { ($0.round, $0.loss) } }
        if let server, !losses.allSatisfy(\.points.isEmpty) {
            losses.append(.init(name: "FedAvg", points: server.losses.map { (Double($0.round), $0.loss) }))
        }
        let distances = lines { $0.disagreements.map { ($0.round, $0.value) } }
        let predicted = prediction
        let biases = lines { $0.biases }
        let validations = lines { $0.validations }
        var figures = [
            LineChart(
                title: "Loss of the local steps",
                caption: "Mean over a round's batches, on each peer's own records: not what the comparison measures.",
                horizontal: .init("round", measure: .count), vertical: .init("nats a token", zero: .whenNear),
                series: losses
            ).figure(key: "losses"),
            LineChart(
                title: "Distance from the neighbours", caption: predictionCaption,
                horizontal: .init("round", measure: .count),
                vertical: .init("relative distance before mixing", isLogarithmic: true),
                series: distances
                    + (predicted.isEmpty ? [] : [.init(name: "predicted", points: predicted, role: .predicted)])
            ).figure(key: "distances"),
        ]
        if !validations.allSatisfy(\.points.isEmpty) {
            figures.insert(
                LineChart(
                    title: "Loss on the validation parts",
                    caption: "Of the adapter that a round begins with, on records of the peer's own that it does not "
                        + "train on; the last point is the final adapter.",
                    horizontal: .init("round", measure: .count),
                    vertical: .init("nats a token", zero: .whenNear), series: validations
                ).figure(key: "validations"), at: 1)
        }
        if !biases.allSatisfy(\.points.isEmpty) {
            figures.append(
                LineChart(
                    title: "What averaging the factors apart loses",
                    caption: "Of the average of the products BA, where A and B are averaged by themselves.",
                    horizontal: .init("round", measure: .count),
                    vertical: .init("relative norm", isLogarithmic: true), series: biases
                ).figure(key: "biases"))
        }
        return HTML.side(by: figures)
    }

    /// What the mixing matrix says of the rounds without local steps: the distance shrinks by the same factor in each.
    private var prediction: [(x: Double, y: Double)] {
        let settling = mean { $0.disagreements.map { ($0.round, $0.value) } }.filter {
            $0.x >= Double(progress.rounds) && $0.y > 0
        }
        guard let contraction, contraction > 0, let first = settling.first, settling.count > 1 else { return [] }
        var value = first.y
        return settling.map { point in
            defer { value *= contraction }
            return (point.x, value)
        }
    }

    private var predictionCaption: String {
        guard let contraction else { return "The mixing rule has no fixed matrix, so there is no spectral prediction." }
        let factor =
            "The mixing matrix, without the rounding of what is sent, has a factor of \(Readable.brief(contraction)) a round"
        return prediction.isEmpty
            ? factor + " without local steps; there were too few such rounds to compare."
            : factor + " once the local steps are over (from round \(progress.rounds) on): the dashed line."
    }

    // MARK: Bytes

    private var bytesContent: String {
        let losses = meanLosses
        let sent = mean { $0.traffic.map { ($0.round, Double($0.bytes)) } }
        var points: [(x: Double, y: Double)] = []
        for loss in losses {
            if let bytes = sent.first(where: { $0.x == loss.x }) { points.append((bytes.y, loss.y)) }
        }
        var series = [LineChart.Series(name: "gossip", points: points)]
        if let server {
            series.append(
                .init(
                    name: "FedAvg",
                    points: server.losses.map { (Double(server.bytesPerRound * ($0.round + 1)), $0.loss) }))
        }
        let caption =
            server == nil
            ? "Bytes that a peer has sent, in the mean, up to the end of each round. FedAvg's are not known: murmur compare runs it."
            : "Bytes that a peer has sent, in the mean, up to the end of each round. FedAvg's are computed: the adapter in single "
                + "precision to the server and back, without the network's own overhead."
        let chart = LineChart(
            title: "What a loss costs", caption: caption,
            horizontal: .init("bytes a peer", measure: .bytes, zero: .always, isLogarithmic: server != nil),
            vertical: .init("nats a token, local steps", zero: .whenNear), series: points.isEmpty ? [] : series)
        return HTML.side(by: [chart.figure(key: "traffic")])
    }

    // MARK: Participation

    private var participationContent: String {
        var content = participation.map { HTML.table($0, caption: "Participation") } ?? ""
        if progress.names.contains(where: { progress.peers[$0]?.losses.isEmpty == false }) {
            content += HTML.table(peerTable, caption: "The peers at the end")
        }
        guard let timeline, timeline.start != nil else { return content }
        content += HTML.side(by: [
            timeline.chart.figure(key: "timeline"),
            timeline.losses.isEmpty ? nil : timeline.lossChart.figure(key: "drops"),
        ])
        let happened = RunTimeline.Kind.allCases.contains { timeline.count($0) > 0 }
        if !happened, timeline.losses.isEmpty {
            content += HTML.paragraph("No faults: nobody came back, was missed, or had a contribution refused.")
        }
        return content
    }

    private var peerTable: TextTable {
        var table = TextTable(heads: ["peer", "phase", "rounds", "last loss", "sent", "received", "distance"])
        for name in progress.names {
            guard let state = progress.peers[name] else { continue }
            table.rows.append([
                name, state.phase, "\(state.losses.count)", Readable.number(state.loss),
                Readable.bytes(state.bytesSent), Readable.bytes(state.bytesReceived),
                Readable.scientific(state.disagreement),
            ])
        }
        return table
    }

    // MARK: Topology and answers

    private var topologyContent: String {
        let drawing = HTML.side(by: [topology?.figure(key: "graph")])
        guard !drawing.isEmpty || partition != nil else { return "" }
        return drawing
            + (partition?.html ?? HTML.paragraph("What the peers hold by category is not known here.", name: "missing"))
    }

    private var samplesContent: String {
        guard !samples.isEmpty else { return "" }
        let cards = samples.map { sample -> String in
            let answers = [
                ("expected", sample.expected), ("base model", sample.base), ("\(samplePeer) alone", sample.alone),
                ("\(samplePeer) together", sample.together),
            ].map { name, text in
                "<dt>\(HTML.escape(name))</dt><dd>\(text.isEmpty ? "<em>nothing</em>" : HTML.escape(text))</dd>\n"
            }
            return "<article><h3>\(HTML.escape(sample.category.isEmpty ? "no category" : sample.category))</h3>\n"
                + HTML.paragraph(sample.instruction, name: "question") + "<dl>\n\(answers.joined())</dl></article>\n"
        }
        return HTML.paragraph("The first held-out record of each category, not chosen by its answers.", name: "muted")
            + "<div class=\"samples\">\n\(cards.joined())</div>\n"
    }
}
