import Foundation
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur doctor` and `murmur topology plan` as they are run.
    @Suite struct DoctorTests {
        private func doctor(_ pair: SuccessTests.Pair, _ more: [String] = []) async throws -> MurmurProcess.Outcome {
            try await MurmurProcess.run(
                [
                    "doctor", "\(pair.folder)/a.yaml", "--as", "a", "--identity", "\(pair.folder)/a.identity",
                    "--patience",
                    "3",
                ] + more, in: pair.folder)
        }

        @Test(.timeLimit(.minutes(2))) func aPeerThatWaitsIsReachedAndNobodyElse() async throws {
            let folder = try TemporaryFolder()
            let pair = try await SuccessTests.Pair(in: folder.url.path, firstPort: 25_480)
            for name in ["a", "b"] { try pair.write(name) }
            let nobody = try await doctor(pair)
            #expect(nobody.status == 4 && nobody.output.contains("No answer of b"), "\(nobody.output)\(nobody.error)")

            let b = try pair.start("b", ["--json"])
            let log = "\(folder.url.path)/run-b/b/events.jsonl"
            #expect(await SmallSwarm.wait { FileManager.default.fileExists(atPath: log) })
            let found = try await doctor(pair, ["--json"])
            #expect(found.status == 0, "\(found.output)\(found.error)")
            let json = try JSONValue.parse(Array(found.output.utf8))
            let neighbour = try #require(json["neighbours"]?.array?.first)
            #expect(neighbour["name"]?.text == "b" && neighbour["reached"]?.bool == true, "\(found.output)")
            #expect(neighbour["same_settings"]?.bool == true && neighbour["datagram_bytes"]?.int == 8952)
            #expect(abs(neighbour["clock_ahead_seconds"]?.double ?? 99) < 5, "\(found.output)")

            // With another file everything is right but that.
            try pair.write("a", lora: "rank: 4, alpha: 64")
            let other = try await doctor(pair)
            #expect(other.status == 7 && other.output.contains("model.lora.alpha: here 64, there 8"), "\(other.output)")
            b.send(SIGTERM)
            _ = try await b.wait()
        }

        @Test func plansSayWhatARunTakes() async throws {
            let folder = try TemporaryFolder()
            let demo = SharedData.projectRoot.appendingPathComponent("topologies/demo.yaml").path
            let plan = try await MurmurProcess.run(
                ["topology", "plan", demo, "--uplink", "20Mbit/s"], in: folder.url.path)
            #expect(plan.status == 0 && plan.output.contains("at 20 Mbit/s"), "\(plan.output)\(plan.error)")
            let json = try await MurmurProcess.run(["topology", "plan", demo, "--json"], in: folder.url.path)
            #expect(try JSONValue.parse(Array(json.output.utf8))["peers"]?.int == 8, "\(json.output)")
            let wrong = try await MurmurProcess.run(
                ["topology", "plan", demo, "--uplink", "20"], in: folder.url.path)
            #expect(wrong.status == 2 && wrong.error.contains("20Mbit/s"), "\(wrong.error)")
        }
    }
}
