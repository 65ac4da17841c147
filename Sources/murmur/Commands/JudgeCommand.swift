import ArgumentParser
import Foundation
import InstructionTuning
import MurmurKit
import Observability
import Storage
import SwarmFile

extension JudgeSettings.LimitName: ExpressibleByArgument {}
extension VerdictForm: ExpressibleByArgument {}

/// `murmur judge`: which of several answers a judge prefers.
struct JudgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "judge",
        abstract: "Let a model behind an endpoint judge answers pair by pair, as the FedIT paper did.",
        discussion: """
            First each contestant answers the questions into a file (answers), then a judge scores every pair of answers \
            in both orders (score). docs/judging.md says what that is worth.

            Examples:
              murmur judge answers --questions question.jsonl --out base.jsonl
              murmur judge score --questions question.jsonl --answers base.jsonl \\
                  --answers tuned.jsonl --endpoint http://127.0.0.1:8080/v1 \\
                  --judge MODEL --out judging --dry-run
            """,
        subcommands: [Answers.self, Score.self])

    /// `murmur judge answers`
    struct Answers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer questions with a model, or a model with an adapter, into a file.",
            discussion: """
                Questions are those of FastChat's question.jsonl, or any file of instructions, whose records are then \
                called by their numbers. Answers that the file has are not written again: the same command goes on.

                Examples:
                  murmur judge answers --questions question.jsonl --model path/to/model \\
                      --out base.jsonl
                  murmur judge answers --questions question.jsonl --model path/to/model \\
                      --adapter run/alice/adapter --out tuned.jsonl --per-category 2
                """)

        @Option(help: "The questions.") var questions: String
        @OptionGroup var choice: QuestionChoice
        @Option(help: "The base model: builtin:fledgling, a Hugging Face directory or a GGUF file.")
        var model = "builtin:fledgling"
        @Option(help: "A PEFT directory; the base model alone without it.") var adapter: String?
        @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = WeightChoice.auto
        @Option(help: "The prompt template; the model's own chat template unless given, or alpaca where it has none.")
        var template: String?
        @Option(help: "The file for the answers.") var out: String
        @Option(help: "The most tokens of an answer.") var maxNewTokens = 512
        @Option(help: "0 takes the likeliest token always.") var temperature = 0.0
        @Option(help: "Sample from so many of the likeliest tokens; 0: all.") var topK = 0
        @Option(help: "Sample from the likeliest tokens that together reach this probability.") var topP = 1.0
        @Option(help: "The seed of sampling.") var seed: UInt64 = 42

        func validate() throws {
            guard (1...1_000_000).contains(maxNewTokens) else {
                throw ValidationError("--max-new-tokens \(maxNewTokens): from 1 to 1000000")
            }
            guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature: 0 or more") }
            guard topK >= 0 else { throw ValidationError("--top-k: 0 or more") }
            guard topP > 0, topP <= 1 else { throw ValidationError("--top-p: above 0, at most 1") }
        }

        func run() async throws {
            let questions = try choice.read(questions)
            let adapted = try AdaptedModel(base: model, adapter: adapter, weights: weights)
            let template = template ?? adapted.usualTemplate
            let sampling = SamplingChoices(
                maximumTokens: maxNewTokens, temperature: temperature, topK: topK, topP: topP, seed: seed)
            let sheet = try AnswerSheet(
                out, model: model, adapter: adapter, template: template, sampling: sampling)
            let responder = try ModelResponder.onAllProcessors(adapted, template: template, sampling: sampling)
            let progress = ProgressLine("answering")
            try await sheet.write(questions, responder: responder) { progress.update($0, of: $1) }
            progress.finish()
            Terminal.print("\(out): answers to \(questions.count) questions")
        }
    }

    /// `murmur judge score`
    struct Score: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a judge score the answers of two contestants or more, pair by pair.",
            discussion: """
                The endpoint speaks OpenAI's API: OpenAI's own, murmur serve, vLLM, llama.cpp and others. The key is \
                taken from an environment variable and from nowhere else. A line says first how many requests there \
                are and what they take. Every reply is kept in DIR/replies.jsonl and asked for once: the same command \
                goes on where it was stopped. Leaves DIR/judge.json.

                Exit codes: 0: every reply is there and a verdict, but for a tenth of them. 1: nothing could be asked. \
                3: some requests have no reply; the same command asks again. 5: stopped; the same command goes on. \
                8: more than a tenth of the replies are malformed.

                Examples:
                  murmur judge score --questions question.jsonl --answers base=a.jsonl \\
                      --answers tuned=b.jsonl --endpoint http://127.0.0.1:8080/v1 \\
                      --judge MODEL --out judging --verdicts json
                  murmur judge score --questions question.jsonl --answers base=a.jsonl \\
                      --answers tuned=b.jsonl --endpoint https://api.openai.com/v1 \\
                      --judge MODEL --out judging --price-in 2.5 --price-out 10 --yes
                """)

        @Option(help: "The questions: FastChat's question.jsonl, or any file of instructions.") var questions: String
        @OptionGroup var choice: QuestionChoice
        @Option(
            help: "A file of answers, JSON Lines, or NAME=FILE; for each contestant, two or more.") var answers:
            [String]
        @Option(
            help: "Set the others beside this contestant only, instead of every later one beside every earlier one.")
        var baseline: String?
        @Option(help: "The base of the API, such as http://127.0.0.1:8080/v1.") var endpoint: String
        @Option(help: "The judge, as the endpoint calls it.") var judge: String
        @Option(help: "The environment variable with the key; requests have none where it is empty.")
        var keyVariable = "OPENAI_API_KEY"
        @Option(help: "The folder for replies and figures.") var out: String
        @Option(
            help: """
                The form of a verdict: line (a last line of scores), json (an object, by OpenAI's structured outputs) or \
                json-object (the same for llama-cpp-python and others that know json_object only).
                """)
        var verdicts = VerdictForm.line
        @Option(help: "How often each order is judged.") var repeats = 3
        @Option(help: "The judge's temperature; the endpoint's own unless given.") var temperature: Double?
        @Option(help: "A seed for the judge; none is sent unless given.") var seed: Int?
        @Option(help: "The most tokens of a reply.") var maxTokens = 512
        @Option(help: "What the endpoint calls that: max_tokens or max_completion_tokens.")
        var limitName = JudgeSettings.LimitName.maxTokens
        @Option(help: "What a million tokens of requests cost.") var priceIn: Double?
        @Option(help: "What a million tokens of replies cost.") var priceOut: Double?
        @Flag(help: "Ask though it costs something: needed where prices are given.") var yes = false
        @Flag(help: "Say what would be asked, and ask nothing.") var dryRun = false
        @Option(help: "How many requests at a time.") var concurrency = 4
        @Option(help: "How often a request is sent at most.") var tries = RetryPolicy().attempts
        @Option(help: "How many seconds a reply may take.") var seconds = 300
        @Flag(help: "Print the table in Markdown.") var markdown = false
        @Flag(help: "Print judge.json instead of the table.") var json = false

        func validate() throws {
            func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
                guard !range.contains(value) else { return }
                throw ValidationError("--\(name) \(value): from \(range.lowerBound) to \(range.upperBound)")
            }
            guard answers.count >= 2 else { throw ValidationError("--answers: give it for two contestants or more") }
            try check("repeats", repeats, 1...100)
            try check("max-tokens", maxTokens, 1...1_000_000)
            try check("concurrency", concurrency, 1...64)
            try check("tries", tries, 1...100)
            try check("seconds", seconds, 1...86_400)
            if let temperature, !(0...10).contains(temperature) { throw ValidationError("--temperature: from 0 to 10") }
            guard (priceIn == nil) == (priceOut == nil) else {
                throw ValidationError("--price-in and --price-out belong together")
            }
            for price in [priceIn, priceOut].compactMap(\.self) where !(0...1e9).contains(price) {
                throw ValidationError("--price-in and --price-out: 0 or more")
            }
            guard !keyVariable.isEmpty, !judge.isEmpty else {
                throw ValidationError("--key-variable and --judge are not empty")
            }
        }

        func run() async throws {
            let plan = try plan()
            let endpoint = try self.endpoint(keyed: true)
            let prices = priceIn.flatMap { one in priceOut.map { JudgePrices(tokensIn: one, tokensOut: $0) } }
            guard !dryRun else {
                return Terminal.print(
                    line(JudgeEstimate(plan, known: try JudgeCache.keys(inFolder: out), prices: prices)))
            }
            let lock = try OutputFolder.judging.claim(out)
            let progress = ProgressLine("judging", quietly: json)
            var policy = RetryPolicy()
            policy.attempts = tries
            var limits = JudgeClient.Limits()
            limits.time = .seconds(seconds)
            let run = JudgeRun(
                plan, cache: try JudgeCache(folder: out),
                client: JudgeClient(
                    endpoint, policy: policy, limits: limits, seed: UInt64.random(in: 0 ... .max)),
                concurrency: concurrency, prices: prices
            ) { progress.update($0, of: $1) }
            let estimate = run.estimate
            Terminal.note("murmur: " + line(estimate))
            guard yes || estimate.toAsk == 0 || (estimate.cost ?? 0) == 0 else {
                throw CommandFailure("nothing was asked: --yes asks, --dry-run only says what it takes")
            }
            let result = try await run.runUntilStopped(by: Signals.stopRequests())
            progress.finish()
            try withExtendedLifetime(lock) {
                try AtomicFile.write(result.json.encoded(indented: true), to: out + "/judge.json")
            }
            Terminal.print(json ? JSONText.of(result.json) : markdown ? result.markdown : result.text)
            if result.status != .success { throw result.status }
        }

        private func plan() throws -> JudgePlan {
            let contestants = try answers.map { text in
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let isNamed = parts.count == 2 && !parts[0].isEmpty && !parts[0].contains("/")
                let path = isNamed ? parts[1] : text
                let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
                return try JudgeAnswers.read(path: path, name: isNamed ? parts[0] : name)
            }
            var settings = JudgeSettings(model: judge)
            settings.form = verdicts
            settings.repeats = repeats
            settings.maximumTokens = maxTokens
            settings.limitName = limitName
            settings.temperature = temperature
            settings.seed = seed
            return try JudgePlan(
                try choice.read(questions), contestants, baseline: baseline, settings: settings,
                endpoint: "\(try endpoint(keyed: false))")
        }

        private func endpoint(keyed: Bool) throws -> JudgeEndpoint {
            try JudgeEndpoint(endpoint, key: keyed ? ProcessInfo.processInfo.environment[keyVariable] : nil)
        }

        /// What will be asked, of whom, with which key.
        private func line(_ estimate: JudgeEstimate) -> String {
            let hasKey = ProcessInfo.processInfo.environment[keyVariable]?.isEmpty == false
            return
                "\(judge) at \(endpoint), \(hasKey ? "with the key in" : "without a key: nothing is in") \(keyVariable): "
                + estimate.line
        }
    }

    /// Which of a file's questions are taken.
    struct QuestionChoice: ParsableArguments {
        @Option(help: "Take so many questions at most, from the first on.") var records: Int?
        @Option(help: "Take so many questions of each category at most.") var perCategory: Int?
        @OptionGroup(title: "Data, as in a topology file") var fields: SectionOptions<FieldKeys>

        func validate() throws {
            for (name, value) in [("records", records), ("per-category", perCategory)] {
                if let value, value < 1 { throw ValidationError("--\(name) \(value): at least 1") }
            }
        }

        /// The chosen questions of the file at `path`.
        func read(_ path: String) throws -> [JudgeQuestion] {
            let all = try JudgeQuestion.read(path: path, fields: try fields.applied(to: SwarmTopology.Data()).fields)
            return JudgeQuestion.first(records, perCategory: perCategory, of: all)
        }
    }
}
