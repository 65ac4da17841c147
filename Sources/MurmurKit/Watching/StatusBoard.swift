package import Observability
package import SwarmFile
import Synchronization

/// How the run of this process stands, for its status page: a listener of events whose state others read at any time.
///
/// Whoever reads takes a copy and makes text of it elsewhere, so that the peer waits for no page.
package final class StatusBoard: EventSink {
    private let state: Mutex<RunStatus>

    /// A board on which nothing stands yet; `reason` says what is waited for.
    package init(waitingFor reason: String) {
        state = Mutex(RunStatus(waitingFor: reason, version: Release.version))
    }

    /// What stands on it now.
    package var status: RunStatus { state.withLock { $0 } }

    /// The run begins of the peers called `names` of `topology`; `earlier` are the lines of its earlier parts.
    package func begin(_ topology: SwarmTopology, names: [String], earlier: [LoggedEvent] = []) {
        state.withLock { status in
            status.begin(
                swarm: topology.swarm.name, names: names, neighbours: topology.peers.map(\.name),
                rounds: topology.tuning.rounds)
            for event in earlier { status.record(event) }
        }
    }

    /// The run in `folder` begins, or goes on from what its peers have logged.
    package func begin(_ folder: RunFolder) {
        let names = folder.topology.peers.map(\.name)
        begin(
            folder.topology, names: names,
            earlier: names.flatMap { (try? LoggedEvent.read(folder.events(of: $0))) ?? [] })
    }

    /// The run stands otherwise than before.
    package func set(_ stage: RunStatus.Stage) {
        state.withLock { $0.stage = stage }
    }

    package func receive(_ event: ToldEvent) {
        state.withLock { $0.record(event.line) }
    }

    package func markDead(_ name: String) {
        state.withLock { $0.markDead(name) }
    }
}
