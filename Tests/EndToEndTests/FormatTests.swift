import Foundation
import InstructionTuning
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Files as their formats mean them, and what is said where they say too little.
    @Suite struct FormatTests {
        /// A copy of the built-in model in `folder`/model, without the files named.
        private func model(in folder: String, without names: String...) throws -> String {
            let path = "\(folder)/model"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for name in ["config.json", "tokenizer.json", "model.safetensors"] where !names.contains(name) {
                try FileManager.default.copyItem(
                    at: BuiltInModel.fledglingDirectory.appendingPathComponent(name),
                    to: URL(fileURLWithPath: "\(path)/\(name)"))
            }
            return path
        }

        private func generate(_ model: String, in folder: String) async throws -> MurmurProcess.Outcome {
            try await MurmurProcess.run(
                ["generate", "--model", model, "--raw", "The", "--max-new-tokens", "12"], in: folder)
        }

        @Test func tablesWithNamesOfTheirOwnAreReadAndInspected() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            try folder.write(
                "question,answer\nWhat is a wren?,A bird.\nWhat is a wren?,A bird.\nAnd an elm?,A tree.\n", to: "a.csv")
            try folder.write("question,answer\nAnd an elm?,A tree.\n", to: "test.csv")
            let fields = ["--fields", "instruction=question,response=answer"]
            let shown = try await MurmurProcess.run(["data", "show", "\(path)/a.csv"] + fields, in: path)
            #expect(shown.status == 0 && shown.output.contains("3 records, table"), "\(shown.output)\(shown.error)")
            let inspected = try await MurmurProcess.run(
                ["data", "inspect", "\(path)/a.csv", "--held-out", "\(path)/test.csv", "--json"] + fields, in: path)
            let json = try JSONValue.parse(Array(inspected.output.utf8))
            #expect(json["duplicates"]?["exact"]?["count"]?.int == 1, "\(inspected.output)")
            #expect(json["duplicates"]?["leaks"]?["count"]?.int == 1)
            let tuned = try await MurmurProcess.run(
                [
                    "tune", "--data", "\(path)/a.csv", "--data", "\(path)/test.csv", "--steps", "1", "--out",
                    "\(path)/out",
                ]
                    + fields, in: path)
            #expect(tuned.status == 0, "\(tuned.error)")
            #expect(FileManager.default.fileExists(atPath: "\(path)/out/README.md"))
            let parquet = try await { () async throws in
                try folder.write("PAR1....", to: "b.parquet")
                return try await MurmurProcess.run(["data", "show", "\(path)/b.parquet"], in: path)
            }()
            #expect(parquet.status != 0 && parquet.error.contains("read_parquet"), "\(parquet.error)")
        }

        @Test func theEndsOfGenerationConfigCount() async throws {
            let folder = try TemporaryFolder()
            let model = try model(in: folder.url.path)
            let long = try await generate(model, in: folder.url.path)
            #expect(long.status == 0 && long.output.count > 2, "\(long.error)")
            let all = (0..<1280).map { "\($0)" }.joined(separator: ",")
            try folder.write("{\"eos_token_id\": [\(all)]}", to: "model/generation_config.json")
            #expect(try await generate(model, in: folder.url.path).output == "\n")
        }

        @Test func aHeadOfItsOwnIsTakenAndSaid() async throws {
            let folder = try TemporaryFolder()
            let model = try model(in: folder.url.path, without: "model.safetensors")
            let file = try SafetensorsFile.open(
                path: BuiltInModel.fledglingDirectory.appendingPathComponent("model.safetensors").path)
            var writer = SafetensorsWriter()
            for entry in file.tensors {
                let name = String(decoding: entry.name, as: UTF8.self)
                writer.add(name, shape: entry.shape, values: try file.floats(named: name)[...])
            }
            let embedding = try file.floats(named: "model.embed_tokens.weight")
            writer.add("lm_head.weight", shape: [1280, 128], values: Array(embedding.reversed())[...])
            try writer.write(to: "\(model)/model.safetensors")
            let outcome = try await generate(model, in: folder.url.path)
            #expect(outcome.status == 0 && outcome.error.contains("warning: "), "\(outcome.error)")
            #expect(outcome.error.contains("tie_word_embeddings"), "\(outcome.error)")
            #expect(try await outcome.output != generate("builtin:fledgling", in: folder.url.path).output)
        }

        @Test func aChatFormWithoutItsTokensIsWarnedOf() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            for arguments in [
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", "\(path)/a"],
                ["evaluate", "--data", "builtin:chores", "--records", "2", "--max-new-tokens", "0"],
                ["generate", "Say something.", "--max-new-tokens", "2"],
            ] {
                let outcome = try await MurmurProcess.run(arguments + ["--template", "chatml"], in: path)
                #expect(outcome.status == 0, "\(outcome.error)")
                let warnings = outcome.error.split(separator: "\n").filter { $0.contains("warning: ") }
                #expect(warnings.count == 1 && warnings[0].contains("<|im_end|>"), "\(arguments): \(outcome.error)")
            }
        }

        @Test func lengthsBeyondTheModelsAreWarnedOf() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            for arguments in [
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", "\(path)/a", "--cutoff", "400"],
                ["evaluate", "--data", "builtin:chores", "--records", "2", "--max-new-tokens", "0", "--cutoff", "400"],
                ["generate", "Say something.", "--max-new-tokens", "300"],
            ] {
                let outcome = try await MurmurProcess.run(arguments, in: path)
                #expect(outcome.status == 0 && outcome.error.contains("max_position_embeddings"), "\(outcome.error)")
            }
            let quiet = try await MurmurProcess.run(
                ["evaluate", "--data", "builtin:chores", "--records", "2", "--max-new-tokens", "4"], in: path)
            #expect(quiet.status == 0 && quiet.error.isEmpty, "\(quiet.error)")
        }

        @Test func pointersOfGitLFSAreNamedWhereverTheyAre() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 1044992\n"
            let model = try model(in: path)
            func expectPointer(_ arguments: [String], _ name: String) async throws {
                let outcome = try await MurmurProcess.run(arguments, in: path)
                #expect(outcome.status == 1, "\(arguments)")
                #expect(outcome.error.contains(name) && outcome.error.contains("Git LFS pointer"), "\(outcome.error)")
                #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
            }
            for name in ["model.safetensors", "tokenizer.json", "config.json"] {
                let original = try ReadableFile.contents(of: "\(model)/\(name)")
                try folder.write(pointer, to: "model/\(name)")
                try await expectPointer(["generate", "x", "--model", model], name)
                try AtomicFile.write(original, to: "\(model)/\(name)")
            }
            try folder.write(pointer, to: "data.jsonl")
            try await expectPointer(["data", "show", "\(path)/data.jsonl"], "data.jsonl")
            try folder.write(pointer, to: "adapter_config.json")
            try await expectPointer(["generate", "x", "--adapter", path], "adapter_config.json")
            try folder.write(
                #"{"peft_type":"LORA","r":1,"lora_alpha":8,"target_modules":["q_proj"]}"#, to: "adapter_config.json")
            try folder.write(pointer, to: "adapter_model.safetensors")
            try await expectPointer(["generate", "x", "--adapter", path], "adapter_model.safetensors")
            try folder.write(pointer, to: "swarm.yaml")
            try await expectPointer(["topology", "check", "\(path)/swarm.yaml"], "swarm.yaml")
        }

        @Test func builtInInstructionsAreShown() async throws {
            let folder = try TemporaryFolder()
            let shown = try await MurmurProcess.run(["data", "show", "builtin:chores"], in: folder.url.path)
            #expect(shown.status == 0 && shown.output.contains("builtin:chores: 4000 records"), "\(shown.error)")
            let json = try await MurmurProcess.run(["data", "show", "builtin:chores", "--json"], in: folder.url.path)
            #expect(json.output.contains("\"records\": 4000"), "\(json.error)")
            let none = try await MurmurProcess.run(["data", "show", "builtin:none"], in: folder.url.path)
            #expect(none.status == 1 && none.error.contains("builtin:chores"), "\(none.error)")
        }

        @Test func aTopologyIsNoIdentityWhoeverMayReadIt() async throws {
            let folder = try TemporaryFolder()
            let made = try await MurmurProcess.run(["topology", "new", "--peers", "4"], in: folder.url.path)
            #expect(made.output.hasPrefix("# An exponential of 4 peers.\n"))
            try folder.write(made.output, to: "swarm.yaml")
            let outcome = try await MurmurProcess.run(
                ["identity", "show", folder.path("swarm.yaml")], in: folder.url.path)
            #expect(outcome.status == 1 && outcome.error.contains("not an identity"), "\(outcome.error)")
            #expect(!outcome.error.contains("chmod"))
        }

        @Test(arguments: [
            "identity new", "identity show", "identity revoke", "topology new", "topology check", "topology audit",
            "topology plan", "topology schema", "data split", "data show", "data inspect", "tune", "peer", "doctor",
            "swarm", "simulate", "chaos", "compare", "evaluate", "generate", "serve", "chat", "merge", "export",
            "inspect", "judge", "judge answers", "judge score", "watch",
        ]) func examplesOfTheHelpAreWholeLines(command: String) async throws {
            let folder = try TemporaryFolder()
            let help = try await MurmurProcess.run(
                command.split(separator: " ").map(String.init) + ["--help"], in: folder.url.path)
            #expect(help.status == 0)
            let lines = help.output.split(separator: "\n", omittingEmptySubsequences: false)
            let start = try #require(lines.firstIndex { $0.hasPrefix("Example") }, "\(command) has an example")
            let examples = lines[(start + 1)...].prefix { !$0.isEmpty }
            #expect(!examples.isEmpty)
            for (place, line) in examples.enumerated() {
                let follows = place > 0 && examples[examples.startIndex + place - 1].hasSuffix(" \\")
                #expect(line.hasPrefix(follows ? "      " : "  murmur "), "\(command): \(line)")
            }
        }
    }
}
