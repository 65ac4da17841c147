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

            Example:
              murmur compare topologies/demo.yaml --out demo-run
            """)

    @Argument(help: "The topology file.") var topology: String
    @Option(help: "The folder of the run.") var out: String
    @OptionGroup var sources: SourceOptions
    @OptionGroup var compute: ComputeOptions
    @Option(help: "The most tokens of a generated answer; 0 generates none and measures loss alone.")
    var maxNewTokens = 32
    @Option(help: "For how many held-out records answers are generated; all, unless given.") var answers: Int?
    @Flag(help: "Print summary.json instead of the table.") var json = false

    func validate() throws {
        guard (0...4096).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 0 to 4096")
        }
        if let answers, answers < 1 { throw ValidationError("--answers \(answers): at least 1") }
    }

    func run() async throws {
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
}
