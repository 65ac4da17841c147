import Foundation
import Storage
import TestSupport
import Testing

@Suite("Weights directory") struct WeightsDirectoryTests {
    private func shard(_ names: [String], value: Float) -> SafetensorsWriter {
        var writer = SafetensorsWriter()
        for name in names { writer.add(name, shape: [1], values: [value][...]) }
        return writer
    }

    @Test("Shards are read behind one set of names")
    func shards() throws {
        let folder = try TemporaryFolder()
        try shard(["a", "b"], value: 1).write(to: folder.path("model-00001-of-00002.safetensors"))
        try shard(["c"], value: 2).write(to: folder.path("model-00002-of-00002.safetensors"))
        try folder.write(
            #"{"metadata":{"total_size":12},"weight_map":{"a":"model-00001-of-00002.safetensors","#
                + #""b":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}}"#,
            to: "model.safetensors.index.json")
        let weights = try WeightsDirectory(path: folder.url.path)
        #expect(weights.tensorNames == ["a", "b", "c"])
        #expect(try weights.floats(named: "c") == [2])
        #expect(weights.shape(of: "a") == [1])
        #expect(weights.type(of: "a") == "F32")
        #expect(!weights.contains("d"))
        #expect(throws: SafetensorsError.self) { _ = try weights.floats(named: "d") }
    }

    @Test(
        "An index that leads elsewhere or is wrong is refused",
        arguments: [
            #"{"weight_map":{"a":"../model.safetensors"}}"#, #"{"weight_map":{"a":"/etc/passwd"}}"#,
            #"{"weight_map":{"a":1}}"#, #"{"weight_map":[]}"#, #"{}"#, "",
            #"{"weight_map":{"a":"missing.safetensors"}}"#,
            #"{"weight_map":{"z":"s.safetensors"}}"#, #"{"weight_map":{"a":"s.safetensors\u0000.safetensors"}}"#,
        ])
    func invalidIndex(text: String) throws {
        let folder = try TemporaryFolder()
        try shard(["a"], value: 1).write(to: folder.path("s.safetensors"))
        try folder.write(text, to: "model.safetensors.index.json")
        #expect(throws: (any Error).self) { _ = try WeightsDirectory(path: folder.url.path) }
    }

    @Test("A folder without weights says what is missing")
    func empty() throws {
        let folder = try TemporaryFolder()
        let path = folder.url.path
        #expect(throws: WeightsDirectoryError.noWeights(path: path)) { _ = try WeightsDirectory(path: path) }
    }

    @Test(
        "Files that transformers wrote are read",
        .enabled(if: SharedData.isPresent),
        arguments: [
            ("models/llama-2m-fresh", 1024, 64, false), ("models/stories260K/hf", 512, 64, true),
            ("models/babyllama105/hf", 105, 128, true),
        ])
    func transformers(folder: String, vocabulary: Int, width: Int, tied: Bool) throws {
        let path = try #require(SharedData.folder).appendingPathComponent(folder).path
        let weights = try WeightsDirectory(path: path)
        #expect(weights.shape(of: "model.embed_tokens.weight") == [vocabulary, width])
        #expect(weights.contains("lm_head.weight") != tied)
        let values = try weights.floats(named: "model.layers.0.self_attn.q_proj.weight")
        #expect(values.count == width * width && values.allSatisfy(\.isFinite) && values.contains { $0 != 0 })
    }
}
