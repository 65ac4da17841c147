import Adapters
import ArgumentParser
import Foundation
import InstructionTuning
import LanguageModel
import LinearAlgebra
import Observability
import Storage
import SwarmFile

/// `murmur evaluate`: how well a model, or a model with an adapter, answers.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, with or without an adapter, on instructions.",
        discussion: """
            Examples:
              murmur evaluate --data builtin:chores --records 100
              murmur evaluate --model path/to/model --adapter run/alice/adapter --data test.jsonl --json
            """)

    @OptionGroup var options: ModelOptions
    @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = "auto"
    @Option(help: "A PEFT directory; the base model alone without it.") var adapter: String?
    @Option(help: "The instructions: builtin:chores, a JSON or a JSON Lines file.") var data: String
    @Option(help: "Measure on so many of the records at most.") var records: Int?
    @Option(help: "The most tokens of a generated answer; 0 generates none and measures loss alone.")
    var maxNewTokens = 64
    @Option(help: "The seed of built-in instructions.") var seed: UInt64 = 42
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (0...4096).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 0 to 4096")
        }
        guard weights == "auto" || WeightStorage(rawValue: weights) != nil else {
            throw ValidationError("--weights \(weights): known are auto, fp32, bf16, int8")
        }
        if let records, records < 1 { throw ValidationError("--records \(records): at least 1") }
    }

    func run() async throws {
        try await reportingFailures {
            var topology = options.topology(data: data, seed: seed)
            if data == "builtin:chores", let records { topology.data.count = records }
            let all = try Composition.records(data, topology, onBadRecord: options.badRecords)
            let chosen = Array(all.prefix(records ?? all.count))
            guard !chosen.isEmpty else { throw CommandFailure("\(data) holds no records") }
            let loaded = try AdaptedModel(
                base: options.model, adapter: adapter, storage: WeightStorage(rawValue: weights))
            let encoder = RecordEncoder(
                template: try PromptTemplate.named(options.templateName, model: loaded.model.path),
                encoder: loaded.tokenizer,
                cutoff: options.cutoff)
            let summary = try await measure(chosen, loaded, encoder)
            if json {
                print(String(decoding: summary.json.encoded(indented: true), as: UTF8.self))
            } else {
                print(Self.table(summary).lines.joined(separator: "\n"))
            }
        }
    }

    /// The records divided over the lanes; their scores put together are the summary.
    private func measure(
        _ records: [InstructionRecord], _ loaded: AdaptedModel, _ encoder: RecordEncoder
    ) async throws -> EvaluationSummary {
        let settings = Evaluator.Options(generates: maxNewTokens > 0, maximumTokens: max(1, maxNewTokens))
        let lanes = min(ComputeLane.all.count, records.count)
        let progress = ProgressLine("evaluating", quietly: json)
        let pieces = stride(from: 0, to: records.count, by: 64).map { Array(records[$0..<min($0 + 64, records.count)]) }
        let counter = Counter { progress.update($0, of: pieces.count) }
        let scores = try await withThrowingTaskGroup(of: [(Int, [RecordScore])].self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    var results: [(Int, [RecordScore])] = []
                    for index in stride(from: lane, to: pieces.count, by: lanes) {
                        let evaluator = try Evaluator(
                            records: pieces[index], model: loaded.model, lora: loaded.adapter?.configuration,
                            encoder: encoder, lane: .shared(for: lane), options: settings)
                        results.append((index, try await evaluator.scores(adapter: loaded.adapter?.values ?? [])))
                        counter.add(1)
                    }
                    return results
                }
            }
            var all: [(Int, [RecordScore])] = []
            for try await results in group { all += results }
            return all.sorted { $0.0 < $1.0 }.flatMap(\.1)
        }
        progress.finish()
        return EvaluationSummary(scores)
    }

    /// The summary by category.
    static func table(_ summary: EvaluationSummary) -> TextTable {
        var table = TextTable(heads: ["", "records", "loss", "perplexity", "exact match", "ROUGE-L"])
        for (name, row) in summary.categories.map({ ($0.name, $0.summary) }) + [("all", summary)] {
            table.rows.append([
                name.isEmpty ? "(no category)" : name, "\(row.records)", Readable.number(row.loss),
                Readable.number(row.perplexity, digits: 2), Readable.percent(row.exactMatch),
                Readable.percent(row.rougeL),
            ])
        }
        return table
    }
}
