import Adapters
import Basics
import Federation
import Foundation
import LanguageModel
import Observability
import Recording
package import Storage

/// What a file or folder of this project's world holds, as names and values.
package enum Artefact {
    /// What is to be said of `path`.
    ///
    /// - Throws: an error that names the file, and `CommandFailure` for one that is none of the kinds known.
    package static func facts(of path: String) throws -> [(String, JSONValue)] {
        let exists = FileManager.default.fileExists(atPath:)
        if exists(path + "/adapter_config.json") { return try adapter(path) }
        if exists(path + "/config.json") { return try model(path) }
        if exists(path + "/checkpoint.bin") || exists(path + "/checkpoint.previous.bin") { return try state(path) }
        if path.hasSuffix(".safetensors") { return try tensors(path) }
        if GGUFFile.isNamed(path), exists(path) { return try gguf(path) }
        if path.hasSuffix(".jsonl") { return try events(path) }
        if path.hasSuffix(TrainingRecording.fileName) { return try recording(path) }
        throw CommandFailure(
            exists(path)
                ? "\(path) is none of the things that inspect knows; see murmur inspect --help"
                : "there is no \(path)")
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

    /// A GGUF file may hold a model that the engine does not compute; what it is can be said all the same.
    private static func gguf(_ path: String) throws -> [(String, JSONValue)] {
        let header = try GGUFFile.open(path: path).header
        var facts: [(String, JSONValue)] = [("kind", .text("GGUF file"))]
        for (name, key) in [
            ("name", "general.name"), ("architecture", "general.architecture"), ("license", "general.license"),
            ("tokenizer", "tokenizer.ggml.model"), ("words", "tokenizer.ggml.pre"),
        ] {
            if let text = header[key]?.text { facts.append((name, .text(text))) }
        }
        if let parts = header["split.count"]?.integer, parts > 1 { facts.append(("files", .integer(parts))) }
        facts.append(("tensors", .integer(header.entries.count)))
        facts.append(("values", .integer(header.entries.reduce(0) { $0 + $1.count })))
        for type in GGUFTensorType.allCases {
            let count = header.entries.count { $0.type == type }
            if count > 0 { facts.append(("tensors_\(type.name)", .integer(count))) }
        }
        facts.append(("vocabulary", .integer(header["tokenizer.ggml.tokens"]?.texts?.count ?? 0)))
        facts.append(("chat_template", .bool(header["tokenizer.chat_template"] != nil)))
        return facts
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
