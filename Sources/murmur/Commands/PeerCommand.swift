import ArgumentParser
import Basics
import Foundation
import MurmurKit
import Recording

/// `murmur peer`: one peer of a swarm.
struct PeerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer",
        abstract: "Run one peer of a swarm until the swarm is done, or until it is asked to stop.",
        discussion: """
            Tunes on this peer's own instructions, exchanges adapter deltas with the neighbours of the topology, and \
            leaves a PEFT directory in DIR/NAME/adapter. SIGTERM or Ctrl-C: says goodbye and stops; the same command \
            goes on from the checkpoint. The last lines, and DIR/NAME/summary.json, say who took part.

            Exit codes: \(ExitStatus.list())

            Examples:
              murmur peer two-hosts.yaml --as alice --identity alice.identity --out run
              murmur peer two-hosts.yaml --as alice --identity alice.identity --out run \\
                  --status 127.0.0.1:9464
            """)

    @Argument(help: "The topology file, the same for every peer.") var topology: String
    @Option(name: .customLong("as"), help: "This peer's name in the topology file.") var name: String
    @Option(help: "The file with this peer's keys (murmur identity new).") var identity: String
    @Option(help: "The folder that receives DIR/NAME.") var out: String
    @Option(
        help: ArgumentHelp(
            "Where to listen, if not where the topology says: the neighbours are told.", valueName: "host:port"))
    var listen: String?
    @Option(help: "A file with revoked keys (murmur identity revoke), one a line; the swarm is told.") var revocation:
        String?
    @Option(
        help: """
            How many peers of the swarm have to take part for the run to count as done (exit code 0), instead of the \
            topology's wait-for.
            """)
    var quorum: Int?
    @OptionGroup var resume: ResumeOptions
    @OptionGroup var sources: SourceOptions
    @Flag(help: "Write what the trainer returns to DIR/NAME/training.recording, for murmur simulate --trainer DIR.")
    var record = false
    @Option(
        help: ArgumentHelp(
            """
            Who trains, instead of the topology's trainer: built-in, or a command line that speaks the protocol of \
            docs/trainers.md. For trials also quadratic (a toy), or a folder that --record wrote.
            """, valueName: "built-in|command"))
    var trainer: String?
    @Flag(help: "Measure the adapter on the held-out records at the end.") var evaluate = false
    @Flag(help: "Keep the adapter of each round with training but the last, as DIR/NAME/rounds/0001 and so on.")
    var keepRounds = false
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var page: StatusOptions
    @Flag(help: "Print events as JSON lines instead of sentences.") var json = false
    @Option(
        help: ArgumentHelp(
            "When local steps take a multiple of their time, in seconds from the start: FROM:UNTIL:FACTOR.",
            visibility: .hidden))
    var slow: [String] = []
    @Flag(help: ArgumentHelp("Print events as JSON lines and leave when standard input closes.", visibility: .hidden))
    var supervised = false

    func validate() throws {
        if let quorum, quorum < 1 { throw ValidationError("--quorum \(quorum): 1 or more") }
        for text in slow where Slowness(text) == nil {
            throw ValidationError("--slow \(text): FROM:UNTIL:FACTOR, in seconds, with a factor from 1 to 1000")
        }
        guard let listen, NetworkAddress(listen).map({ $0.port == 0 }) ?? true else { return }
        throw ValidationError("--listen takes a numeric address and a port: 192.0.2.7:9100 or [2001:db8::7]:9100")
    }

    func run() async throws {
        let sources = sources.choices
        var swarm = try SwarmComposition.load(topology)
        swarm.replaceSources(by: sources, ofPeer: supervised ? nil : name)
        compute.choices.apply(to: &swarm.topology)
        var run = PeerRun(
            swarm: swarm, name: name, identityPath: identity,
            folder: URL(fileURLWithPath: out).appendingPathComponent(name, isDirectory: true))
        run.listening = listen.flatMap { NetworkAddress($0) }
        run.revocationPath = revocation
        run.sources = sources
        run.compute = compute.choices
        run.trainer = trainer.map { TrainerChoice(wordOrCommand: $0) }
        run.slownesses = slow.compactMap { Slowness($0) }
        run.output = json || supervised ? .json : .sentences
        run.isSupervised = supervised
        run.recordings = record ? RecordingFolder(out) : nil
        run.quorum = quorum
        run.resumption = resume.choice
        run.measuresHeldOut = evaluate
        run.keepsRounds = keepRounds
        let board = StatusBoard(waitingFor: "the peer is made ready")
        if page.status != nil {
            board.begin(swarm.topology, names: [name], earlier: run.earlierParts())
            run.sinks = [board]
        }
        let status = try await page.whileShowing(board) { [run] in try await run.run() }
        if status != .success { throw status }
    }
}
