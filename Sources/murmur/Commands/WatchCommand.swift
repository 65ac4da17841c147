import ArgumentParser
import MurmurKit

/// `murmur watch`: how a run stands, from its files.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow a run from its files: the live view of murmur swarm, or a status page.",
        discussion: """
            DIR is what murmur swarm or murmur peer was given as --out, or the folder of one peer in it. A run that has \
            not begun is waited for; the command ends when the run does. It only reads: the run does not notice, and may \
            be watched by several. Ctrl-C ends the watching.

            Exit codes: 0: it was shown, however the run went. 1: there is nothing to be shown, or it cannot be read; a \
            line on standard error says why. 2: called wrongly.

            Examples:
              murmur watch demo-run
              murmur watch demo-run/peer-0 --once
              murmur watch demo-run --status 127.0.0.1:9464
            """)

    @Argument(help: "The folder of the run.") var folder: String
    @Flag(help: "Print how the run stands, with every peer, and end.") var once = false
    @Flag(help: "Print a JSON line for each new state, as /status.json has it, instead of the view.") var json = false
    @OptionGroup var page: StatusOptions

    func validate() throws {
        guard once, page.status != nil else { return }
        throw ValidationError("--once ends at once, and --status would show nothing; give one of them")
    }

    func run() async throws {
        var watch = WatchRun(folder, form: json ? .json : .view, isOnce: once)
        let stop = StopFlag()
        let stops = Signals.stopRequests()
        let listener = Task {
            for await _ in stops { stop.raise() }
        }
        defer { listener.cancel() }
        try await page.whileShowing(watch.board) { try await watch.run(until: stop) }
    }
}
