import Federation

/// What the live view shows of a swarm at one moment, in as many rows and columns as there are.
struct LivePage {
    private let title: String
    private let progress: SwarmProgress
    private let now: Double

    /// - Parameter now: seconds since 1970.
    init(_ title: String, _ progress: SwarmProgress, at now: Double) {
        self.title = title
        self.progress = progress
        self.now = now
    }

    /// The page for a terminal of `size`: one row is left for the cursor.
    ///
    /// The head stays whatever happens; then what is wrong, then the peers. Those for which there is no room are counted
    /// in the last row; those with trouble come before the others.
    func lines(for size: ScreenSize) -> [String] {
        let room = max(1, size.rows - 1)
        var lines = [head]
        if room >= 4 { lines.append(phases) }
        // At most half of the room is for trouble.
        lines += troubles.prefix(max(0, room / 2 - lines.count))
        lines += table(rows: room - lines.count, columns: size.columns)
        return lines.prefix(room).map { Self.clipped(Readable.plain($0), to: size.columns) }
    }

    /// `text` in at most `columns` columns; what is cut off is marked.
    private static func clipped(_ text: String, to columns: Int) -> String {
        guard text.count > columns else { return text }
        return columns > 1 ? text.prefix(columns - 1) + "…" : String(text.prefix(max(0, columns)))
    }

    // MARK: The head

    /// The swarm, where it is, how long it has taken and will take.
    private var head: String {
        var parts = [title]
        let isDone = progress.isDone
        if let round = progress.slowestRound { parts.append(EventDescription.place(round, of: progress.rounds)) }
        if isDone { parts.append("finished") }
        if progress.seconds > 0 { parts.append(Readable.time(progress.seconds(at: isDone ? nil : now))) }
        if let left = progress.secondsLeft(at: now) {
            parts.append("about \(Readable.time(left)) left")
        } else if let round = progress.slowestRound, round >= progress.rounds {
            parts.append("ends when all agree")
        }
        parts.append("\(Readable.bytes(progress.bytesSent)) sent")
        return parts.joined(separator: "  ")
    }

    /// How many peers are in which phase.
    private var phases: String {
        Readable.count(progress.names.count, "peer") + ": "
            + Self.counted(progress.names.compactMap { progress.peers[$0]?.phase })
    }

    private static func counted(_ phases: [String]) -> String {
        var seen: [String] = []
        for phase in phases where !seen.contains(phase) { seen.append(phase) }
        return seen.map { phase in "\(phases.count { $0 == phase }) \(phase)" }.joined(separator: ", ")
    }

    /// What is wrong: one line a kind or a disk.
    private var troubles: [String] {
        var lines: [String] = []
        for name in progress.names {
            if let failure = progress.peers[name]?.diskFailure {
                lines.append("! \(name): its disk takes nothing: \(failure)")
            }
        }
        let out = progress.leftOut
        if !out.isEmpty {
            let names = out.map { "\($0.name) (by \(Self.list($0.by)))" }
            lines.append("! left out of the last mixing: " + names.joined(separator: ", "))
        }
        return lines
    }

    private static func list(_ names: [String]) -> String {
        names.count <= 3 ? names.joined(separator: ", ") : "\(names.count) neighbours"
    }

    // MARK: The peers

    /// A column: what it shows of a peer, and from which place on it is left out where there is no room.
    private struct Column {
        let head: String
        let rank: Int
        let entry: (String, SwarmProgress.PeerState) -> String
    }

    private var columns: [Column] {
        let rounds = progress.rounds
        return [
            Column(head: "peer", rank: 0) { name, _ in name },
            Column(head: "phase", rank: 1) { $1.phase },
            Column(head: "round", rank: 2) { "\(min($1.round + 1, rounds))/\(rounds)" },
            Column(head: "steps", rank: 4) { $1.steps.map { "\($0.done)/\($0.all)" } ?? "" },
            Column(head: "loss", rank: 3) { Readable.number($1.loss) },
            Column(head: "neighbours", rank: 6) { "\($1.neighbours.count)" },
            Column(head: "sent", rank: 7) { Readable.bytes($1.bytesSent) },
            Column(head: "received", rank: 8) { Readable.bytes($1.bytesReceived) },
            Column(head: "distance", rank: 5) { Readable.scientific($1.disagreement) },
        ]
    }

    /// The table of the peers in at most `rows` rows, with as many columns as fit.
    private func table(rows: Int, columns width: Int) -> [String] {
        let all = progress.names
        // The heads, and a rule where everybody fits all the same.
        guard rows >= 2 else { return [] }
        let hasRule = rows >= all.count + 2
        let room = rows - (hasRule ? 2 : 1)
        let shown = all.count <= room ? all : chosen(room - 1)
        var lines = fitted(shown, to: width)
        if !hasRule { lines.remove(at: 1) }
        if shown.count < all.count {
            let others = all.filter { !shown.contains($0) }.compactMap { progress.peers[$0]?.phase }
            lines.append("and \(others.count) more: \(Self.counted(others))")
        }
        return lines
    }

    /// The `count` peers to be shown where there is no room for all, in the order of the topology.
    private func chosen(_ count: Int) -> [String] {
        let out = Set(progress.leftOut.map(\.name))
        let isTroubled = { (name: String) -> Bool in
            progress.peers[name]?.phase == "dead" || progress.peers[name]?.diskFailure != nil || out.contains(name)
        }
        let first = progress.names.filter(isTroubled) + progress.names.filter { !isTroubled($0) }
        let chosen = Set(first.prefix(max(0, count)))
        return progress.names.filter(chosen.contains)
    }

    /// The lines of a table of the peers called `names` that is at most `width` wide, if any columns are.
    private func fitted(_ names: [String], to width: Int) -> [String] {
        var columns = columns
        while true {
            var table = TextTable(heads: columns.map(\.head))
            table.rows = names.compactMap { name in
                progress.peers[name].map { state in columns.map { $0.entry(name, state) } }
            }
            let lines = table.lines
            guard lines[0].count > width, columns.count > 1, let last = columns.map(\.rank).max() else { return lines }
            columns.removeAll { $0.rank == last }
        }
    }
}
