import Federation

/// The live view of a swarm: a table that is drawn over itself on a terminal, or plain lines elsewhere.
package struct LiveView: Sendable {
    /// Whether the output is a terminal.
    package let isTerminal: Bool
    private var drawnLines = 0
    private var reported: [String: Int] = [:]

    package init(isTerminal: Bool) {
        self.isTerminal = isTerminal
    }

    /// What to print now for `progress`: on a terminal the whole table with the escapes that put it over the last one;
    /// elsewhere one line for each peer that has come to a new round, so that a log stays readable.
    package mutating func render(_ progress: SwarmProgress, rounds: Int) -> String {
        isTerminal ? redraw(progress, rounds: rounds) : news(progress, rounds: rounds)
    }

    private mutating func redraw(_ progress: SwarmProgress, rounds: Int) -> String {
        let lines = Self.table(progress, rounds: rounds).lines
        // Up over the old table, each line cleared before it is written.
        let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        drawnLines = lines.count
        return up + lines.map { "\u{1B}[2K" + $0 + "\n" }.joined()
    }

    private mutating func news(_ progress: SwarmProgress, rounds: Int) -> String {
        var text = ""
        for name in progress.names {
            guard let state = progress.peers[name], let latest = state.disagreements.last else { continue }
            guard reported[name] != latest.round else { continue }
            reported[name] = latest.round
            text +=
                "\(name): \(EventDescription.place(latest.round, of: rounds))  loss \(Readable.number(state.loss))  "
                + "neighbours \(state.neighbours.count)  sent \(Readable.bytes(state.bytesSent))  "
                + "received \(Readable.bytes(state.bytesReceived))  "
                + "consensus distance \(Readable.scientific(state.disagreement))\n"
        }
        return text
    }

    /// The table: a row a peer with phase, round, loss, neighbours, traffic and consensus distance.
    package static func table(_ progress: SwarmProgress, rounds: Int) -> TextTable {
        var table = TextTable(heads: [
            "peer", "phase", "round", "loss", "neighbours", "sent", "received", "consensus distance",
        ])
        for name in progress.names {
            guard let state = progress.peers[name] else { continue }
            table.rows.append([
                name, state.phase, "\(min(state.round + 1, rounds))/\(rounds)", Readable.number(state.loss),
                "\(state.neighbours.count)", Readable.bytes(state.bytesSent), Readable.bytes(state.bytesReceived),
                Readable.scientific(state.disagreement),
            ])
        }
        return table
    }
}
