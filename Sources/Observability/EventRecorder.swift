package import Basics
package import Federation
package import Foundation

/// Writes a peer's events to `events.jsonl` and what left the machine to `outgoing.jsonl`.
package final class EventRecorder: Sendable {
    private let names: [PeerID: String]
    private let peer: String
    private let events: LineFile
    private let outgoing: LineFile

    /// A recorder for the peer `name` whose files lie in `folder`. Other peers are called as `names` says.
    package init(names: [PeerID: String], name: String, folder: URL) throws {
        self.names = names
        peer = name
        events = try LineFile(appendingTo: folder.appendingPathComponent("events.jsonl"))
        outgoing = try LineFile(appendingTo: folder.appendingPathComponent("outgoing.jsonl"))
    }

    /// What a peer is called.
    package func name(of peer: PeerID) -> String { names[peer] ?? peer.short }

    /// Logs an event and returns its line.
    package func record(_ event: PeerEvent) -> LoggedEvent {
        let logged = LoggedEvent(
            event.kind.described, time: Date().timeIntervalSince1970, peer: peer, name: name(of:))
        let line = logged.encoded
        events.append(line)
        // The ledger: what neighbours have acknowledged, and so what has really left; and figures about own records.
        switch event.kind {
        case .contributionSent, .contributionUnconfirmed, .gainSent: outgoing.append(line)
        default: break
        }
        return logged
    }

    /// Why the disk takes no lines of the log or of the ledger now; nil where it does.
    package var failure: String? { outgoing.failure ?? events.failure }

    /// Closes the files.
    ///
    /// - Returns: How many lines the ledger lacks because the disk took none to the end.
    package func close() -> Int {
        events.close()
        return outgoing.close()
    }
}
