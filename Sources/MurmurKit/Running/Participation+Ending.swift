package import Observability
package import SwarmFile

/// How many have to take part for a run to count as done: what `wait-for:` of the topology and `--quorum` ask for.
package struct Quorum: Sendable, Hashable {
    package var waitFor: SwarmTopology.WaitFor
    /// Peers of the swarm.
    package var swarmCount: Int

    package init(_ waitFor: SwarmTopology.WaitFor = .all, of swarmCount: Int) {
        self.waitFor = waitFor
        self.swarmCount = swarmCount
    }

    /// What `topology` asks for, or `peers` where a number is given beside it.
    package init(_ topology: SwarmTopology, peers: Int? = nil) {
        self.init(peers.map { .peers($0) } ?? topology.completion.waitFor, of: topology.peers.count)
    }
}

extension Participation {
    /// Why a neighbour is left out.
    package enum Absence: Sendable, Equatable {
        case neverMet
        case barred
        case unequal(String)
        case refused(String)
        case neverMixed
        /// It was there before, and is missing from this round on.
        case missingSince(round: Int)

        /// In a few words; `rounds` rounds have training.
        package func text(rounds: Int) -> String {
            switch self {
            case .neverMet: "never met"
            case .barred: "barred"
            case .unequal(let reason): "another topology file: \(reason)"
            case .refused(let reason): "everything was refused: \(reason)"
            case .neverMixed: "nothing of it was ever mixed"
            case .missingSince(let round):
                round < rounds ? "missing from round \(round + 1) on" : "missing since settling \(round - rounds + 1)"
            }
        }

        /// The same without what others have said.
        func brief(rounds: Int) -> String {
            switch self {
            case .unequal: "another file"
            case .refused: "all rejected"
            default: text(rounds: rounds)
            }
        }
    }

    /// Why the neighbour called `name` is left out; nil where its contributions were mixed up to the end.
    package func absence(of name: String) -> Absence? {
        guard let neighbour = neighbours[name] else { return nil }
        let mixed = max(neighbour.mixed.last ?? -1, neighbour.settlingMixed.last ?? -1)
        let missed = [neighbour.missed, neighbour.settlingMissed]
        if mixed < 0, neighbour.adopted == 0 {
            if let difference = neighbour.difference { return .unequal(difference) }
            if neighbour.state == .barred { return .barred }
            // It may have been mixed in the rounds of which no line is known.
            if isCut, missed.allSatisfy(\.isEmpty) { return nil }
            guard neighbour.wasMet else { return .neverMet }
            return neighbour.lastRefusal.map { .refused($0) } ?? .neverMixed
        }
        // The first round of those at the end that it missed one after another.
        let since = missed.compactMap {
            $0.ranges.lazy.map { max($0.lowerBound, mixed + 1)..<max($0.upperBound, mixed + 1) }
                .first { !$0.isEmpty }?.lowerBound
        }.min()
        return since.map { .missingSince(round: $0) }
    }

    /// The neighbours that are left out, in the topology's order.
    package var leftOut: [(name: String, absence: Absence)] {
        names.compactMap { name in absence(of: name).map { (name, $0) } }
    }

    /// Those of `leftOut` that the quorum asks for.
    package func lacking(_ quorum: Quorum) -> [String] {
        let out = leftOut
        switch quorum.waitFor {
        case .all: return out.map(\.name)
        case .peers(let count): return out.count > max(0, quorum.swarmCount - count) ? out.map(\.name) : []
        case .seconds(let seconds):
            return out.map(\.name).filter { name in
                guard let met = neighbours[name]?.firstMet, let startedAt else { return false }
                return met <= startedAt + seconds
            }
        }
    }

    /// Whether anything of anybody else was ever taken into this peer's adapter.
    package var isAlone: Bool {
        !names.isEmpty && !isCut
            && names.allSatisfy { name in
                guard let neighbour = neighbours[name] else { return true }
                return neighbour.mixed.isEmpty && neighbour.settlingMixed.isEmpty && neighbour.adopted == 0
            }
    }

    /// What a run that has its final adapter is worth.
    package func status(_ quorum: Quorum) -> ExitStatus {
        if neighbours.values.contains(where: { $0.difference != nil }) { return .unequal }
        let lacking = lacking(quorum)
        if !lacking.isEmpty { return isAlone ? .alone : .partial }
        return lacksAgreement || !failed.isEmpty ? .short : .success
    }
}

extension Participation {
    /// The table that a run ends with: a row a neighbour.
    package var table: TextTable {
        var table = TextTable(heads: [
            "neighbour", "mixed", "missed", "rejected", "counted", "last heard", "at the end",
        ])
        for name in names {
            guard let neighbour = neighbours[name] else { continue }
            var mixed = "\(neighbour.mixed.total)/\(rounds)"
            if !neighbour.settlingMixed.isEmpty { mixed += " + \(neighbour.settlingMixed.total)" }
            if neighbour.adopted > 0 { mixed += ", adopted \(neighbour.adopted)" }
            table.rows.append([
                name, mixed, "\(neighbour.missed.total + neighbour.settlingMissed.total)", "\(neighbour.refused)",
                neighbour.share.map { Readable.percent($0) } ?? "–",
                neighbour.lastHeard.map { Self.clock($0, since: startedAt) } ?? "never",
                absence(of: name)?.brief(rounds: rounds) ?? "took part",
            ])
        }
        return table
    }

    /// A moment, as the time since the start.
    private static func clock(_ time: Double, since start: Double?) -> String {
        guard let start, time >= start else { return "before" }
        return "+\(Readable.number(time - start, digits: 1)) s"
    }

    /// What is said above and below the table: the own part, what was damaged, and what `status` means here.
    package func remarks(_ status: ExitStatus) -> [String] {
        var lines: [String] = []
        if !failed.isEmpty { lines.append("Local steps failed in \(failed.total) of \(rounds) rounds.") }
        if !skipped.isEmpty {
            lines.append(
                "\(skipped.total) of \(rounds) rounds were passed over in catching up with the others: their local steps "
                    + "were not taken.")
        }
        if isCut {
            lines.append("The log does not hold the earlier parts of this run; the table counts from there on.")
        }
        for continuation in continuations { lines.append("Not in one go: \(continuation)") }
        for damage in damages { lines.append("Passed over at a start: \(damage)") }
        if lacksAgreement { lines.append("The swarm did not come within its consensus bound in time.") }
        let out = leftOut.map { "\($0.name) (\($0.absence.text(rounds: rounds)))" }.joined(separator: ", ")
        switch status {
        case .alone:
            lines.append("This peer was alone: \(out). Its adapter is what it has learnt by itself.")
            if let hint { lines.append(hint) }
        case .partial: lines.append("Without: \(out).")
        case .unequal: lines.append("Not everybody has the same topology file: \(out.isEmpty ? differences : out).")
        case .success where !out.isEmpty: lines.append("Without \(out), as it was asked for.")
        default: break
        }
        return lines
    }

    /// What may be wrong where nobody was ever met.
    private var hint: String? {
        guard names.allSatisfy({ neighbours[$0]?.wasMet != true }), let strangers else { return nil }
        if !unreachable.isEmpty { return "The system refused to send: \(unreachable.joined(separator: "; "))." }
        return strangers > 0
            ? "\(strangers) datagrams came that fit neither key, secret nor swarm: compare the secret files to the byte, the "
                + "swarm's name and seed, and the keys of identity files and topology."
            : "No datagram of anybody came: is the address right, and UDP open both ways?"
    }

    private var differences: String {
        names.compactMap { name in neighbours[name]?.difference.map { "\(name): \($0)" } }.joined(separator: "; ")
    }
}
