import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

/// How a checkpoint's folder is read where its files say different things.
@Suite struct BaseModelTests {
    private static let tied = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/llama-tied").path

    /// Writes the tied fixture into `folder` with a head that `change` makes of the embedding.
    private func writeModel(in folder: borrowing TemporaryFolder, head change: ([Float]) -> [Float]) throws {
        let weights = try WeightsDirectory(path: Self.tied)
        var writer = SafetensorsWriter()
        for name in weights.tensorNames {
            writer.add(
                name, shape: try #require(weights.shape(of: name)), values: try weights.floats(named: name)[...])
        }
        let embedding = try weights.floats(named: "model.embed_tokens.weight")
        let shape = try #require(weights.shape(of: "model.embed_tokens.weight"))
        let head = change(embedding)
        writer.add("lm_head.weight", shape: [head.count / shape[1], shape[1]], values: head[...])
        try writer.write(to: folder.path("model.safetensors"))
        try AtomicFile.write(
            try ReadableFile.contents(of: "\(Self.tied)/config.json"), to: folder.path("config.json"))
    }

    private func logits(_ model: BaseModel) throws -> [Float] {
        try TrainingEngine(model: model, lora: nil).lastLogits(tokens: [5, 40, 17])
    }

    @Test func aHeadOfOtherValuesIsNotTiedAndSaid() throws {
        let folder = try TemporaryFolder()
        let plain = try logits(try BaseModel.load(directory: Self.tied))
        try writeModel(in: folder) { $0.map { 2 * $0 } }
        let model = try BaseModel.load(directory: folder.url.path)
        #expect(!model.configuration.tiesEmbeddings)
        #expect(model.notes.count == 1 && model.notes[0].contains("lm_head.weight"), "\(model.notes)")
        for (found, expected) in zip(try logits(model), plain) { #expect(abs(found - 2 * expected) < 1e-5) }
    }

    @Test func anEqualHeadIsTiedWithoutAWord() throws {
        let folder = try TemporaryFolder()
        try writeModel(in: folder) { $0 }
        let model = try BaseModel.load(directory: folder.url.path)
        #expect(model.configuration.tiesEmbeddings && model.notes.isEmpty)
        #expect(try logits(model) == logits(try BaseModel.load(directory: Self.tied)))
    }

    @Test func aHeadOfAnotherShapeIsRefused() throws {
        let folder = try TemporaryFolder()
        try writeModel(in: folder) { $0 + $0 }
        let error = #expect(throws: ModelError.self) { _ = try BaseModel.load(directory: folder.url.path) }
        #expect(error?.description.contains("lm_head.weight") == true)
    }

    @Test(
        arguments: [
            (#"{"eos_token_id": [2, 7]}"#, [2, 7]), (#"{"eos_token_id": 7}"#, [7]), (#"{"eos_token_id": null}"#, [2]),
            ("{}", [2]), (#"{"eos_token_id": [2, "x", -1, 9000000000]}"#, [2]),
        ] as [(String, [Int32])]) func theGenerationsEndsGoBeforeTheConfigurations(json: String, ends: [Int32]) throws
    {
        let folder = try TemporaryFolder()
        try writeModel(in: folder) { $0 }
        #expect(try BaseModel.load(directory: folder.url.path).endOfSequence == [2])
        try folder.write(json, to: "generation_config.json")
        #expect(try BaseModel.load(directory: folder.url.path).endOfSequence == ends)
        try folder.write("nonsense", to: "generation_config.json")
        let error = #expect(throws: ModelError.self) { _ = try BaseModel.load(directory: folder.url.path) }
        #expect(error?.description.contains("generation_config.json") == true)
    }

    @Test func pointersOfGitLFSAreNamedInTheFilesPlace() throws {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 1044992\n"
        for name in ["config.json", "model.safetensors", "generation_config.json"] {
            let folder = try TemporaryFolder()
            try writeModel(in: folder) { $0 }
            try folder.write(pointer, to: name)
            let error = #expect(throws: FileError.self) { _ = try BaseModel.load(directory: folder.url.path) }
            #expect(error == .largeFilePointer(path: folder.path(name)))
        }
        let tokenizer = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/tokenizer-llama2").path
        for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json"] {
            let folder = try TemporaryFolder()
            try AtomicFile.write(
                try ReadableFile.contents(of: "\(tokenizer)/tokenizer.json"), to: folder.path("tokenizer.json"))
            try folder.write(pointer, to: name)
            let error = #expect(throws: FileError.self) { _ = try Tokenizer.load(directory: folder.url.path) }
            #expect(error == .largeFilePointer(path: folder.path(name)))
        }
        let folder = try TemporaryFolder()
        try folder.write(pointer, to: "model.gguf")
        #expect(throws: FileError.self) { _ = try BaseModel.load(directory: folder.path("model.gguf")) }
    }
}
