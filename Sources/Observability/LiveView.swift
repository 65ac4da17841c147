import Federation

/// How much a terminal shows.
package struct ScreenSize: Sendable, Hashable {
    /// Characters in a row.
    package var columns: Int
    package var rows: Int

    package init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }

    /// What is assumed of a terminal that does not tell.
    package static let usual = ScreenSize(columns: 80, rows: 24)
}

/// The live view of a swarm: a page that is drawn over itself on a terminal, or plain lines elsewhere.
///
/// A page never has more rows than the terminal, nor longer ones: what scrolls or wraps cannot be drawn over.
package struct LiveView: Sendable {
    /// Whether the output is a terminal.
    package let isTerminal: Bool
    private let title: String
    /// The rows of the page that is on the screen, and the size that it was drawn for.
    private var drawn = 0
    private var size: ScreenSize?
    private var reported: [String: Int] = [:]
    private var reportedFailures: [String: String] = [:]

    /// A view of the swarm called `title`.
    package init(_ title: String, isTerminal: Bool) {
        self.title = title
        self.isTerminal = isTerminal
    }

    /// What to print now for `progress`: on a terminal of `size` the whole page with the escapes that put it over the last
    /// one; elsewhere one line for each peer that has come to a new round, so that a log stays readable.
    ///
    /// - Parameter now: seconds since 1970.
    package mutating func render(_ progress: SwarmProgress, size: ScreenSize, at now: Double) -> String {
        isTerminal ? redraw(progress, size, at: now) : news(progress)
    }

    /// The page of the swarm called `title` with a row for every peer, at most `columns` wide.
    ///
    /// - Parameter now: seconds since 1970.
    package static func page(_ title: String, _ progress: SwarmProgress, columns: Int, at now: Double) -> [String] {
        // The head takes two rows, trouble at most half of all, the table's head two.
        let rows = 2 * progress.names.count + 12 + 2 * progress.names.count
        return LivePage(title, progress, at: now).lines(for: ScreenSize(columns: columns, rows: rows))
    }

    /// What takes the page away, so that something else can be printed; the next page is drawn below it.
    package mutating func erase() -> String {
        defer { (drawn, size) = (0, nil) }
        return isTerminal && drawn > 0 ? "\u{1B}[\(drawn)A\r\u{1B}[J" : ""
    }

    private mutating func redraw(_ progress: SwarmProgress, _ size: ScreenSize, at now: Double) -> String {
        let lines = LivePage(title, progress, at: now).lines(for: size)
        var text = ""
        if let old = self.size, old != size {
            // Another size: nobody knows where the terminal has put the rows of the old page.
            text = "\u{1B}[H\u{1B}[2J"
        } else if drawn > 0 {
            text = "\u{1B}[\(drawn)A\r"
        }
        (drawn, self.size) = (lines.count, size)
        // Each row is cleared before it is written, and what is left below of a longer page after the last one.
        return text + lines.map { "\u{1B}[2K" + $0 + "\n" }.joined() + "\u{1B}[J"
    }

    private mutating func news(_ progress: SwarmProgress) -> String {
        var text = ""
        for name in progress.names {
            guard let state = progress.peers[name] else { continue }
            if let failure = state.diskFailure, reportedFailures[name] != failure {
                text += "\(name): its disk takes nothing: \(Readable.plain(failure))\n"
            }
            reportedFailures[name] = state.diskFailure
            guard let latest = state.disagreements.last, reported[name] != latest.round else { continue }
            reported[name] = latest.round
            text +=
                "\(name): \(EventDescription.place(latest.round, of: progress.rounds))  "
                + "loss \(Readable.number(state.loss))  "
                + "neighbours \(state.neighbours.count)  sent \(Readable.bytes(state.bytesSent))  "
                + "received \(Readable.bytes(state.bytesReceived))  "
                + "consensus distance \(Readable.scientific(state.disagreement))\n"
        }
        return text
    }
}
