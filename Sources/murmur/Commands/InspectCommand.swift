import Adapters
import ArgumentParser
import Basics
import Federation
import Foundation
import LanguageModel
import Observability
import Recording
import Simulation
import Storage

/// `murmur inspect`: what a file or folder of this project's world holds.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what an adapter, a model, a safetensors file, a peer's state, a log or a trace holds.",
        discussion: """
            Examples:
              murmur inspect demo-run/peer-0/adapter
              murmur inspect demo-run/peer-0/state --json
              murmur inspect demo-run/peer-0/events.jsonl
              murmur inspect run.trace --peer peer-3 --from 10 --to 20 --kind mixed --kind caught-up

            A trace (murmur simulate --trace) is stepped through on a terminal and listed in a pipe.
            """)

    @Argument(
        help: "A PEFT or model directory, a .safetensors file, a state folder, events.jsonl, a recording or a trace.")
    var path: String
    @Option(help: "Of a trace: only what this peer does; may be given several times.") var peer: [String] = []
    @Option(help: "Of a trace: only this kind of happening; may be given several times.") var kind: [String] = []
    @Option(help: "Of a trace: from this second of virtual time on.") var from = 0.0
    @Option(help: "Of a trace: up to this second of virtual time.") var to = Double.infinity
    @Flag(help: "Print JSON; of a trace, an object a line.") var json = false

    func run() async throws {
        try await reportingFailures {
            if TraceReader.isTrace(path) { return try trace() }
            guard peer.isEmpty, kind.isEmpty, from == 0, to == .infinity else {
                throw CommandFailure("\(path) is no trace: --peer, --kind, --from and --to are for traces")
            }
            let facts = try Self.facts(path)
            if json {
                print(String(decoding: JSONValue.object(JSONObject(facts)).encoded(indented: true), as: UTF8.self))
            } else {
                let width = facts.map(\.0.count).max() ?? 0
                for (name, value) in facts {
                    let text = value.text ?? String(decoding: value.encoded(), as: UTF8.self)
                    print(name + String(repeating: " ", count: width - name.count + 2) + text)
                }
            }
        }
    }

    private static func facts(_ path: String) throws -> [(String, JSONValue)] {
        let exists = FileManager.default.fileExists(atPath:)
        if exists(path + "/adapter_config.json") { return try adapter(path) }
        if exists(path + "/config.json") { return try model(path) }
        if exists(path + "/checkpoint.bin") || exists(path + "/checkpoint.previous.bin") { return try state(path) }
        if path.hasSuffix(".safetensors") { return try tensors(path) }
        if path.hasSuffix(".jsonl") { return try events(path) }
        if path.hasSuffix(TrainingRecording.fileName) { return try recording(path) }
        throw CommandFailure(
            exists(path)
                ? "\(path) is none of the things that inspect knows; see murmur inspect --help"
                : "there is no \(path)")
    }

    /// Lines of a trace that a terminal's stepping through keeps in memory.
    private static let lineLimit = 2_000_000

    private func trace() throws {
        let reader = try TraceReader(path: path)
        let filter = TraceReader.Filter(peers: Set(peer), kinds: Set(kind), from: from, to: to)
        guard !json, Terminal.outputIsTerminal, isatty(STDIN_FILENO) == 1 else {
            return try reader.forEach(filter) { line in
                Terminal.write((json ? Self.object(line) : line.text) + "\n")
                return true
            }
        }
        var lines: [TraceLine] = []
        try reader.forEach(filter) { line in
            lines.append(line)
            return lines.count < Self.lineLimit
        }
        guard !lines.isEmpty else { throw CommandFailure("no line of \(path) is what was asked for") }
        if lines.count == Self.lineLimit { Terminal.note("The first \(Self.lineLimit) lines; narrow it with --from.") }
        var stepper = TraceStepper(lines)
        stepper.run()
    }

    /// A line of a trace as a JSON object.
    private static func object(_ line: TraceLine) -> String {
        var members: [(String, JSONValue)] = [
            ("time", .number(line.seconds)), ("peer", .text(line.subject)), ("kind", .text(line.kind)),
        ]
        // A file may say anything, also one thing twice: the first counts.
        var names: Set<String> = ["time", "peer", "kind"]
        for field in line.fields where names.insert(field.name).inserted { members.append((field.name, value(field))) }
        return String(decoding: JSONValue.object(JSONObject(members)).encoded(), as: UTF8.self)
    }

    private static func value(_ field: TraceLine.Field) -> JSONValue {
        // The name of an object may look like a number.
        guard field.name != "object" else { return .text(field.value) }
        if let whole = Int(field.value) { return .integer(whole) }
        guard let number = Double(field.value), number.isFinite else { return .text(field.value) }
        return .number(number)
    }

    private static func recording(_ path: String) throws -> [(String, JSONValue)] {
        let recording = try RecordingFolder.read(path)
        let rounds = recording.entries.map(\.round)
        return [
            ("kind", .text("recording of local steps")), ("peer", .text(recording.peer)),
            ("records", .integer(recording.sampleCount)), ("values", .integer(recording.schema.count)),
            ("entries", .integer(rounds.count)), ("first_round", rounds.min().map { .integer($0) } ?? .null),
            ("last_round", rounds.max().map { .integer($0) } ?? .null),
            ("last_loss", recording.entries.last.map { .number($0.loss) } ?? .null),
        ]
    }

    private static func adapter(_ path: String) throws -> [(String, JSONValue)] {
        let adapter = try PEFTDirectory.read(path)
        let norm = adapter.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return [
            ("kind", .text("LoRA adapter (PEFT)")), ("base_model", adapter.baseModel.map { .text($0) } ?? .null),
            ("rank", .integer(adapter.configuration.rank)), ("alpha", .number(adapter.configuration.alpha)),
            ("targets", .array(adapter.configuration.targets.map(\.rawValue).sorted().map { .text($0) })),
            ("tensors", .integer(adapter.schema.tensors.count)), ("values", .integer(adapter.values.count)),
            ("norm", .number(norm)), ("finite", .bool(adapter.values.allSatisfy(\.isFinite))),
        ]
    }

    private static func model(_ path: String) throws -> [(String, JSONValue)] {
        let model = try BaseModel.load(directory: path)
        let shape = model.configuration
        return [
            ("kind", .text("base model")), ("parameters", .integer(model.parameterCount)),
            ("vocabulary", .integer(shape.vocabularySize)), ("hidden", .integer(shape.hiddenSize)),
            ("layers", .integer(shape.layerCount)), ("heads", .integer(shape.headCount)),
            ("key_value_heads", .integer(shape.keyValueHeadCount)),
            ("intermediate", .integer(shape.intermediateSize)), ("tied", .bool(shape.tiesEmbeddings)),
        ]
    }

    private static func state(_ path: String) throws -> [(String, JSONValue)] {
        let (checkpoint, problems) = CheckpointStore(folder: path).load()
        guard let checkpoint else { throw CommandFailure(problems.joined(separator: "; ")) }
        return [
            ("kind", .text("peer checkpoint")), ("peer", .text(checkpoint.identity.description)),
            ("round", .integer(checkpoint.round)), ("finished", .bool(checkpoint.isFinished)),
            ("values", .integer(checkpoint.delta.values.count)), ("norm", .number(checkpoint.delta.norm)),
            ("trainer_state_bytes", .integer(checkpoint.trainerSnapshot.count)),
            ("problems", .array(problems.map { .text($0) })),
        ]
    }

    private static func tensors(_ path: String) throws -> [(String, JSONValue)] {
        let file = try SafetensorsFile.open(path: path)
        return file.tensors.map { entry in
            (
                String(decoding: entry.name, as: UTF8.self),
                .text(entry.type + " " + "[" + entry.shape.map { "\($0)" }.joined(separator: ", ") + "]")
            )
        }
    }

    private static func events(_ path: String) throws -> [(String, JSONValue)] {
        let events = try LoggedEvent.read(URL(fileURLWithPath: path))
        guard let first = events.first, let last = events.last else { throw CommandFailure("\(path) holds no events") }
        var counts: [(String, JSONValue)] = []
        for kind in Set(events.map(\.event)).sorted() {
            counts.append((kind, .integer(events.count { $0.event == kind })))
        }
        return [("kind", .text("event log of \(first.peer)")), ("seconds", .number(last.time - first.time))] + counts
    }
}
