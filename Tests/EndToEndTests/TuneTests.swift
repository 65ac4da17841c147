import Foundation
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur tune` with a real process.
    @Suite struct TuneTests {
        @Test(.timeLimit(.minutes(2))) func stoppedAndResumedIsUninterruptedToTheLastBit() async throws {
            let folder = try TemporaryFolder()
            func arguments(_ out: String) -> [String] {
                [
                    "tune", "--data", "builtin:chores", "--out", folder.path(out), "--steps", "120", "--batch", "4",
                    "--accumulation", "2", "--schedule", "cosine", "--warmup", "15", "--weight-decay", "0.01",
                    "--dropout", "0.1", "--rank-stabilised", "--targets", "all-linear", "--save-every", "10",
                ]
            }
            let steady = try await MurmurProcess.run(arguments("steady"), in: folder.url.path)
            #expect(steady.status == 0, "\(steady.error)")

            let process = try MurmurProcess(arguments("stopped"), in: folder.url.path, name: "first")
            let hasState = await SmallSwarm.wait {
                FileManager.default.fileExists(atPath: folder.path("stopped/state.bin"))
            }
            #expect(hasState)
            process.send(SIGTERM)
            let first = try await process.wait()
            #expect(first.status == ((first.output + first.error).contains("goes on from there") ? 5 : 0))
            let second = try await MurmurProcess.run(arguments("stopped"), in: folder.url.path)
            #expect(second.status == 0, "\(second.error)")
            if (first.output + first.error).contains("goes on from there") {
                #expect((second.output + second.error).contains("Going on after"))
            }
            for name in ["adapter_model.safetensors", "adapter_config.json", "state.bin"] {
                let expected = try ReadableFile.contents(of: folder.path("steady/\(name)"))
                #expect(try ReadableFile.contents(of: folder.path("stopped/\(name)")) == expected, "\(name)")
            }
        }

        @Test func targetsThatTheModelDoesNotHaveAreRefused() async throws {
            let folder = try TemporaryFolder()
            let outcome = try await MurmurProcess.run(
                ["tune", "--data", "builtin:chores", "--out", folder.path("a"), "--targets", "qkv_proj"],
                in: folder.url.path)
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("has no qkv_proj; it has q_proj"), "\(outcome.error)")
        }
    }
}
