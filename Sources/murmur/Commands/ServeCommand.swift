import ArgumentParser
import Foundation
import MurmurKit
import Serving

/// `murmur serve`: models behind an endpoint of OpenAI's form, and a page.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answer over HTTP, in the form of OpenAI's API, and with a page to talk to the models.",
        discussion: """
            The base model and each adapter have a name, which requests give as "model". Requests that come at the same
            time are answered side by side. Where the address can be reached from other machines, visitors have to show
            the token in the environment variable MURMUR_SERVE_TOKEN.

            Examples:
              murmur serve --adapter demo-run/peer-0/adapter
              murmur serve --model path/to/model --adapter alice=run/alice/adapter \\
                  --adapter bob=run/bob/adapter --port 9000
            """)

    @Option(help: "The base model: builtin:fledgling, a Hugging Face directory or a GGUF file.")
    var model = "builtin:fledgling"
    @Option(name: .customLong("adapter"), help: "A PEFT directory, or NAME=DIRECTORY; may be given several times.")
    var adapters: [String] = []
    @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = WeightChoice.auto
    @Option(help: "The prompt template where a request names none; the model's own chat template unless given.")
    var template: String?
    @Option(help: "The address to listen on.") var host = ServingSettings().door.host
    @Option(help: "The port; 0 takes one that is free.") var port = ServingSettings().door.port
    @Option(help: "How many texts each model writes side by side.") var rows = ServingSettings().rows
    @Option(help: "How many requests may wait for each model; others get the status 429.")
    var waiting = ServingSettings().waiting
    @Option(help: "The most tokens of a prompt and its answer; what the model was made for unless given.")
    var context: Int?
    @Option(help: "The most tokens of an answer where a request does not say.")
    var maxTokens = ServingSettings().usualTokens
    @Option(help: "How many seconds an answer may take, waiting included.") var seconds = ServingSettings().seconds

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port \(port): from 0 to 65535") }
        guard (1...128).contains(rows) else { throw ValidationError("--rows \(rows): from 1 to 128") }
        guard (0...10_000).contains(waiting) else { throw ValidationError("--waiting \(waiting): from 0 to 10000") }
        guard (2...1_000_000).contains(context ?? 2) else { throw ValidationError("--context: from 2 to 1000000") }
        guard (1...1_000_000).contains(maxTokens) else { throw ValidationError("--max-tokens: from 1 to 1000000") }
        guard (1...86_400).contains(seconds) else { throw ValidationError("--seconds: from 1 to 86400") }
    }

    func run() async throws {
        var settings = ServingSettings()
        settings.door.host = host
        settings.door.port = port
        settings.door.token = ProcessInfo.processInfo.environment[settings.door.tokenVariable]
        settings.rows = rows
        settings.waiting = waiting
        settings.context = context
        settings.usualTokens = maxTokens
        settings.seconds = seconds
        if let fault = settings.door.fault { throw CommandFailure(fault) }
        let models = try ServedModel.load(
            base: model, adapters: adapters, weights: weights, template: template, settings: settings)
        let server = ChatServer(models: models, settings: settings)
        let stops = Signals.stopRequests()
        let door = settings.door
        let work = Task {
            try await server.run { port in
                Terminal.print("\(door.address(port: port)) answers as \(models.map(\.name).joined(separator: ", "))")
            }
        }
        let watch = Task {
            for await _ in stops {
                work.cancel()
                break
            }
        }
        defer { watch.cancel() }
        try await work.value
    }
}
