import Foundation
import Observability
import Storage

/// One run of `murmur watch`: shows how the run in a folder stands, until it ends or nobody wants to look any more.
package struct WatchRun {
    /// How it is shown.
    package enum Form: Sendable, Hashable {
        /// As `murmur swarm` shows it.
        case view
        /// A JSON line for each state, as `/status.json` has it.
        case json
    }

    private var follower: RunFollower
    private let form: Form
    /// Whether to look once and to be done.
    private let isOnce: Bool
    private var view: LiveView?
    /// The swarm that `view` is of.
    private var viewed = ""
    /// What was told last: the notice, or the line.
    private var shown = ""

    /// Between two looks.
    private static let pause = Duration.milliseconds(250)

    /// - Parameter path: the folder of the run.
    package init(_ path: String, form: Form, isOnce: Bool) {
        follower = RunFollower(path)
        self.form = form
        self.isOnce = isOnce
    }

    /// What is known, for a status page.
    package var board: StatusBoard { follower.board }

    /// Shows the run until it has ended, or `stop` is raised.
    ///
    /// - Throws: `CommandFailure` where there is nothing to be shown once, or the run cannot be read.
    package mutating func run(until stop: StopFlag) async throws {
        while !stop.isRaised {
            let now = Date().timeIntervalSince1970
            try follower.look(at: now)
            if isOnce {
                if case .waiting(let reason) = board.status.stage, !follower.hasRun { throw CommandFailure(reason) }
                return showOnce(at: now)
            }
            show(at: now)
            if board.status.stage == .ended { return }
            try await Task.sleep(for: Self.pause)
        }
    }

    private func showOnce(at now: Double) {
        let status = board.status
        if form == .json { return Terminal.print(Self.line(status, at: now)) }
        if let progress = status.metrics?.progress {
            // Everybody, however many rows that takes; as wide as the terminal where there is one.
            let size = Terminal.outputIsTerminal ? Terminal.size.columns : 200
            for line in LiveView.page(status.swarm, progress, columns: size, at: status.moment(now)) {
                Terminal.print(line)
            }
        }
        if let notice = status.notice { Terminal.print(notice) }
    }

    private mutating func show(at now: Double) {
        let status = board.status
        switch form {
        case .json:
            // What is the same but for the time is not told again.
            let state = Self.line(status, at: 0)
            if state != shown { Terminal.print(Self.line(status, at: now)) }
            shown = state
        case .view:
            let notice = status.notice ?? ""
            if notice != shown {
                // What is told stands above the page; the end below it.
                Terminal.write(view?.erase() ?? "")
                if status.stage != .ended, !notice.isEmpty { Terminal.print(notice) }
            }
            if let progress = status.metrics?.progress {
                if viewed != status.swarm { view = nil }
                viewed = status.swarm
                view = view ?? LiveView(status.swarm, isTerminal: Terminal.outputIsTerminal)
                let text = view?.render(progress, size: Terminal.size, at: status.moment(now)) ?? ""
                if !text.isEmpty { Terminal.write(text) }
            }
            if status.stage == .ended { Terminal.print(notice) }
            shown = notice
        }
    }

    private static func line(_ status: RunStatus, at now: Double) -> String {
        String(decoding: status.json(at: now).encoded(indented: false), as: UTF8.self)
    }
}
