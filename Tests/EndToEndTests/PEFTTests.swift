import Adapters
import Foundation
import InstructionTuning
import LanguageModel
import TestSupport
import Testing

extension EndToEnd {
    /// An adapter tuned here, loaded by `PeftModel.from_pretrained`. Runs where `MURMUR_PYTHON` names an interpreter with
    /// PyTorch, transformers and PEFT, which `scripts/test` installs where it can.
    @Suite struct PEFTTests {
        static let python = ProcessInfo.processInfo.environment["MURMUR_PYTHON"]

        /// What `scripts/check-peft` prints.
        private struct Report: Decodable {
            struct Part: Decodable {
                let mean: Double
            }
            let tokens: Int
            let base: Part
            let adapter: Part
            struct Merged: Decodable {
                let largestDifference: Double

                enum CodingKeys: String, CodingKey {
                    case largestDifference = "largest_difference"
                }
            }
            let merged: Merged
        }

        @Test(
            .enabled(if: python != nil, "MURMUR_PYTHON names no Python with PyTorch and PEFT"), .timeLimit(.minutes(5)))
        func anAdapterTunedHereGivesTheSameLossInPEFT() async throws {
            let folder = try TemporaryFolder()
            let adapterPath = folder.path("adapter")
            let tuned = try await MurmurProcess.run(
                [
                    "tune", "--data", "builtin:chores", "--out", adapterPath, "--steps", "30", "--batch", "8",
                    "--learning-rate", "5e-3", "--targets", "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
                ], in: folder.url.path)
            #expect(tuned.status == 0, "\(tuned.error)")

            let directory = BuiltInModel.fledglingDirectory.path
            let model = try BaseModel.load(directory: directory)
            let adapter = try PEFTDirectory.read(adapterPath) { model.adapterSchema($0) }
            let encoder = RecordEncoder(
                template: .terse, encoder: try Tokenizer.load(directory: directory), cutoff: 128)
            let records = EncodedRecords(try BuiltInChores().records(count: 40, seed: 99), with: encoder)
            let engine = TrainingEngine(model: model, lora: adapter.configuration, trains: false)
            let losses = try engine.evaluate(sequences: records.sequences, adapter: adapter.values)
            let tokens = losses.reduce(0) { $0 + $1.tokenCount }
            let ours = losses.reduce(0.0) { $0 + $1.lossSum } / Double(tokens)

            let sequences = records.sequences.map { sequence -> [String: Any] in
                ["tokens": sequence.tokens.map { Int($0) }, "lossMask": sequence.lossMask]
            }
            let file = folder.url.appendingPathComponent("sequences.json")
            try JSONSerialization.data(withJSONObject: sequences).write(to: file)
            let mergedPath = folder.path("merged")
            let merging = try await MurmurProcess.run(
                ["merge", "--adapter", adapterPath, "--type", "f32", "--out", mergedPath], in: folder.url.path)
            #expect(merging.status == 0, "\(merging.error)")
            let report = try await check(
                base: directory, adapter: adapterPath, merged: mergedPath, sequences: file.path, folder: folder.url)
            #expect(report.tokens == tokens)
            #expect(abs(report.adapter.mean - ours) <= 1e-4, "PEFT \(report.adapter.mean), here \(ours)")
            #expect(report.merged.largestDifference < 1e-5, "\(report.merged.largestDifference)")
            #expect(report.adapter.mean < report.base.mean, "tuning changed the loss for the better")
        }

        private func check(
            base: String, adapter: String, merged: String, sequences: String, folder: URL
        ) async throws -> Report {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.python))
            process.arguments = [
                SharedData.projectRoot.appendingPathComponent("scripts/check-peft").path, "--base", base, "--adapter",
                adapter,
                "--sequences", sequences, "--check-tensors", "--merged", merged,
            ]
            let output = folder.appendingPathComponent("peft.json")
            let errors = folder.appendingPathComponent("peft.err")
            try Data().write(to: output)
            try Data().write(to: errors)
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
            process.waitUntilExit()
            let said = try String(contentsOf: errors, encoding: .utf8)
            #expect(process.terminationStatus == 0, "\(said.suffix(800))")
            return try JSONDecoder().decode(Report.self, from: Data(contentsOf: output))
        }
    }
}
