import ArgumentParser
import Foundation

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
        try await reportingFailures {
            let folder = try RunFolder.prepare(out, topologyPath: topology, sources: sources, fresh: false)
            if !folder.holdsAllAdapters {
                var run = SwarmRun(
                    folder: folder, sources: sources, compute: compute, restarts: 3, showsView: !json)
                let result = try await run.run()
                guard result.finished else {
                    throw CommandFailure(
                        "the swarm did not finish; see \(out)/PEER/peer.log\n" + result.text(folder: out))
                }
            }
            let comparison = Comparison(
                folder: folder, answerTokens: maxNewTokens, answerRecords: answers, quietly: json,
                badRecords: sources.badRecords, compute: compute)
            let result = try await comparison.run()
            try result.write(to: folder)
            if json {
                print(try String(contentsOf: folder.url.appendingPathComponent("summary.json"), encoding: .utf8))
            } else {
                print(result.text(folder: out))
            }
        }
    }
}
