import Foundation
import InstructionTuning
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Inputs that once passed without a word, with the real command.
    @Suite struct UnnoticedTests {
        /// The two never meet: the secrets differ by a line feed.
        @Test(.timeLimit(.minutes(4))) func secretsThatDifferByALineFeedAreTold() async throws {
            let folder = try TemporaryFolder()
            let pair = try await SuccessTests.Pair(in: folder.url.path, firstPort: 25_460)
            let secret = String(repeating: "5a", count: 32)
            try folder.write(secret + "\n", to: "one.secret")
            try folder.write(secret, to: "two.secret")
            for (name, file) in [("a", "one.secret"), ("b", "two.secret")] {
                try pair.write(name)
                let text = try String(contentsOfFile: folder.path("\(name).yaml"), encoding: .utf8)
                    .replacing("seed: 1 }", with: "seed: 1, secret: \(file) }")
                try folder.write(text, to: "\(name).yaml")
            }
            let (a, b) = try await pair.run()
            for outcome in [a, b] {
                #expect(outcome.status == 4 && !outcome.output.contains("Done."), "\(outcome.output)")
                #expect(outcome.output.contains("datagrams fit neither key, secret nor swarm"), "\(outcome.output)")
                #expect(outcome.output.contains("compare the secret files to the byte"), "\(outcome.output)")
                #expect(!outcome.output.contains("the swarm agrees"), "nobody is there to agree with")
                #expect(outcome.output.contains("nobody else was there to agree with"), "\(outcome.output)")
            }
        }

        /// Nobody on another machine can reach `0.0.0.0`, and IPv4 does not reach IPv6: neither the check nor a peer takes
        /// such a file.
        @Test(arguments: ["0.0.0.0:9891", "[::]:9891", "255.255.255.255:9891", "224.0.0.1:9891", "[::1]:25471"])
        func addressesThatDoNotReachEachOtherAreRefused(address: String) async throws {
            let folder = try TemporaryFolder()
            let pair = try await SuccessTests.Pair(in: folder.url.path, firstPort: 25_470)
            try pair.write("a")
            let text = try String(contentsOfFile: folder.path("a.yaml"), encoding: .utf8)
                .replacing("127.0.0.1:25471", with: address)
            try folder.write(text, to: "a.yaml")
            let check = try await MurmurProcess.run(["topology", "check", folder.path("a.yaml")], in: folder.url.path)
            let peer = try await pair.start("a").wait()
            for outcome in [check, peer] {
                #expect(outcome.status == 1 && outcome.output.isEmpty, "\(outcome.output)")
                #expect(outcome.error.contains("a.yaml") && outcome.error.contains(address), "\(outcome.error)")
            }
        }

        /// A tuning does not go on with another model of the same shape, other records of the same count, or other settings.
        @Test(.timeLimit(.minutes(2))) func aTuningGoesOnWithNothingElse() async throws {
            let folder = try TemporaryFolder()
            let source = BuiltInModel.fledglingDirectory
            try FileManager.default.createDirectory(atPath: folder.path("other"), withIntermediateDirectories: true)
            for name in ["config.json", "tokenizer.json"] {
                try FileManager.default.copyItem(
                    at: source.appendingPathComponent(name), to: folder.url.appendingPathComponent("other/\(name)"))
            }
            // One layer has the queries of another.
            let file = try SafetensorsFile.open(path: source.appendingPathComponent("model.safetensors").path)
            var writer = SafetensorsWriter()
            for entry in file.tensors {
                let name = String(decoding: entry.name, as: UTF8.self)
                let read = name.replacing("layers.0.self_attn.q_proj", with: "layers.1.self_attn.q_proj")
                writer.add(name, shape: entry.shape, values: try file.floats(named: read)[...])
            }
            try writer.write(to: folder.path("other/model.safetensors"))
            func records(_ word: String) -> String {
                (0..<12).map { "{\"instruction\":\"Say number \($0)\",\"response\":\"\(word) \($0)\"}\n" }.joined()
            }
            try folder.write(records("number"), to: "a.jsonl")
            try folder.write(records("animal"), to: "b.jsonl")
            func tune(_ data: String, steps: Int, _ more: [String] = []) async throws -> MurmurProcess.Outcome {
                let usual = ["--template", "terse", "--batch", "4", "--threads", "1", "--out", folder.path("out")]
                let given = usual.filter { !more.contains("--template") || $0 != "--template" && $0 != "terse" }
                return try await MurmurProcess.run(
                    ["tune", "--data", folder.path(data), "--steps", "\(steps)"] + given + more, in: folder.url.path)
            }
            #expect(try await tune("a.jsonl", steps: 2).status == 0)
            let before = try ReadableFile.contents(of: folder.path("out/adapter_model.safetensors"))
            let others = [
                ("a.jsonl", ["--model", folder.path("other")], "model.base"), ("b.jsonl", [], "data.own"),
                ("a.jsonl", ["--template", "alpaca"], "tuning.template"),
                ("a.jsonl", ["--alpha", "64"], "model.lora.alpha"),
                ("a.jsonl", ["--rank-stabilised"], "model.lora.rank-stabilised"),
            ]
            for (data, more, key) in others {
                let outcome = try await tune(data, steps: 4, more)
                #expect(
                    outcome.status == 1 && !(outcome.output + outcome.error).contains("Going on"), "\(outcome.output)")
                #expect(outcome.error.contains(key) && outcome.error.contains("--restart"), "\(key): \(outcome.error)")
                #expect(try ReadableFile.contents(of: folder.path("out/adapter_model.safetensors")) == before)
            }
            let same = try await tune("a.jsonl", steps: 4)
            #expect(same.status == 0 && (same.output + same.error).contains("Going on after 2 steps"), "\(same.error)")
        }

        /// A record of alternating combining marks: with time that grows with the square of its length this would take minutes.
        @Test(.timeLimit(.minutes(1))) func aLongRunOfMarksIsTunedOn() async throws {
            let folder = try TemporaryFolder()
            let source = BuiltInModel.fledglingDirectory
            try FileManager.default.createDirectory(atPath: folder.path("m"), withIntermediateDirectories: true)
            for name in ["config.json", "model.safetensors"] {
                try FileManager.default.copyItem(
                    at: source.appendingPathComponent(name), to: folder.url.appendingPathComponent("m/\(name)"))
            }
            let text = try String(contentsOf: source.appendingPathComponent("tokenizer.json"), encoding: .utf8)
            let start = try #require(text.range(of: "\"normalizer\""))
            let end = try #require(text[start.upperBound...].range(of: "null"))
            try #require(text[start.upperBound..<end.lowerBound].allSatisfy { $0 == ":" || $0.isWhitespace })
            try folder.write(text.replacingCharacters(in: end, with: "{\"type\":\"NFC\"}"), to: "m/tokenizer.json")
            let marks = String(repeating: "\u{301}\u{316}", count: 200_000)
            try folder.write("{\"instruction\":\"a\",\"response\":\"e\(marks)\"}\n", to: "z.jsonl")
            let outcome = try await MurmurProcess.run(
                [
                    "tune", "--model", folder.path("m"), "--data", folder.path("z.jsonl"), "--template", "terse",
                    "--cutoff",
                    "128", "--steps", "1", "--batch", "1", "--threads", "1", "--out", folder.path("o"),
                ], in: folder.url.path)
            #expect(outcome.status == 0, "\(outcome.error)")
        }

        /// Ends in `config.json` count as those in `generation_config.json` do, and a list counts whole.
        @Test func theEndsOfConfigCount() async throws {
            let folder = try TemporaryFolder()
            let source = BuiltInModel.fledglingDirectory
            try FileManager.default.createDirectory(atPath: folder.path("m"), withIntermediateDirectories: true)
            for name in ["config.json", "model.safetensors", "tokenizer.json"] {
                try FileManager.default.copyItem(
                    at: source.appendingPathComponent(name), to: folder.url.appendingPathComponent("m/\(name)"))
            }
            func generated() async throws -> String {
                try await MurmurProcess.run(
                    ["generate", "--model", folder.path("m"), "--raw", "The", "--max-new-tokens", "12"],
                    in: folder.url.path
                ).output
            }
            let all = "[" + (0..<1280).map { "\($0)" }.joined(separator: ",") + "]"
            #expect(try await generated().count > 2)
            let config = try JSONValue.parse(ReadableFile.contents(of: folder.path("m/config.json")))
            var members = try #require(config.object)
            let kept = zip(members.keys, members.values).filter { $0.0 != Array("eos_token_id".utf8) }
            members = JSONObject(kept.map { (String(decoding: $0.0, as: UTF8.self), $0.1) })
            let plain = String(decoding: JSONValue.object(members).encoded(), as: UTF8.self)
            try folder.write(String(plain.dropLast()) + ",\"eos_token_id\":\(all)}", to: "m/config.json")
            #expect(try await generated() == "\n")
        }
    }
}
