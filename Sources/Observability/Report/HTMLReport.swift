/// The report of a run: one self-contained HTML file with curves, the comparison and the topology.
package struct HTMLReport: Sendable {
    /// The swarm's name.
    package var swarm: String
    /// Facts above all else: what ran, how long, what it cost; name and value.
    package var facts: [(String, String)]
    /// What the peers' events told.
    package var progress: SwarmProgress
    /// The comparison of gossip with its alternatives, if it was made, and what its rows mean.
    package var comparison: TextTable?
    /// Sentences below the comparison: what is compared under which conditions.
    package var notes: [String]
    /// The graph.
    package var topology: TopologyDrawing

    package init(
        swarm: String, facts: [(String, String)], progress: SwarmProgress, comparison: TextTable?, notes: [String],
        topology: TopologyDrawing
    ) {
        self.swarm = swarm
        self.facts = facts
        self.progress = progress
        self.comparison = comparison
        self.notes = notes
        self.topology = topology
    }

    /// The file's text.
    package var html: String {
        var body = "<h1>Murmuration: \(HTML.escape(swarm))</h1>\n<dl>\n"
        for (name, value) in facts {
            body += "<dt>\(HTML.escape(name))</dt><dd>\(HTML.escape(value))</dd>\n"
        }
        body += "</dl>\n"
        if let comparison {
            body += "<h2>Comparison</h2>\n" + HTML.table(comparison)
        }
        body += notes.map { "<p>\(HTML.escape($0))</p>\n" }.joined()
        body += "<h2>Peers</h2>\n" + HTML.table(peerTable)
        body += lossChart.html + "\n" + consensusChart.html + "\n"
        if progress.peers.values.contains(where: { !$0.biases.isEmpty }) { body += biasChart.html + "\n" }
        body += trafficChart.html + "\n" + topology.html
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Murmuration: \(HTML.escape(swarm))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"><style>\(Self.style)</style></head>
            <body>
            \(body)
            </body></html>

            """
    }

    private var peerTable: TextTable {
        var table = TextTable(heads: ["peer", "phase", "rounds", "last loss", "sent", "received", "consensus distance"])
        for name in progress.names {
            guard let state = progress.peers[name] else { continue }
            table.rows.append([
                name, state.phase, "\(state.losses.count)", Readable.number(state.loss),
                Readable.bytes(state.bytesSent),
                Readable.bytes(state.bytesReceived), Readable.scientific(state.disagreement),
            ])
        }
        return table
    }

    private var lossChart: LineChart {
        LineChart(
            title: "Loss of the local steps", horizontal: "round", vertical: "nats per token",
            series: series { $0.losses.map { (Double($0.round), $0.loss) } })
    }

    private var consensusChart: LineChart {
        LineChart(
            title: "Largest relative distance to a neighbour before mixing", horizontal: "round",
            vertical: "relative distance", isLogarithmic: true,
            series: series { $0.disagreements.map { (Double($0.round), $0.value) } })
    }

    private var biasChart: LineChart {
        LineChart(
            title: "What averaging the factors A and B apart loses of the average of their products",
            horizontal: "round",
            vertical: "relative norm", isLogarithmic: true,
            series: series { $0.biases.map { (Double($0.round), $0.value) } })
    }

    private var trafficChart: LineChart {
        LineChart(
            title: "Traffic", horizontal: "round", vertical: "MB sent",
            series: series { $0.traffic.map { (Double($0.round), Double($0.bytes) / 1e6) } })
    }

    private func series(_ points: (SwarmProgress.PeerState) -> [(x: Double, y: Double)]) -> [LineChart.Series] {
        progress.names.compactMap { name in
            progress.peers[name].map { LineChart.Series(name: name, points: points($0)) }
        }
    }

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
        h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dt{color:#666}dd{margin:0}
        table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd}
        th:first-child,td:first-child{text-align:left}figure{margin:1.5rem 0}figcaption{font-weight:600;margin-bottom:.3rem}
        svg{width:100%;max-width:44rem;font:12px system-ui,sans-serif}svg text{fill:#444}svg.graph{max-width:22rem}
        .grid{stroke:#e3e3e3}.edge{stroke:#9bb}circle{fill:#0072b2}
        @media(prefers-color-scheme:dark){body{background:#16181b;color:#ddd}svg text{fill:#bbb}.grid{stroke:#333}th,td{border-color:#333}}
        """
}
