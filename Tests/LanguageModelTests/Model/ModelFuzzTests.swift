import Adapters
import Basics
import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

/// Damaged model folders: every one is read or refused with a line that names the file, and none traps.
@Suite("Damaged models") struct ModelFuzzTests {
    private static let families = [
        "llama-grouped", "llama3-scaling", "dynamic-scaling", "yarn-scaling", "mistral-window", "qwen2-window", "qwen3",
        "phi3-long",
    ]

    private static func path(_ name: String) -> String {
        SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/\(name)").path
    }

    /// Values of the kinds that a reader has to bound, in place of one value of the file.
    private static let strange = [
        "null", "true", "-1", "0", "1", "3", "1e308", "1e-308", "9223372036854775807", "18446744073709551616", "0.5",
        "\"\"",
        "\"x\"", "[]", "{}", "[null]", "[1,2,3]", "{\"rope_type\":\"linear\"}", "16777216",
    ]

    /// The file with the values of one to three keys replaced.
    private static func changed(_ document: JSONObject, using generator: inout SeededGenerator) -> [UInt8] {
        var members: [(String, String)] = zip(document.keys, document.values).map {
            (String(decoding: $0, as: UTF8.self), String(decoding: $1.encoded(), as: UTF8.self))
        }
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let index = Int.random(in: 0..<members.count, using: &generator)
            members[index].1 = strange[Int.random(in: 0..<strange.count, using: &generator)]
        }
        return Array("{\(members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ","))}".utf8)
    }

    @Test("A damaged config.json is read or refused by file and reason", arguments: families)
    func configurations(name: String) throws {
        let bytes = try ReadableFile.contents(of: "\(Self.path(name))/config.json")
        let document = try #require(JSONValue.parse(bytes).object)
        let weights = try WeightsDirectory(path: Self.path(name))
        var generator = SeededGenerator(seed: 31, label: name)
        var loaded = 0
        for round in 0..<1_500 {
            let damaged =
                round.isMultiple(of: 2)
                ? Mutation.apply(to: bytes, using: &generator) : Self.changed(document, using: &generator)
            guard let json = try? JSONValue.parse(damaged) else { continue }
            do {
                let model = try BaseModel.load(json: json, file: "the/config.json", weights: weights)
                loaded += 1
                // What is accepted can also be run, past windows and original contexts.
                let tokens = (0..<20).map { Int32($0 % model.configuration.vocabularySize) }
                let logits = try TrainingEngine(model: model, lora: nil, options: EngineOptions(passTokens: 32))
                    .lastLogits(tokens: tokens)
                #expect(logits.count == model.configuration.vocabularySize)
            } catch let error as ModelError {
                #expect(error.description.contains("the/config.json") || error.description.contains(weights.path))
            }
        }
        #expect(loaded > 100, "\(loaded)")
    }

    @Test("Damaged weights are read or refused by file")
    func weights() throws {
        let source = Self.path("llama-tied")
        let folder = try TemporaryFolder()
        let bytes = try ReadableFile.contents(of: "\(source)/model.safetensors")
        try AtomicFile.write(
            try ReadableFile.contents(of: "\(source)/config.json"), to: folder.path("config.json"))
        let header = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
        var generator = SeededGenerator(seed: 32)
        var loaded = 0
        for _ in 0..<300 {
            // The header is what can go wrong; damaged values are values.
            var damaged = Mutation.apply(to: Array(bytes[..<header]), using: &generator)
            damaged += bytes[header...]
            try Data(damaged).write(to: folder.url.appendingPathComponent("model.safetensors"))
            do {
                _ = try BaseModel.load(directory: folder.url.path)
                loaded += 1
            } catch {
                #expect("\(error)".contains(folder.url.path), "\(error)")
            }
        }
        #expect(loaded < 300)
    }

    @Test("A damaged index of shards is read or refused by file")
    func shards() throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        writer.add("a", shape: [2], values: [1, 2])
        writer.add("b", shape: [1], values: [3])
        try writer.write(to: folder.path("part-1.safetensors"))
        let index = Array(
            #"{"metadata":{"total_size":12},"weight_map":{"a":"part-1.safetensors","b":"part-1.safetensors"}}"#.utf8)
        var generator = SeededGenerator(seed: 33)
        var opened = 0
        for _ in 0..<1_500 {
            try Data(Mutation.apply(to: index, using: &generator))
                .write(to: folder.url.appendingPathComponent("model.safetensors.index.json"))
            do {
                let weights = try WeightsDirectory(path: folder.url.path)
                for name in weights.tensorNames { _ = try weights.floats(named: name) }
                opened += 1
            } catch {
                #expect("\(error)".contains(folder.url.path), "\(error)")
            }
        }
        #expect(opened > 10)
    }

    @Test("A damaged adapter is read or refused by file", arguments: ["llama-grouped", "lora-patterns", "phi3"])
    func adapters(name: String) throws {
        let source = "\(Self.path(name))/adapter"
        let folder = try TemporaryFolder()
        let files = try ["adapter_config.json", "adapter_model.safetensors"].map {
            ($0, try ReadableFile.contents(of: "\(source)/\($0)"))
        }
        let shape = try ModelConfiguration.read(directory: Self.path(name))
        var generator = SeededGenerator(seed: 34, label: name)
        var read = 0
        for round in 0..<600 {
            for (number, (file, bytes)) in files.enumerated() {
                // One of the two is damaged; of the tensors, mostly the header.
                let damaged = round % 2 == number ? Mutation.apply(to: bytes, using: &generator) : bytes
                try Data(damaged).write(to: folder.url.appendingPathComponent(file))
            }
            do {
                let adapter = try PEFTDirectory.read(folder.url.path) {
                    .lora(configuration: $0, projections: shape.projections)
                }
                #expect(adapter.values.count == adapter.schema.count)
                read += 1
            } catch {
                #expect("\(error)".contains(folder.url.path), "\(error)")
            }
        }
        #expect(read > 20, "\(read)")
    }
}
