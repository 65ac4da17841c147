import ArgumentParser
import InstructionTuning
import MurmurKit
import Observability
import SwarmFile

/// `murmur evaluate`: how well a model, or a model with an adapter, answers.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, with or without an adapter, on instructions.",
        discussion: """
            Examples:
              murmur evaluate --data builtin:chores --records 100
              murmur evaluate --model path/to/model --adapter run/alice/adapter \\
                  --data test.jsonl --json
            """)

    @OptionGroup var options: ModelOptions
    @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = WeightChoice.auto
    @Option(help: "A PEFT directory; the base model alone without it.") var adapter: String?
    @Option(help: "The instructions: \(DataSource.help)") var data: [String]
    @OptionGroup(title: "Data, as in a topology file") var fields: SectionOptions<FieldKeys>
    @Option(help: "Measure on so many of the records at most.") var records: Int?
    @Option(help: "The most tokens of a generated answer; 0 generates none and measures loss alone.")
    var maxNewTokens = 64
    @Option(help: "How many answers each processor writes at a time; they are the same for any number.")
    var sideBySide = 16
    @Option(help: "The seed of built-in instructions.") var seed: UInt64 = 42
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (0...4096).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 0 to 4096")
        }
        guard !data.isEmpty else { throw ValidationError("--data: name the instructions") }
        guard (1...128).contains(sideBySide) else {
            throw ValidationError("--side-by-side \(sideBySide): from 1 to 128")
        }
        if let records, records < 1 { throw ValidationError("--records \(records): at least 1") }
    }

    func run() async throws {
        let source = DataSource(data)
        var topology = options.topology(data: source, seed: seed)
        topology.data = try fields.applied(to: topology.data)
        if source.isBuiltIn, let records { topology.data.count = records }
        let all = try ModelComposition.records(source, topology, onBadRecord: options.badRecords)
        let chosen = Array(all.prefix(records ?? all.count))
        guard !chosen.isEmpty else { throw CommandFailure("\(source) holds no records") }
        let model = try AdaptedModel(base: options.model, adapter: adapter, weights: weights)
        let encoder = try model.encoder(template: options.templateName, cutoff: options.cutoff)
        model.warn(of: encoder)
        let evaluation = Evaluation(model, encoder: encoder, answerTokens: maxNewTokens, sideBySide: sideBySide)
        let progress = ProgressLine("evaluating", quietly: json)
        let scores = try await evaluation.scores(of: chosen) { progress.update($0, of: $1) }
        progress.finish()
        let (summary, details) = (EvaluationSummary(scores), ScoreDetails(scores))
        if json {
            Terminal.print(JSONText.of(summary.json(with: details)))
        } else {
            let lines = Evaluation.table(summary).lines + [Evaluation.line(details)].filter { !$0.isEmpty }
            Terminal.print(lines.joined(separator: "\n"))
        }
    }
}
