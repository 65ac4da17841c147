import Foundation
import Observability

/// Follows a run from its files: finds it, reads what its peers have logged and log, and says how it stands.
///
/// It writes nothing and asks no process anything, so that the run does not notice.
package struct RunFollower: Sendable {
    /// What it knows, for a status page or a view.
    package let board: StatusBoard
    private let path: String
    private var run: WatchedRun?
    private var files: [LineFollower] = []
    /// Looks until the folder is searched again: other peers may have come, or another run.
    private var looksLeft = 0
    private var hasEvents = false

    private static let looksBetweenSearches = 20
    /// Seconds without a line after which a peer whose folder no process has is taken for dead: who starts it again does so
    /// at once.
    private static let patience = 3.0

    /// Follows the run in the folder at `path`.
    package init(_ path: String) {
        self.path = path
        board = StatusBoard(waitingFor: "there is no run in \(path) yet")
    }

    /// Whether a run was found.
    package var hasRun: Bool { run != nil }

    /// Reads what has come since the last look, as of `now` in seconds since 1970.
    ///
    /// - Throws: `CommandFailure` for a run whose topology cannot be read.
    package mutating func look(at now: Double) throws {
        looksLeft -= 1
        if looksLeft <= 0 {
            looksLeft = Self.looksBetweenSearches
            let found = try WatchedRun.find(in: path)
            if let found, run.map({ !$0.isSame(as: found) }) ?? true { begin(found) }
        }
        guard let run else { return }
        // Before the files are read: what a process has written before it ended is then seen.
        let mayBeAtWork = run.mayBeAtWork
        if !read() {
            // A file was replaced: the run began anew, and so does what is known of it.
            begin(run)
            _ = read()
        }
        let isDone = board.status.metrics?.progress.isDone ?? false
        if mayBeAtWork {
            markDead(run, at: now)
            board.set(.running)
        } else if hasEvents {
            if !isDone { markDead(run, at: .infinity) }
            board.set(.ended)
        } else {
            board.set(.waiting("no peer of the run in \(path) has told anything yet"))
        }
    }

    private mutating func begin(_ found: WatchedRun) {
        run = found
        files = found.peers.map { LineFollower(found.events(of: $0.folder)) }
        hasEvents = false
        board.begin(found.topology, names: found.peers.map(\.name))
    }

    /// Reads all files to their ends; false where one is another than before.
    private mutating func read() -> Bool {
        for index in files.indices {
            while true {
                let news = files[index].look()
                if news.wasReplaced { return false }
                for line in news.lines {
                    // What is no event is passed over: a line that was cut short, or somebody else's.
                    guard let event = LoggedEvent(line: line) else { continue }
                    hasEvents = true
                    board.receive(ToldEvent(event))
                }
                guard news.hasMore else { break }
            }
        }
        return true
    }

    /// Marks the peers whose processes ended without their goodbye.
    private func markDead(_ run: WatchedRun, at now: Double) {
        let progress = board.status.metrics?.progress
        for (peer, file) in zip(run.peers, files) {
            guard let state = progress?.peers[peer.name], !["finished", "left", "dead"].contains(state.phase),
                let changed = file.changed, state.lastHeard != nil, now - changed > Self.patience,
                WatchedRun.isFree(peer.folder.path)
            else { continue }
            board.markDead(peer.name)
        }
    }
}
