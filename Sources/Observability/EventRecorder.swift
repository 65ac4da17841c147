package import Basics
package import Federation
package import Foundation

/// Writes a peer's events to `events.jsonl` and what left the machine to `outgoing.jsonl`.
package final class EventRecorder: Sendable {
    private let names: [PeerID: String]
    private let peer: String
    private let tensorCount: Int
    private let events: LineFile
    private let outgoing: LineFile

    /// A recorder for the peer `name` whose files lie in `folder`; its adapter has `tensorCount` tensors. Other peers
    /// are called as `names` says.
    package init(names: [PeerID: String], name: String, folder: URL, tensorCount: Int) throws {
        self.names = names
        peer = name
        self.tensorCount = tensorCount
        events = try LineFile(appendingTo: folder.appendingPathComponent("events.jsonl"))
        outgoing = try LineFile(appendingTo: folder.appendingPathComponent("outgoing.jsonl"))
    }

    /// Logs an event and returns its line.
    package func record(_ event: PeerEvent) -> LoggedEvent {
        var logged = LoggedEvent(event.kind, time: Date().timeIntervalSince1970, peer: peer) { id in
            names[id] ?? id.short
        }
        if logged.event == "contribution_published" { logged.tensors = tensorCount }
        if let line = try? logged.encoded() {
            events.append(line)
            // The ledger: what was made ready for others, and whom it was offered to.
            if logged.event == "contribution_published" || logged.event == "contribution_sent" { outgoing.append(line) }
        }
        return logged
    }

    /// Closes the files.
    package func close() {
        events.close()
        outgoing.close()
    }
}
