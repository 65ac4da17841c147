import Foundation
import InstructionTuning
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Weights and adapters with values that are not finite: every command names tensor and file and fails.
    @Suite struct NotFiniteTests {
        /// Writes the safetensors file at `source` to `target` with one value of `tensor` replaced.
        private func copy(_ source: String, to target: String, changing tensor: String, to value: Float) throws {
            let file = try SafetensorsFile.open(path: source)
            var writer = SafetensorsWriter(refusesNotFinite: false)
            for entry in file.tensors {
                let name = String(decoding: entry.name, as: UTF8.self)
                var values = try file.floats(named: name)
                if name == tensor { values[0] = value }
                writer.add(name, shape: entry.shape, values: values[...])
            }
            try writer.write(to: target)
        }

        /// The built-in model in `folder`, with one value of `tensor` replaced.
        private func model(in folder: String, changing tensor: String, to value: Float) throws {
            let source = BuiltInModel.fledglingDirectory
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for name in ["config.json", "tokenizer.json"] {
                try FileManager.default.copyItem(
                    at: source.appendingPathComponent(name), to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            try copy(
                source.appendingPathComponent("model.safetensors").path, to: "\(folder)/model.safetensors",
                changing: tensor, to: value)
        }

        private static let factor = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"

        /// An adapter in `folder`/broken whose first factor begins with NaN, and a sound one in `folder`/sound.
        private func adapters(in folder: String) async throws {
            let tuned = try await MurmurProcess.run(
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", "\(folder)/sound"], in: folder)
            #expect(tuned.status == 0, "\(tuned.error)")
            try FileManager.default.createDirectory(atPath: "\(folder)/broken", withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: "\(folder)/sound/adapter_config.json", toPath: "\(folder)/broken/adapter_config.json")
            try copy(
                "\(folder)/sound/adapter_model.safetensors", to: "\(folder)/broken/adapter_model.safetensors",
                changing: Self.factor, to: .nan)
        }

        @Test func anAdapterIsRefusedByEveryCommandAndShownByInspect() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            try await adapters(in: path)
            for arguments in [
                ["generate", "hello"], ["evaluate", "--data", "builtin:chores", "--records", "4"],
                ["merge", "--out", "\(path)/merged"],
            ] {
                let outcome = try await MurmurProcess.run(arguments + ["--adapter", "\(path)/broken"], in: path)
                #expect(outcome.status == 1 && outcome.output.isEmpty, "\(arguments): \(outcome.output)")
                #expect(
                    outcome.error.contains("broken/adapter_model.safetensors: tensor \(Self.factor): 1 of its"),
                    "\(outcome.error)")
            }
            for json in [[], ["--json"]] {
                let shown = try await MurmurProcess.run(["inspect", "\(path)/broken"] + json, in: path)
                #expect(shown.status == 0 && !shown.bySignal, "\(shown.error)")
                #expect(shown.output.contains("finite") && shown.output.contains("false"), "\(shown.output)")
                #expect(shown.output.contains(Self.factor), "\(shown.output)")
            }
        }

        @Test func aModelIsRefusedByEveryCommandAndShownByInspect() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            try model(in: "\(path)/broken", changing: "model.norm.weight", to: .infinity)
            for arguments in [
                ["generate", "hello"], ["evaluate", "--data", "builtin:chores", "--records", "4"],
                ["tune", "--data", "builtin:chores", "--steps", "1", "--out", "\(path)/tuned"],
            ] {
                let outcome = try await MurmurProcess.run(arguments + ["--model", "\(path)/broken"], in: path)
                #expect(outcome.status == 1 && outcome.output.isEmpty, "\(arguments): \(outcome.output)")
                #expect(
                    outcome.error.contains("broken/model.safetensors: the weight model.norm.weight: 1 of its"),
                    "\(outcome.error)")
            }
            let shown = try await MurmurProcess.run(["inspect", "\(path)/broken"], in: path)
            #expect(shown.status == 0 && shown.output.contains("model.norm.weight"), "\(shown.output)")
        }

        @Test func aMergeThatOverflowsItsTypeLeavesNoModel() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            try await adapters(in: path)
            let tensor = "model.layers.0.mlp.down_proj.weight"
            try model(in: "\(path)/large", changing: tensor, to: 1e5)
            let outcome = try await MurmurProcess.run(
                [
                    "merge", "--model", "\(path)/large", "--adapter", "\(path)/sound", "--type", "f16", "--out",
                    "\(path)/half",
                ], in: path)
            #expect(outcome.status == 1)
            #expect(outcome.error.contains(tensor) && outcome.error.contains("F16"), "\(outcome.error)")
            #expect(!FileManager.default.fileExists(atPath: "\(path)/half/config.json"))
        }
    }
}
