import SwarmFile

extension GridResult {
    /// The rows that answer one question: of the same records and the same model.
    package struct Group: Sendable {
        /// What the grid varies of them; empty where it varies nothing.
        package let labels: [GridCell.Label]
        package let rows: [Row]

        /// In words: `alpha 0.1`.
        package var name: String { labels.map(\.words).joined(separator: ", ") }
    }

    /// By records and model, in the order of the grid. Rows of arms to which they do not matter are in all of them.
    package var groups: [Group] {
        var groups: [[GridCell.Label]] = []
        for row in rows where row.arm == .gossip {
            let several = row.cell.labels.filter { row.cell.records.contains($0) && keys.contains($0.key) }
            if !groups.contains(several) { groups.append(several) }
        }
        return groups.map { labels in
            Group(
                labels: labels,
                rows: rows.filter { row in
                    labels.allSatisfy { label in
                        row.cell.labels.contains(label) || !row.cell.labels.contains { $0.key == label.key }
                    }
                })
        }
    }

    /// The gossip row with the least validation loss of those that have a figure of every seed: what a user would
    /// choose before anything is measured on the held-out records.
    package func leader(of group: Group) -> Row? { Self.best(group.rows.filter { $0.arm == .gossip }, complete) }

    static func best(_ rows: [Row], _ complete: ([Double?]) -> SeedInterval?) -> Row? {
        rows.filter { $0.validation != nil && complete($0.losses) != nil }
            .min { ($0.validation ?? .infinity) < ($1.validation ?? .infinity) }
    }

    /// The row of `arm` under the same setting, so far as the arm knows it.
    package func partner(_ arm: Arm, beside row: Row) -> Row? {
        rows.first { $0.arm == arm && $0.cell.labels.allSatisfy(row.cell.agrees) }
    }

    /// FedAvg under the same setting.
    package func server(beside row: Row) -> Row? { partner(.fedavg, beside: row) }

    /// The peers alone with the same records.
    package func alone(beside row: Row) -> Row? { partner(.alone, beside: row) }

    /// FedAvg with the same model and records under the setting where its validation loss is least.
    package func bestServer(beside row: Row) -> Row? {
        rows.filter { $0.arm == .fedavg && $0.cell.records.allSatisfy(row.cell.agrees) }
            .min { ($0.validation ?? .infinity) < ($1.validation ?? .infinity) }
    }

    /// A peer's loss together and alone, with one seed.
    package struct PeerGain: Sendable {
        package let peer: String
        package let seed: UInt64
        /// Alone minus together: more than zero is a gain.
        package let gain: Double
    }

    /// What each peer gains over alone, by seed; nil where one has no figure.
    package func peerGains(_ row: Row) -> [PeerGain]? {
        guard row.arm == .gossip, let alone = alone(beside: row) else { return nil }
        var gains: [PeerGain] = []
        for (index, (together, apart)) in zip(row.outcomes, alone.outcomes).enumerated() {
            guard let together = together?.rows(.gossip), let apart = apart?.rows(.alone),
                together.count == apart.count
            else { return nil }
            for (one, other) in zip(together, apart) {
                guard let loss = one.heldOut, let before = other.heldOut else { return nil }
                gains.append(.init(peer: one.peer, seed: plan.seeds[index], gain: before - loss))
            }
        }
        return gains
    }

    /// How many peers, of how many over all seeds, have a lower held-out loss than alone; nil where one has no figure.
    package func gained(_ row: Row) -> (better: Int, of: Int)? {
        peerGains(row).map { gains in (gains.count { $0.gain > 0 }, gains.count) }
    }
}

extension GridCell {
    /// Whether another arm's `label` says what this cell has, or what does not matter here.
    func agrees(with label: Label) -> Bool {
        if label.key == Label.steps { return setting.topology.tuning.totalWork == label.value }
        return labels.contains(label) || !labels.contains { $0.key == label.key }
    }
}

extension GridCell.Label {
    /// The key of no section that tells apart arms without rounds, where budgets differ: its value is all steps.
    static let steps = "steps"

    /// The last part of the key.
    var shortKey: String { key.split(separator: ".").last.map(String.init) ?? key }

    /// The value where that says enough, such as `ring`, or else with its key, such as `alpha 0.1`.
    var words: String {
        let isWord = value.first?.isLetter == true && !["true", "false", "none"].contains(value)
        return isWord ? value : "\(shortKey) \(value)"
    }

    /// The value as a number, so that values can be put in order; nil for a word.
    var number: Double? {
        value.hasSuffix("%") ? Double(value.dropLast()).map { $0 / 100 } : Double(value)
    }
}
