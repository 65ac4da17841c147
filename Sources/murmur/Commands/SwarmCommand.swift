import ArgumentParser
import MurmurKit

/// `murmur swarm`: every peer of a topology as a process on this machine.
struct SwarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm",
        abstract: "Run every peer of a topology file as a process on this machine, and watch them.",
        discussion: """
            Makes identities for the peers, starts one process each over loopback UDP, restarts a peer that dies, and \
            leaves adapters, logs and a report in DIR. A run that was stopped goes on from its checkpoints when the \
            command is given again. With --faults a relay stands between the peers and does to their datagrams what \
            the fault file says; processes crash, stand still and come back on its schedule \
            (docs/simulation-reference.md).

            --status HOST:PORT serves a page that shows all of it in a browser, and metrics (docs/watching.md).

            The exit code is the worst of the peers'. \(ExitStatus.list())

            Examples:
              murmur swarm topologies/demo.yaml --out demo-run --fresh
              murmur swarm topologies/demo.yaml --out crash-run \\
                  --faults topologies/faults/crash.yaml --seed 7
              murmur swarm topologies/demo.yaml --out demo-run --status 127.0.0.1:9464
              murmur swarm topologies/dolly-shards-10.yaml --model path/to/model \\
                  --data dolly.jsonl --out run
            """)

    @Argument(help: "The topology file.") var topology: String
    @Option(name: .long, help: "The folder that receives what the run leaves.") var out: String
    @OptionGroup var resume: ResumeOptions
    @Flag(help: "Replace an earlier run in the folder; the same as --restart.") var fresh = false
    @OptionGroup var sources: SourceOptions
    @Flag(help: "Write what the trainers return to DIR/PEER/training.recording, for murmur simulate --trainer DIR.")
    var record = false
    @Flag(help: "Measure each peer's adapter on the held-out records at the end.") var evaluate = false
    @Flag(help: "Keep the adapter of each round with training but the last, as DIR/PEER/rounds/0001 and so on.")
    var keepRounds = false
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var page: StatusOptions
    @Option(help: "How often a peer that died is started again.") var restarts = 3
    @Option(
        help: """
            How many peers have to take part for the run to count as done (exit code 0), instead of the topology's \
            wait-for.
            """)
    var quorum: Int?
    @Option(help: "A fault file: what goes wrong on links and with processes.") var faults: String?
    @Option(help: "The seed of what the faults draw, where their file has none; else the swarm's.") var seed: UInt64?
    @Flag(help: "Print the result as JSON, and no live view.") var json = false
    @Flag(help: "No live view.") var quiet = false

    func validate() throws {
        guard seed == nil || faults != nil else { throw ValidationError("--seed is about --faults; give both") }
        if let quorum, quorum < 1 { throw ValidationError("--quorum \(quorum): 1 or more") }
        guard (0...1000).contains(restarts) else { throw ValidationError("--restarts \(restarts): from 0 to 1000") }
    }

    func run() async throws {
        let board = StatusBoard(waitingFor: "the run is made ready")
        // Before an earlier run is replaced: the address may be taken.
        let result = try await page.whileShowing(board) { try await follow(board) }
        Terminal.print(json ? try JSONText.of(result) : result.text(folder: out))
        if result.status != .success { throw result.status }
    }

    /// Runs the swarm; `board` shows how it stands.
    private func follow(_ board: StatusBoard) async throws -> SwarmResult {
        let folder = try RunFolder.prepare(
            out, topologyPath: topology, sources: sources.choices, fresh: fresh, resumption: resume.choice)
        var plan: SwarmFaults?
        if let faults { plan = try await SwarmFaults(path: faults, seed: seed, folder: folder) }
        var choices = SwarmRun.Choices()
        choices.sources = sources.choices
        choices.compute = compute.choices
        choices.restarts = restarts
        choices.quorum = quorum
        choices.continues = resume.choice == .continueWith
        choices.showsView = !json && !quiet
        choices.records = record
        choices.measuresLosses = evaluate
        choices.keepsRounds = keepRounds
        if page.status != nil { board.begin(folder) }
        var run = try SwarmRun(folder: folder, choices: choices, faults: plan, sinks: page.status == nil ? [] : [board])
        return try await run.run()
    }
}
