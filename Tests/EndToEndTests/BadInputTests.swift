import Foundation
import InstructionTuning
import Observability
import TestSupport
import Testing

extension EndToEnd {
    /// Wrong input gets one clear line and exit code 1 or 2.
    @Suite struct BadInputTests {
        /// Runs `murmur` and checks the exit code, what is said, and that it is said in one line without a trace.
        private func expectRefusal(
            _ arguments: [String], in folder: String, code: Int32 = 1, saying words: String...,
            location: SourceLocation = #_sourceLocation
        ) async throws {
            let outcome = try await MurmurProcess.run(arguments, in: folder)
            #expect(outcome.status == code && !outcome.bySignal, "\(outcome.error)", sourceLocation: location)
            for word in words {
                #expect(outcome.error.contains(word), "\(outcome.error)", sourceLocation: location)
            }
            if code == 1 {
                #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)", sourceLocation: location)
            }
        }

        private func topology(_ folder: String, _ change: (String) -> String) throws -> String {
            let swarm = try SmallSwarm(in: folder, firstPort: 22_000)
            let text = try String(contentsOfFile: swarm.topology, encoding: .utf8)
            try change(text).write(toFile: swarm.topology, atomically: true, encoding: .utf8)
            return swarm.topology
        }

        @Test func topologiesAreRefusedByLineAndKey() async throws {
            let folder = try TemporaryFolder()
            let unknown = try topology(folder.url.path) { $0.replacing("cutoff: 64", with: "cutof: 64") }
            try await expectRefusal(
                ["topology", "check", unknown], in: folder.url.path, saying: "swarm.yaml:5", "cutof", "cutoff")
            let split = try topology(folder.url.path) {
                $0.replacing(
                    "graph: { kind: ring }", with: "graph: { kind: edges, edges: [[peer-0, peer-1], [peer-2, peer-3]] }"
                )
            }
            try await expectRefusal(["topology", "check", split], in: folder.url.path, saying: "connected")
            let twice = try topology(folder.url.path) {
                $0.replacing(
                    "peers: { count: 4, host: 127.0.0.1, first-port: 22000 }",
                    with: "peers: [{ name: a, address: \"127.0.0.1:1\" }, { name: a, address: \"127.0.0.1:2\" }]")
            }
            try await expectRefusal(["topology", "check", twice], in: folder.url.path, saying: "swarm.yaml:9", "a")
            try await expectRefusal(
                ["topology", "check", folder.url.path + "/none.yaml"], in: folder.url.path, saying: "none.yaml")
            let mixing = try topology(folder.url.path) {
                $0.replacing("exchange: {", with: "exchange: { mixing: epidemic,")
            }
            try await expectRefusal(
                ["topology", "check", mixing], in: folder.url.path, saying: "epidemic", "metropolis")
        }

        @Test func wrongUsageExitsWithTwo() async throws {
            let folder = try TemporaryFolder()
            try await expectRefusal(["nonsense"], in: folder.url.path, code: 2, saying: "nonsense")
            try await expectRefusal(["swarm"], in: folder.url.path, code: 2, saying: "Usage")
            try await expectRefusal(
                ["tune", "--data", "builtin:chores", "--out", folder.url.path, "--steps", "0"], in: folder.url.path,
                code: 2,
                saying: "--steps")
        }

        @Test func aPortInUseIsNamed() async throws {
            let folder = try TemporaryFolder()
            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 22_100, rounds: 200)
            let first = try MurmurProcess(["swarm", swarm.topology, "--out", swarm.out, "--json"], in: folder.url.path)
            #expect(await SmallSwarm.wait { swarm.events("peer-0").contains { $0.event == "started" } })
            let second = try MurmurProcess(
                ["swarm", swarm.topology, "--out", folder.url.path + "/other", "--json"], in: folder.url.path,
                name: "second")
            let outcome = try await second.wait()
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("22100") && outcome.output.contains("in use"), "\(outcome.output)")
            first.send(SIGTERM)
            // It is stopped before its first checkpoint, or after it.
            let stopped = try await first.wait().status
            #expect(stopped == 5 || stopped == 130)
        }

        @Test func modelsAndAdaptersThatDoNotFitAreRefused() async throws {
            let folder = try TemporaryFolder()
            let model = folder.url.path + "/model"
            try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
            let evaluate = ["evaluate", "--model", model, "--data", "builtin:chores", "--records", "4"]
            try await expectRefusal(evaluate, in: folder.url.path, saying: "config.json")
            try #"{"architectures":["MambaForCausalLM"]}"#.write(
                toFile: model + "/config.json", atomically: true, encoding: .utf8)
            try await expectRefusal(evaluate, in: folder.url.path, saying: "Mamba", "Llama")

            let swarm = try SmallSwarm(in: folder.url.path, firstPort: 22_200)
            #expect(
                try await MurmurProcess.run(
                    [
                        "tune", "--data", "builtin:chores", "--out", folder.url.path + "/adapter", "--steps", "1",
                        "--rank",
                        "2",
                    ],
                    in: folder.url.path
                ).status == 0)
            try Data("nonsense".utf8).write(
                to: URL(fileURLWithPath: folder.url.path + "/adapter/adapter_model.safetensors"))
            try await expectRefusal(
                ["generate", "hello", "--adapter", folder.url.path + "/adapter"], in: folder.url.path,
                saying: "safetensors"
            )
            try await expectRefusal(
                ["swarm", swarm.topology, "--out", "/proc/none", "--json"], in: folder.url.path, saying: "/proc/none")
        }

        @Test func aStrangersIdentityIsRefused() async throws {
            let folder = try TemporaryFolder()
            let keys = folder.url.path + "/other.identity"
            #expect(try await MurmurProcess.run(["identity", "new", keys], in: folder.url.path).status == 0)
            try await expectRefusal(["identity", "new", keys], in: folder.url.path, saying: "exists")
            let hosts = SharedData.projectRoot.appendingPathComponent("topologies/two-hosts.yaml").path
            try await expectRefusal(
                ["peer", hosts, "--as", "ada", "--identity", keys, "--out", folder.url.path], in: folder.url.path,
                saying: "not the identity of ada")
            try await expectRefusal(
                ["peer", hosts, "--as", "zoe", "--identity", keys, "--out", folder.url.path], in: folder.url.path,
                saying: "no peer zoe")
            for place in ["nowhere", "127.0.0.1:0", "localhost:9100"] {
                let refused = try await MurmurProcess.run(
                    ["peer", hosts, "--as", "ada", "--identity", keys, "--out", folder.url.path, "--listen", place],
                    in: folder.url.path)
                #expect(refused.status == 2 && refused.error.contains("--listen"))
            }
        }

        @Test func adaptersAndTokenizersOfOtherModelsAreRefused() async throws {
            let folder = try TemporaryFolder()
            let fixture = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/llama-grouped")
            try await expectRefusal(
                ["generate", "hello", "--adapter", fixture.appendingPathComponent("adapter").path], in: folder.url.path,
                saying: "adapter", "lora_")
            let model = folder.url.appendingPathComponent("model")
            try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
            for name in ["config.json", "model.safetensors"] {
                try FileManager.default.copyItem(
                    at: fixture.appendingPathComponent(name), to: model.appendingPathComponent(name))
            }
            try FileManager.default.copyItem(
                at: BuiltInModel.fledglingDirectory.appendingPathComponent("tokenizer.json"),
                to: model.appendingPathComponent("tokenizer.json"))
            try await expectRefusal(
                ["generate", "hello", "--model", model.path], in: folder.url.path, saying: "tokenizer",
                "do not belong together")
        }

        @Test func dataThatCannotBeDealtOutAreRefused() async throws {
            let folder = try TemporaryFolder()
            let lines = (0..<3).map {
                #"{"instruction": "Say \#($0).", "context": "", "response": "\#($0)", "category": "say"}"#
            }
            try folder.write(lines.joined(separator: "\n"), to: "few.jsonl")
            let few = try topology(folder.url.path) {
                $0.replacing("builtin:chores, count: 800", with: folder.path("few.jsonl"))
                    .replacing(
                        "{ scheme: dirichlet, alpha: 0.5, minimum: 40 }, held-out: 3",
                        with: "{ scheme: iid }, held-out: 0")
            }
            try await expectRefusal(["data", "split", few], in: folder.url.path, saying: "peer-3")
            try folder.write(lines.joined(separator: "\n") + "\n{\"instruction\": 5}\n", to: "bad.jsonl")
            try await expectRefusal(
                ["data", "show", folder.path("bad.jsonl")], in: folder.url.path, saying: "bad.jsonl", "4")
            let skipped = try await MurmurProcess.run(
                ["data", "show", folder.path("bad.jsonl"), "--skip-bad"], in: folder.url.path)
            #expect(skipped.status == 0 && skipped.output.contains("line 4"))
        }

        @Test(arguments: ["demo", "ring-8", "torus-16", "complete-4", "dolly-shards-10", "two-hosts"])
        func theShippedTopologiesAreRight(name: String) async throws {
            let folder = try TemporaryFolder()
            let file = SharedData.projectRoot.appendingPathComponent("topologies/\(name).yaml").path
            let outcome = try await MurmurProcess.run(["topology", "check", file], in: folder.url.path)
            #expect(outcome.status == 0, "\(outcome.error)")
        }
    }
}
