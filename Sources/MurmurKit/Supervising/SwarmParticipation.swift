package import Observability
import Storage
package import SwarmFile

/// Who took part in a swarm's run: the tables of its peers, each as that peer tells it, put together.
package struct SwarmParticipation: Sendable {
    /// The peers in the topology's order.
    package let names: [String]
    /// Each peer's own table.
    package private(set) var peers: [String: Participation]
    /// Who gained from whom, as far as they tell.
    package private(set) var gains: GainMatrix
    /// Whether peers keep their own adapters, as far as they were asked to choose.
    package private(set) var keepsOwn: [String: Bool] = [:]
    /// How the peers' processes ended: the exit code of those that ended by themselves.
    package var endings: [String: ExitStatus] = [:]
    /// Why peers are given up.
    package var failures: [String: String] = [:]

    /// Nothing is known yet of a run of `topology`.
    ///
    /// - Throws: an error for a graph that cannot be.
    package init(_ topology: SwarmTopology) throws {
        names = topology.peers.map(\.name)
        var peers: [String: Participation] = [:]
        for name in names { peers[name] = try Participation(topology, peer: name) }
        self.peers = peers
        gains = GainMatrix(names: names)
    }

    /// Takes account of a line of a peer's log.
    package mutating func record(_ event: LoggedEvent) {
        peers[event.peer]?.record(event)
        gains.record(event)
        if event.event == "adapter_kept", peers[event.peer] != nil {
            keepsOwn[event.peer] = event.fields["keeps_own"]?.bool
        }
    }

    /// The peers that have not ended by themselves with the final adapter, or that a neighbour which has was without at the
    /// end; in the topology's order, each with the reason.
    package var leftOut: [(name: String, reason: String)] {
        names.compactMap { name in
            if let failure = failures[name] { return (name, failure) }
            guard let own = peers[name] else { return nil }
            let without = names.compactMap { other -> String? in
                guard let participation = peers[other], participation.isFinished else { return nil }
                return participation.absence(of: name).map {
                    "\(other): \($0.text(rounds: participation.rounds))"
                }
            }
            if !without.isEmpty { return (name, without.joined(separator: "; ")) }
            return own.isFinished ? nil : (name, "did not finish")
        }
    }

    /// What the whole run is worth: the worst of its peers' codes, where it is not done with as many as `quorum` asks for.
    package func status(_ quorum: Quorum, stopped: Bool) -> ExitStatus {
        let failed = failures.keys.map { endings[$0] ?? .failure }
        if stopped {
            guard failed.isEmpty else { return ExitStatus.worst(failed) }
            let isOver = names.allSatisfy { endings[$0] == .success }
            let goesOn = names.contains { endings[$0].map { $0 != .interrupted } ?? false }
            return isOver ? .success : goesOn ? .stopped : .interrupted
        }
        let out = leftOut
        if case .peers(let count) = quorum.waitFor, out.count <= max(0, names.count - count) {
            // Those that are there decide, and they were told the same.
            return ExitStatus.worst(
                names.filter { name in !out.contains { $0.name == name } }.map { endings[$0] ?? .success })
        }
        var statuses = names.filter { failures[$0] == nil }.map { name in
            endings[name] ?? (peers[name]?.isFinished == true ? .success : .failure)
        }
        if case .seconds = quorum.waitFor {} else if !out.isEmpty { statuses.append(.partial) }
        return ExitStatus.worst(statuses + failed)
    }

    /// The table: a row a peer with its own rounds, and what its neighbours say of it.
    package var table: TextTable {
        var table = TextTable(heads: ["peer", "trained", "mixed by neighbours", "missed", "rejected", "ended"])
        for name in names {
            guard let own = peers[name] else { continue }
            let told = names.compactMap { peers[$0]?.neighbours[name] }
            let mixed = told.map { $0.mixed.total }
            let least = mixed.min() ?? 0, most = mixed.max() ?? 0
            table.rows.append([
                name, "\(own.trained.total)/\(own.rounds)", least == most ? "\(least)" : "\(least) to \(most)",
                "\(told.map { $0.missed.total + $0.settlingMissed.total }.max() ?? 0)",
                "\(told.reduce(0) { $0 + $1.refused })", ending(name),
            ])
        }
        return table
    }

    private func ending(_ name: String) -> String {
        if failures[name] != nil { return "failed" }
        guard let status = endings[name] else { return peers[name]?.isFinished == true ? "finished" : "–" }
        return switch status {
        case .success: "with all"
        case .partial: "without some"
        case .alone: "alone"
        case .stopped: "stopped"
        case .unwritten: "not written"
        case .unequal: "another file"
        case .short: "short"
        case .interrupted: "interrupted"
        case .failure, .usage: "failed"
        }
    }
}
