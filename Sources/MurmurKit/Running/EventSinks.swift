package import Basics
package import Federation
package import Observability
import Synchronization

/// An event as listeners are told it.
package struct ToldEvent: Sendable {
    /// Its line in the log.
    package let line: LoggedEvent
    /// What it says; nil of an event of another process, of which only the line is known.
    package let description: EventDescription?

    package init(_ line: LoggedEvent, description: EventDescription? = nil) {
        self.line = line
        self.description = description
    }
}

/// Somebody who is told what peers do, event by event: a log, a screen, the state of a live view.
///
/// A new listener is a type that takes events and a place in the list that a run is given.
package protocol EventSink: Sendable {
    /// Takes the next event; on whatever task the run follows its peers.
    func receive(_ event: ToldEvent)
    /// Takes note that a peer's process ended without its goodbye. Few listeners need to know.
    func markDead(_ name: String)
}

extension EventSink {
    package func markDead(_ name: String) {}
}

/// How a peer tells its events on standard output.
package enum EventOutput: Sendable, Hashable {
    case json, sentences

    /// The sink that tells them so, in a run of `rounds` rounds whose peers are called as `name` says.
    package func sink(rounds: Int, name: @escaping @Sendable (PeerID) -> String) -> any EventSink {
        switch self {
        case .json: JSONLineSink(write: Terminal.write)
        case .sentences: SentenceSink(rounds: rounds, name: name, print: Terminal.print)
        }
    }
}

/// Every event as a JSON line: what a supervisor and other programs read.
package struct JSONLineSink: EventSink {
    private let write: @Sendable (String) -> Void

    package init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
    }

    package func receive(_ event: ToldEvent) {
        write(String(decoding: event.line.encoded, as: UTF8.self) + "\n")
    }
}

/// News as sentences: what a person wants to read of the peer of this process.
package struct SentenceSink: EventSink {
    private let rounds: Int
    private let name: @Sendable (PeerID) -> String
    private let print: @Sendable (String) -> Void

    package init(
        rounds: Int, name: @escaping @Sendable (PeerID) -> String, print: @escaping @Sendable (String) -> Void
    ) {
        self.rounds = rounds
        self.name = name
        self.print = print
    }

    package func receive(_ event: ToldEvent) {
        guard let description = event.description, description.isNews else { return }
        print(description.text(rounds: rounds, name: name))
    }
}

/// What is known of a swarm from its events, and the view of it.
package final class ProgressSink: EventSink {
    private struct State {
        var progress: SwarmProgress
        var view: LiveView
    }

    private let state: Mutex<State>

    /// What is known of the peers called `names` of the swarm called `title` in a run of `rounds` rounds; `isTerminal` says
    /// whether the view is drawn over itself.
    package init(_ title: String, names: [String], rounds: Int, isTerminal: Bool) {
        state = Mutex(
            State(
                progress: SwarmProgress(names: names, rounds: rounds), view: LiveView(title, isTerminal: isTerminal)))
    }

    /// What is known so far.
    package var progress: SwarmProgress { state.withLock(\.progress) }

    package func receive(_ event: ToldEvent) {
        state.withLock { $0.progress.record(event.line) }
    }

    package func markDead(_ name: String) {
        state.withLock { $0.progress.markDead(name) }
    }

    /// What to write now, so that the view shows what is known on a terminal of `size`; empty where there is nothing new.
    package func render(size: ScreenSize, at now: Double) -> String {
        state.withLock { $0.view.render($0.progress, size: size, at: now) }
    }

    /// What takes the view away, so that something else can be printed.
    package func erase() -> String { state.withLock { $0.view.erase() } }
}
