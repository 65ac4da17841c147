import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Sweeps and what only a process of its own can decide.
    @Suite struct SweepTests {
        private func hash(_ output: String) -> String? {
            output.split(separator: "\n").first { $0.hasPrefix("trace ") }.map(String.init)
        }

        @Test func withoutCryptographyASeedHasOneHistoryToo() async throws {
            let folder = try TemporaryFolder()
            let topology = SharedData.projectRoot.appendingPathComponent("topologies/ring-8.yaml").path
            var arguments = ["simulate", topology, "--draw-faults", "--seed", "4", "--crypto", "off"]
            let first = try await MurmurProcess.run(arguments, in: folder.url.path)
            let second = try await MurmurProcess.run(arguments, in: folder.url.path)
            #expect(first.status == 0, "\(first.error)")
            #expect(first.output.contains("8 of 8 peers finished"))
            #expect(hash(first.output) != nil)
            #expect(first.output == second.output)
            arguments[arguments.count - 1] = "on"
            let real = try await MurmurProcess.run(arguments, in: folder.url.path)
            #expect(real.status == 0, "\(real.error)")
            #expect(hash(real.output) != hash(first.output))
        }

        @Test func aSweepEndsAtTheFirstViolationIfAsked() async throws {
            let folder = try TemporaryFolder()
            let topology = SharedData.projectRoot.appendingPathComponent("topologies/ring-8.yaml").path
            // Nobody finishes within two seconds: every seed is a violation.
            let outcome = try await MurmurProcess.run(
                [
                    "simulate", topology, "--seed", "1", "--seeds", "40", "--jobs", "1", "--limit", "2",
                    "--until-violation",
                ],
                in: folder.url.path)
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("seed 1: liveness"))
            #expect(outcome.output.contains("1 seeds in"))
        }

        @Test func aSweepPrintsAnObjectForEachSeed() async throws {
            let folder = try TemporaryFolder()
            let topology = SharedData.projectRoot.appendingPathComponent("topologies/ring-8.yaml").path
            // Some seeds do not finish within the limit: they carry what was violated, and all are there.
            let outcome = try await MurmurProcess.run(
                ["simulate", topology, "--draw-faults", "--seed", "6", "--seeds", "6", "--limit", "20", "--json"],
                in: folder.url.path)
            let lines = try outcome.output.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(Set(lines.compactMap { $0["seed"] as? Int }) == Set(6..<12))
            let violated = lines.count { ($0["violations"] as? [Any])?.isEmpty == false }
            #expect(lines.count { $0["failure"] != nil } == violated)
            #expect(violated > 0)
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("6 seeds in"))
            let seed = try #require(lines.first { $0["failure"] != nil })
            #expect(
                (seed["replay"] as? String)?.hasSuffix("--seed \(try #require(seed["seed"] as? Int)) --limit 20.0")
                    == true)
        }

        /// The defects of `scripts/mutation-check` are texts in the sources: they must be found where they are looked for.
        @Test func everySeededDefectFindsItsPlace() throws {
            let script = SharedData.projectRoot.appendingPathComponent("scripts/mutation-check").path
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["python3", script, "--check"]
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus != 127 else {
                print("there is no python3: the places of the seeded defects are not checked")
                return
            }
            #expect(process.terminationStatus == 0, "\(output)")
        }
    }
}
