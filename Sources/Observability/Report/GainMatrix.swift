import Storage

/// Who gained from whom in a swarm, gathered from its peers' events: rows are receivers, columns givers.
///
/// A gain is how much less the mean loss was on the receiver's own records, in nats a token, than with the adapter that
/// the round began with: by the giver's contribution, by the receiver's own local steps, or by what mixing made of all.
/// Every figure is a mean over the rounds in which it was measured. Who lies can say what it likes of itself.
package struct GainMatrix: Sendable {
    /// A mean that grows.
    package struct Mean: Sendable, Hashable {
        package private(set) var count = 0
        private var sum = 0.0

        /// nil before the first value.
        package var value: Double? { count == 0 ? nil : sum / Double(count) }

        mutating func add(_ value: Double) {
            guard value.isFinite else { return }
            count += 1
            sum += value
        }
    }

    /// What a peer measured on all its records, or on those of one category.
    package struct Row: Sendable {
        /// Rounds in which it was measured.
        package private(set) var rounds: Set<Int> = []
        /// Records of the newest.
        package private(set) var records = 0
        /// Mean losses in nats a token: when the rounds began, after the own steps, after mixing.
        package private(set) var before = Mean()
        package private(set) var own = Mean()
        package private(set) var mixed = Mean()
        /// Gains by the own steps, by mixing, and by each giver's contribution.
        package private(set) var ownGain = Mean()
        package private(set) var mixedGain = Mean()
        package private(set) var gains: [String: Mean] = [:]

        fileprivate mutating func record(_ event: LoggedEvent, names: Set<String>) {
            guard let round = event.round, let before = event.amount("before"), let own = event.amount("own"),
                let mixed = event.amount("mixed"), rounds.insert(round).inserted
            else { return }
            records = event.integer("measured").map { max(0, $0) } ?? records
            self.before.add(before)
            self.own.add(own)
            self.mixed.add(mixed)
            ownGain.add(before - own)
            mixedGain.add(before - mixed)
            guard let given = event.fields["with"]?.object else { return }
            for (key, value) in zip(given.keys, given.values) {
                let name = String(decoding: key, as: UTF8.self)
                guard names.contains(name), let loss = value.double, loss.isFinite else { continue }
                gains[name, default: Mean()].add(before - loss)
            }
        }
    }

    /// The peers in the topology's order.
    package let names: [String]
    /// What each peer measured, by name.
    package private(set) var rows: [String: Row] = [:]
    /// The same by category.
    package private(set) var categories: [String: [String: Row]] = [:]
    private let known: Set<String>

    /// The most categories of a peer: a log may be somebody else's.
    private static let categoryLimit = 64

    /// Nothing is known yet of the peers called `names`.
    package init(names: [String]) {
        self.names = names
        known = Set(names)
    }

    /// Whether nobody has measured anything.
    package var isEmpty: Bool { rows.isEmpty }

    /// Takes account of a line of any peer's log. What a peer tells of itself and what others pass on of it is the
    /// same; it counts once.
    package mutating func record(_ event: LoggedEvent) {
        switch event.event {
        case "gain_measured": take(event, of: event.peer)
        case "gain_heard": if let origin = event.text("origin") { take(event, of: origin) }
        case "gain_by_category" where known.contains(event.peer):
            guard let category = event.text("category") else { return }
            var own = categories[event.peer] ?? [:]
            guard own[category] != nil || own.count < Self.categoryLimit else { return }
            var row = own[category] ?? Row()
            row.record(event, names: known)
            own[category] = row.rounds.isEmpty ? nil : row
            categories[event.peer] = own.isEmpty ? nil : own
        default: break
        }
    }

    private mutating func take(_ event: LoggedEvent, of peer: String) {
        guard known.contains(peer) else { return }
        var row = rows[peer] ?? Row()
        row.record(event, names: known)
        // A line that says nothing makes no row.
        rows[peer] = row.rounds.isEmpty ? nil : row
    }

    // MARK: - Givers

    /// What a peer gave the others.
    package struct Giver: Sendable, Hashable {
        package let name: String
        /// Peers that measured its contributions.
        package let receivers: Int
        /// Those of them that gained by them.
        package let gained: Int
        /// The mean of its gains over the receivers, and the greatest of them.
        package let mean: Double
        package let most: Double
    }

    /// What each peer gave, in the topology's order; peers whose contributions nobody measured are left out.
    package var givers: [Giver] {
        names.compactMap { name in
            let gains = names.compactMap { rows[$0]?.gains[name]?.value }
            guard let most = gains.max() else { return nil }
            return Giver(
                name: name, receivers: gains.count, gained: gains.count { $0 > 0 },
                mean: gains.reduce(0, +) / Double(gains.count), most: most)
        }
    }

    /// Below this share of what the middle giver gives at best, a peer is said to give nothing.
    package static let littleShare = 0.1

    /// Peers whose contributions brought nobody anything, and why that is said. Nobody is named where half of the
    /// givers or more did no better: peers that hold unlike records often gain by the mean of all and by no single
    /// contribution.
    package var gaveNothing: [(name: String, reason: String)] {
        let givers = givers
        let best = givers.map(\.most).sorted()
        guard !best.isEmpty else { return [] }
        let middle = best[best.count / 2]
        guard middle > 0 else { return [] }
        return givers.filter { $0.most < Self.littleShare * middle }.map { giver in
            let peers = Readable.count(giver.receivers, "peer")
            return (
                giver.name,
                giver.most <= 0
                    ? "none of the \(peers) that measured its contributions gained by them"
                    : "of the \(peers) that measured its contributions none gained more than "
                        + "\(Readable.brief(giver.most)) nats a token by them, where the middle peer gives "
                        + Readable.brief(middle)
            )
        }
    }

    // MARK: - For people

    /// So many peers have a map; of more there is a table only.
    private static let mapLimit = 40

    /// The matrix as a map; nil where there is nothing to show, or too much.
    package var map: HeatMap? {
        guard !isEmpty, names.count <= Self.mapLimit else { return nil }
        var lines: [(name: String, values: [Double?])] = []
        for name in names {
            guard let row = rows[name] else { continue }
            var values: [Double?] = [row.ownGain.value, row.mixedGain.value]
            for giver in names { values.append(row.gains[giver]?.value) }
            lines.append((name, values))
        }
        return HeatMap(
            title: "Who gained from whom",
            caption: "Rows: who measured, on records of its own that it does not train on. Columns: by its own local "
                + "steps, by mixing, and by the contribution of each neighbour alone. Each against the adapter that "
                + "the round began with, in the mean of the rounds that were measured.",
            kind: .diverging, unit: "nats a token", columns: ["own steps", "mixing"] + names, rows: lines, digits: 3)
    }

    /// By category what mixing brought each peer; nil where no categories are known.
    package var categoryMap: HeatMap? {
        let columns = Set(categories.values.flatMap(\.keys)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard !columns.isEmpty, columns.count <= Self.mapLimit else { return nil }
        var lines: [(name: String, values: [Double?])] = []
        for name in names {
            guard let own = categories[name] else { continue }
            lines.append((name, columns.map { own[$0]?.mixedGain.value }))
        }
        return HeatMap(
            title: "What mixing brought, by category",
            caption: "On each peer's own records, against the adapter that the round began with. No mean hides one "
                + "failure here.",
            kind: .diverging, unit: "nats a token", columns: columns.map { $0.isEmpty ? "(none)" : $0 }, rows: lines,
            digits: 3)
    }

    /// What each peer gave, as a table; nil where nobody measured.
    package var table: TextTable? {
        let givers = givers
        guard !givers.isEmpty else { return nil }
        var table = TextTable(heads: ["giver", "measured by", "gained", "mean gain", "greatest"])
        for giver in givers {
            table.rows.append([
                giver.name, "\(giver.receivers)", "\(giver.gained)", Readable.brief(giver.mean),
                Readable.brief(giver.most),
            ])
        }
        return table
    }
}

/// `gain` in `summary.json` (docs/formats.md).
package struct GainSummary: Encodable, Sendable, Equatable {
    /// What one peer measured, all of it or one category.
    package struct Row: Encodable, Sendable, Equatable {
        package let rounds: Int
        package let records: Int
        package let before: Double?
        package let own: Double?
        package let mixed: Double?
        package let gainOwn: Double?
        package let gainMixed: Double?
        package let gainFrom: [String: Double]
        package let categories: [String: Row]?

        private enum CodingKeys: String, CodingKey {
            case rounds, records, before, own, mixed, categories
            case gainOwn = "gain_own"
            case gainMixed = "gain_mixed"
            case gainFrom = "gain_from"
        }

        init(_ row: GainMatrix.Row, categories: [String: GainMatrix.Row]?) {
            rounds = row.rounds.count
            records = row.records
            (before, own, mixed) = (row.before.value, row.own.value, row.mixed.value)
            (gainOwn, gainMixed) = (row.ownGain.value, row.mixedGain.value)
            gainFrom = row.gains.compactMapValues(\.value)
            self.categories = categories?.mapValues { Row($0, categories: nil) }
        }
    }

    package let peers: [String: Row]
    /// Who gave nothing, and why that is said.
    package let gaveNothing: [String: String]

    private enum CodingKeys: String, CodingKey {
        case peers
        case gaveNothing = "gave_nothing"
    }

    /// What `matrix` says; nil where nobody measured.
    ///
    /// - Parameter idle: peers that trained nothing.
    package init?(_ matrix: GainMatrix, idle: [String] = []) {
        guard !matrix.isEmpty else { return nil }
        var peers: [String: Row] = [:]
        for (name, row) in matrix.rows { peers[name] = Row(row, categories: matrix.categories[name]) }
        self.peers = peers
        var nothing: [String: String] = [:]
        for (name, reason) in matrix.gaveNothing { nothing[name] = reason }
        for name in idle { nothing[name] = "it trained in no round" }
        gaveNothing = nothing
    }

    /// Who gave nothing, in sentences, in the order of `names`.
    package func sentences(_ names: [String]) -> [String] {
        names.compactMap { name in gaveNothing[name].map { "\(name) gave nothing: \($0)." } }
    }
}
