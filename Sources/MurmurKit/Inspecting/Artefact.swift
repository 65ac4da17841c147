import Adapters
import Basics
import Federation
import Foundation
import LanguageModel
import Observability
import Recording
package import Storage
import SwarmFile

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
        if OutputFolder.run.isOwn(path), exists(path + "/topology.yaml") { return try run(path) }
        if exists(path + "/events.jsonl") { return try peer(path) }
        if path.hasSuffix(".safetensors") { return try tensors(path) }
        if GGUFFile.isNamed(path), exists(path) { return try gguf(path) }
        if path.hasSuffix(".jsonl") { return try events(path) }
        if path.hasSuffix(TrainingRecording.fileName) { return try recording(path) }
        throw CommandFailure(
            exists(path)
                ? "\(path) is none of the things that inspect knows; see murmur inspect --help"
                : "there is no \(path)")
    }

    /// What a swarm's run has left so far, peer by peer.
    private static func run(_ path: String) throws -> [(String, JSONValue)] {
        let topology = try SwarmTopology.load(path: path + "/topology.yaml")
        let folder = RunFolder(url: URL(fileURLWithPath: path, isDirectory: true), topology: topology)
        let progress = folder.progress()
        let peers = progress.names.map { name -> (String, JSONValue) in
            let state = progress.peers[name]
            let parts = [
                state.map(\.phase) ?? "not started",
                state.map { EventDescription.place($0.round, of: topology.tuning.rounds) },
                state?.loss.map { "loss " + Readable.number($0) },
                FileManager.default.fileExists(atPath: folder.adapter(of: name).path) ? "adapter" : "no adapter",
            ]
            return (name, .text(parts.compactMap { $0 }.joined(separator: ", ")))
        }
        return [
            ("kind", .text("run of a swarm")), ("swarm", .text(topology.swarm.name)),
            ("base_model", .text(topology.model.base)), ("rounds", .integer(topology.tuning.rounds)),
            ("at_work", .bool(FolderLock.isHeld(path))),
            ("report", .bool(FileManager.default.fileExists(atPath: folder.report.path))),
        ] + peers
    }

    /// What one peer has left so far: the end of its log, and which of its other files are there.
    private static func peer(_ path: String) throws -> [(String, JSONValue)] {
        let events = try LoggedEvent.read(URL(fileURLWithPath: path + "/events.jsonl"))
        guard let last = events.last else { throw CommandFailure("\(path)/events.jsonl holds no events") }
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }
        return [
            ("kind", .text("folder of peer \(last.peer)")), ("events", .integer(events.count)),
            ("last_event", .text(last.event)), ("last_round", last.round.map { .integer($0) } ?? .null),
            ("last_loss", events.last { $0.event == "trained" }?.number("loss").map { .number($0) } ?? .null),
            ("at_work", .bool(FolderLock.isHeld(path))), ("adapter", .bool(exists("adapter"))),
            ("state", .bool(exists("state"))), ("ledger", .bool(exists("outgoing.jsonl"))),
        ]
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
        // What refuses an adapter everywhere else is what one looks at it for.
        let adapter = try PEFTDirectory.read(path, refusesNotFinite: false)
        let norm = adapter.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return [
            ("kind", .text("LoRA adapter (PEFT)")), ("base_model", adapter.baseModel.map { .text($0) } ?? .null),
            ("rank", .integer(adapter.configuration.rank)), ("alpha", .number(adapter.configuration.alpha)),
            ("targets", .array(adapter.configuration.targets.map(\.rawValue).sorted().map { .text($0) })),
            ("tensors", .integer(adapter.schema.tensors.count)), ("values", .integer(adapter.values.count)),
            ("norm", .number(norm)),
        ] + finiteness(adapter)
    }

    /// Whether all values of an adapter are finite; of those that are not, which tensors have them.
    private static func finiteness(_ adapter: PEFTAdapter) -> [(String, JSONValue)] {
        let found = adapter.schema.tensors.enumerated().compactMap { index, tensor in
            NotFiniteValues.find(in: adapter.values[adapter.schema.range(of: index)]).map {
                "\(tensor.name): \($0.description(shape: [tensor.rows, tensor.columns]))"
            }
        }
        guard !found.isEmpty else { return [("finite", .bool(true))] }
        return [
            ("finite", .bool(false)), ("tensors_not_finite", .integer(found.count)),
            ("not_finite", .array(found.prefix(shownTensors).map { .text($0) })),
        ]
    }

    /// How many tensors with values that are not finite are named.
    private static let shownTensors = 8

    private static func model(_ path: String) throws -> [(String, JSONValue)] {
        let shape: ModelConfiguration
        var fault: ModelError?
        do {
            shape = try BaseModel.load(directory: path).configuration
        } catch let error as ModelError {
            guard case .notFinite = error else { throw error }
            (shape, fault) = (try ModelConfiguration.read(directory: path), error)
        }
        return [
            ("kind", .text("base model")), ("parameters", .integer(shape.parameterCount)),
            ("vocabulary", .integer(shape.vocabularySize)), ("hidden", .integer(shape.hiddenSize)),
            ("layers", .integer(shape.layerCount)), ("heads", .integer(shape.headCount)),
            ("key_value_heads", .integer(shape.keyValueHeadCount)),
            ("intermediate", .integer(shape.intermediateSize)), ("tied", .bool(shape.tiesEmbeddings)),
            ("finite", .bool(fault == nil)),
        ] + (fault.map { [("not_finite", .text("\($0)"))] } ?? [])
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
        // What the weights take in memory with `--weights auto`, where the engine computes the model.
        if let memory = try? BaseModel.weightMemory(directory: path, storage: nil).weights.kept {
            facts.append(("memory_bytes", .integer(memory)))
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
