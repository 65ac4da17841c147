import ArgumentParser
import MurmurKit
import Storage

/// `murmur inspect`: what a file or folder of this project's world holds.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract:
            "Say what an adapter, a model, a safetensors or GGUF file, a run, a peer's state, a log or a trace holds.",
        discussion: """
            Examples:
              murmur inspect demo-run
              murmur inspect demo-run/peer-0/adapter
              murmur inspect demo-run/peer-0/state --json
              murmur inspect demo-run/peer-0/events.jsonl
              murmur inspect run.trace --peer peer-3 --from 10 --to 20 --event mixed \\
                  --event caught_up

            A trace (murmur simulate --trace) is stepped through on a terminal and listed in a pipe.
            """)

    @Argument(
        help: """
            A PEFT or model directory, a .safetensors or .gguf file, a run's folder, a state, events.jsonl, a recording \
            or a trace.
            """)
    var path: String
    @Option(help: "Of a trace: only what this peer does; may be given several times.") var peer: [String] = []
    @Option(help: "Of a trace: only events of this name; may be given several times.") var event: [String] = []
    @Option(help: "Of a trace: from this second of virtual time on.") var from = 0.0
    @Option(help: "Of a trace: up to this second of virtual time.") var to = Double.infinity
    @Flag(help: "Print JSON; of a trace, an object a line.") var json = false

    func run() async throws {
        if TraceReader.isTrace(path) {
            let filter = TraceReader.Filter(peers: Set(peer), events: Set(event), from: from, to: to)
            return try TraceReader(path: path).show(filter, json: json)
        }
        guard peer.isEmpty, event.isEmpty, from == 0, to == .infinity else {
            throw CommandFailure("\(path) is no trace: --peer, --event, --from and --to are for traces")
        }
        let facts = try Artefact.facts(of: path)
        guard !json else { return Terminal.print(JSONText.of(.object(JSONObject(facts)))) }
        let width = facts.map(\.0.count).max() ?? 0
        for (name, value) in facts {
            let text = value.text ?? String(decoding: value.encoded(), as: UTF8.self)
            Terminal.print(name + String(repeating: " ", count: width - name.count + 2) + text)
        }
    }
}
