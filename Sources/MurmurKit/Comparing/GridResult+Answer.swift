import Observability

/// What tuning together brought over tuning alone, with the records and the model of one group.
struct GridGain: Sendable {
    let group: GridResult.Group
    /// The gossip setting that is spoken of.
    let leader: GridResult.Row?
    let alone: GridResult.Row?
    /// Alone minus gossip, paired by seed; nil where one of them lacks a figure.
    let size: SeedInterval?

    init(_ group: GridResult.Group, _ result: GridResult) {
        let leader = result.leader(of: group)
        let alone = leader.flatMap { result.alone(beside: $0) }
        self.group = group
        self.leader = leader
        self.alone = alone
        size = leader.flatMap { row in alone.flatMap { result.minus(row, $0.losses) } }
    }

    /// What the difference says: gossip is better where alone minus gossip is more than zero.
    var verdict: SeedInterval.Verdict? {
        switch size?.verdict {
        case .better: .worse
        case .worse: .better
        case let other: other
        }
    }
}

extension GridResult {
    var allGains: [GridGain] { groups.map { GridGain($0, self) } }

    /// The answer in one sentence: who gained how much, over how many seeds, and how sure that is.
    package var answer: String {
        let gains = allGains
        if let gain = gains.first, gains.count == 1 { return sentence(gain) }
        guard !gains.isEmpty else { return "There is no answer: nothing was compared." }
        let better = gains.count { $0.verdict == .better }
        let told = gains.prefix(4).map { "\($0.group.name): \(Self.short($0))" }
        let rest = gains.count > 4 ? "; \(gains.count - 4) more below" : ""
        let start =
            plan.seeds.count == 1
            ? "One seed says little, for it has no interval: the gain of tuning together over tuning alone is, "
            : "Tuning together helped under \(better) of \(gains.count) settings of records and model, over "
                + "\(plan.seeds.count) paired seeds (± is the 95 % interval): "
        return start + told.joined(separator: "; ") + rest + "."
    }

    private static func short(_ gain: GridGain) -> String {
        guard let size = gain.size, let verdict = gain.verdict else { return "no figure" }
        switch verdict {
        case .better: return "a gain of \(text(size))"
        case .worse: return "a loss of \(text(size.negated))"
        case .noise: return "\(text(size)), within noise"
        case .oneSeed: return text(size)
        }
    }

    /// What a group's figures say, in one sentence.
    func sentence(_ gain: GridGain) -> String {
        guard let leader = gain.leader, let alone = gain.alone, let size = gain.size,
            let together = complete(leader.losses), let apart = complete(alone.losses)
        else {
            let who = gain.leader == nil ? "gossip has" : "the peers alone have"
            return "There is no answer: \(who) no figure of every peer and seed, and nobody is averaged away."
        }
        let losses =
            "the mean held-out loss is \(Readable.number(together.mean)) nats a token by "
            + "\(called(leader, in: gain.group)) and \(Readable.number(apart.mean)) alone"
        let seeds = "\(plan.seeds.count) paired seeds"
        let count = gained(leader).map { "\($0.better == $0.of ? "all" : "\($0.better) of") \($0.of) peers" }
        let some = count.map { "; \($0) gained, those of all seeds counted" } ?? ""
        switch gain.verdict {
        case .better:
            return
                "Tuning together helped: over \(seeds) \(losses), a gain of \(Self.text(size)) (95 % interval)\(some)."
        case .worse:
            return
                "Tuning together did not help: over \(seeds) \(losses), \(Self.text(size.negated)) more (95 % interval)"
                + "\(some)."
        case .noise:
            return "Whether tuning together helps cannot be told from \(seeds): \(losses), and the gain of "
                + "\(Self.text(size)) (95 % interval) is within noise."
        case .oneSeed, nil:
            let word = size.mean >= 0 ? "less" : "more"
            return
                "One seed says little, for it has no interval: \(losses), \(Readable.number(abs(size.mean))) \(word)."
        }
    }

    /// `gossip`, or `gossip (ring)`.
    func called(_ row: Row, in group: Group) -> String {
        let words = settingWords(row, in: group)
        let name = row.arm == .alone ? "alone" : row.arm.title
        return words.isEmpty ? name : "\(name) (\(words))"
    }

    /// What tells the row apart from others of its arm.
    func settingWords(_ row: Row, in group: Group) -> String {
        row.cell.labels.filter { keys.contains($0.key) && !group.labels.contains($0) }.map(\.words)
            .joined(separator: ", ")
    }

    // MARK: What the answer does not say by itself

    /// Beside FedAvg, beside pooled data, and who lost.
    func remarks(_ gain: GridGain) -> [String] {
        guard let leader = gain.leader, complete(leader.losses) != nil else { return [] }
        var lines = [serverRemark(leader)].compactMap(\.self)
        func mean(_ arm: Arm) -> String {
            Readable.number(partner(arm, beside: leader).flatMap { complete($0.losses) }?.mean)
        }
        lines.append(
            "Pooled data reaches \(mean(.pooledSteps)) in as many steps and \(mean(.pooledRecords)) with as many "
                + "records; averaging once at the end \(mean(.once)).")
        let lost = (peerGains(leader) ?? []).filter { $0.gain < 0 }.sorted { $0.gain < $1.gain }
        if !lost.isEmpty {
            let names = lost.prefix(5).map { "\($0.peer) with seed \($0.seed) (\(Readable.number(-$0.gain)))" }
            let rest = lost.count > 5 ? " and \(lost.count - 5) more" : ""
            lines.append("Worse off than alone: \(names.joined(separator: ", "))\(rest).")
        }
        return lines
    }

    private func serverRemark(_ leader: Row) -> String? {
        guard let server = server(beside: leader), let loss = complete(server.losses) else {
            return "FedAvg has no figure of every seed under the same setting."
        }
        let start = "FedAvg reaches \(Readable.number(loss.mean)) under the same setting"
        guard let difference = minus(server, leader.losses) else { return start + "." }
        switch difference.verdict {
        case .better: return start + "; without a server the loss is \(Self.text(difference.negated)) less."
        case .worse: return start + "; without a server the loss is \(Self.text(difference)) more."
        case .noise: return start + "; the difference of \(Self.text(difference)) is within noise."
        case .oneSeed: return start + "; the difference is \(Readable.number(difference.mean)) with one seed."
        }
    }

    /// What holds for the whole page.
    var caveats: [String] {
        var lines: [String] = []
        if (2...4).contains(plan.seeds.count) {
            lines.append("\(plan.seeds.count) seeds make wide intervals; five or more say more.")
        }
        let edges = rows.filter { edge(of: $0) != nil && $0.choice?.place != .only }
        if !edges.isEmpty {
            let who = edges.count == 1 ? "One arm has its" : "\(edges.count) arms have their"
            lines.append(
                "\(who) best learning rate at the edge of the grid: a rate beyond may be better (Learning rates, below)."
            )
        }
        if plan.rates.count == 1 {
            lines.append("One learning rate for all: an arm may reach more at a rate of its own.")
        }
        let without = rows.filter { complete($0.losses) == nil }
        if !without.isEmpty {
            let names = without.prefix(4).map(fullName).joined(separator: "; ")
            lines.append(
                "No figure of every peer and seed, so none at all: \(names)"
                    + (without.count > 4 ? "; and \(without.count - 4) more" : "") + " (What is missing, below).")
        }
        return lines
    }
}

extension SeedInterval {
    /// Of the difference the other way round.
    var negated: SeedInterval { SeedInterval(mean: -mean, half: half, count: count) }
}
