import ArgumentParser
import MurmurKit

/// `murmur compare`: gossip beside its alternatives.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare gossip with the base model, each peer alone, a FedAvg server, and pooled data.",
        discussion: """
            All are tuned with the topology's settings and measured on the held-out records: loss on response tokens, \
            and greedy answers for exact match and ROUGE-L. The gossip adapters are those of the finished run in DIR; \
            where there is none, the swarm is run first. Leaves DIR/summary.json and DIR/report.html.

            With --grid or --seeds the swarms run in this process instead, on a simulated network: every arm at its own \
            best learning rate, chosen on a validation part, over paired seeds. Finished runs are kept in DIR/runs; the \
            same command goes on from them, and a larger grid uses them. Leaves DIR/grid.json and DIR/report.html.

            Examples:
              murmur compare topologies/demo.yaml --out demo-run
              murmur compare topologies/demo.yaml --out grid --seeds 5 \\
                  --grid tuning.learning-rate=1e-2,2e-2,4e-2 \\
                  --grid graph.kind=ring,exponential
            """)

    @Argument(help: "The topology file.") var topology: String
    @Option(help: "The folder of the run.") var out: String
    @OptionGroup var grid: GridOptions
    @OptionGroup var sources: SourceOptions
    @OptionGroup var compute: ComputeOptions
    @Option(help: "The most tokens of a generated answer; 0 generates none and measures loss alone.")
    var maxNewTokens = 32
    @Option(help: "For how many held-out records answers are generated; all, unless given, and of a grid none.")
    var answers: Int?
    @Flag(help: "Print summary.json, or grid.json, instead of the table.") var json = false

    func validate() throws {
        guard (0...4096).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 0 to 4096")
        }
        if let answers, answers < 1 { throw ValidationError("--answers \(answers): at least 1") }
    }

    func run() async throws {
        if grid.isAsked { return try await runGrid() }
        let folder = try RunFolder.prepare(
            out, topologyPath: topology, sources: sources.choices, fresh: false, user: "murmur compare")
        if !folder.holdsAllAdapters {
            var choices = SwarmRun.Choices()
            choices.sources = sources.choices
            choices.compute = compute.choices
            choices.showsView = !json
            var run = try SwarmRun(folder: folder, choices: choices)
            let result = try await run.run()
            guard result.status == .success else {
                Terminal.note(
                    "murmur: the swarm is not done with everybody, so there is nothing to compare; see "
                        + "\(out)/PEER/peer.log\n" + result.text(folder: out))
                throw result.status
            }
        }
        var comparison = Comparison(folder: folder)
        comparison.answerTokens = maxNewTokens
        comparison.answerRecords = answers
        comparison.sources = sources.choices
        comparison.compute = compute.choices
        comparison.isQuiet = json
        let result = try await comparison.run()
        try folder.write(result)
        Terminal.print(json ? JSONText.of(result.json) : result.text(folder: out))
    }

    private func runGrid() async throws {
        var choices = grid.choices
        choices.measure.answers = maxNewTokens > 0 ? answers ?? 0 : 0
        choices.measure.answerTokens = max(1, maxNewTokens)
        choices.sources = sources.choices
        choices.compute = compute.choices
        choices.isQuiet = json
        let comparison = try GridComparison(topology, out: out, choices)
        let result = try await comparison.runUntilStopped(
            command: (["murmur"] + CommandLine.arguments.dropFirst().filter { $0 != "--fresh" }).joined(separator: " "))
        Terminal.print(json ? JSONText.of(result.json) : grid.markdown ? result.markdown : result.text(folder: out))
    }
}
