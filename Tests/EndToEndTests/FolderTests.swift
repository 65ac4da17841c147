import Foundation
import Observability
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// No folder is written over by accident, and none by two processes.
    @Suite struct FolderTests {
        private func tune(_ out: String, steps: Int, more: [String] = []) -> [String] {
            ["tune", "--data", "builtin:chores", "--batch", "4", "--steps", "\(steps)", "--out", out] + more
        }

        private func expectRefusal(_ outcome: MurmurProcess.Outcome, saying words: String...) {
            #expect(outcome.status == 1 && !outcome.bySignal, "\(outcome.error)")
            for word in words { #expect(outcome.error.contains(word), "\(outcome.error)") }
        }

        @Test func aMergedModelGoesIntoNoFolderOfOthers() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            #expect(try await MurmurProcess.run(tune("\(path)/adapter", steps: 1), in: path).status == 0)
            let before = try FileManager.default.contentsOfDirectory(atPath: "\(path)/adapter").sorted()
            let merge = ["merge", "--adapter", "\(path)/adapter", "--out"]
            expectRefusal(
                try await MurmurProcess.run(merge + ["\(path)/adapter"], in: path), saying: "murmur tune",
                "new or an empty")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/adapter").sorted() == before)
            // As PEFT leaves an adapter: no word of who made it.
            try FileManager.default.removeItem(atPath: "\(path)/adapter/\(FolderLock.fileName)")
            expectRefusal(
                try await MurmurProcess.run(merge + ["\(path)/adapter"], in: path), saying: "adapter_config.json")
            // Twice into one folder: the second model replaces the first, files of others stay; never what is read.
            for type in ["f32", "bf16"] {
                let merged = try await MurmurProcess.run(merge + ["\(path)/merged", "--type", type], in: path)
                #expect(merged.status == 0, "\(merged.error)")
                try folder.write("mine", to: "merged/notes.txt")
            }
            let shown = try await MurmurProcess.run(
                ["inspect", "\(path)/merged/model.safetensors"], in: path)
            #expect(shown.output.contains("BF16") && !shown.output.contains("F32"), "\(shown.output)")
            #expect(FileManager.default.fileExists(atPath: "\(path)/merged/notes.txt"))
            expectRefusal(
                try await MurmurProcess.run(merge + ["\(path)/merged/", "--model", "\(path)/merged"], in: path),
                saying: "--model", "another folder")
            #expect(FileManager.default.fileExists(atPath: "\(path)/merged/config.json"))
            expectRefusal(
                try await MurmurProcess.run(tune("\(path)/merged", steps: 1, more: ["--fresh"]), in: path),
                saying: "murmur merge")
            let split = ["data", "split", SharedData.projectRoot.appendingPathComponent("topologies/demo.yaml").path]
            expectRefusal(
                try await MurmurProcess.run(split + ["--out", "\(path)/merged"], in: path), saying: "murmur merge")
            for _ in 0..<2 {
                #expect(try await MurmurProcess.run(split + ["--out", "\(path)/parts"], in: path).status == 0)
            }
        }

        @Test(.timeLimit(.minutes(2))) func twoTuningsDoNotShareAFolder() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            let out = "\(path)/adapter"
            let first = try MurmurProcess(tune(out, steps: 100_000, more: ["--save-every", "10"]), in: path)
            #expect(await SmallSwarm.wait { FileManager.default.fileExists(atPath: "\(out)/state.bin") })
            for more in [[], ["--fresh"]] {
                let second = try MurmurProcess(tune(out, steps: 100_000, more: more), in: path, name: "second")
                expectRefusal(
                    try await second.wait(), saying: "`murmur tune` is at work", "process \(first.identifier) ")
            }
            // A process that is killed leaves no lock.
            first.send(SIGKILL)
            _ = try await first.wait()
            let third = try MurmurProcess(tune(out, steps: 100_000), in: path, name: "third")
            #expect(
                await SmallSwarm.wait {
                    (try? String(contentsOfFile: "\(path)/third.err", encoding: .utf8))?.contains("Going on after")
                        == true
                })
            third.send(SIGTERM)
            _ = try await third.wait()
        }

        @Test(.timeLimit(.minutes(3))) func aLiveRunIsNeitherJoinedNorReplaced() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            let swarm = try SmallSwarm(in: path, firstPort: 22_700, peers: 2, rounds: 500)
            let first = try MurmurProcess(["swarm", swarm.topology, "--out", swarm.out, "--json"], in: path)
            #expect(await SmallSwarm.wait { swarm.events("peer-0").contains { $0.event == "started" } })
            for more in [[], ["--fresh"]] {
                let second = try MurmurProcess(
                    ["swarm", swarm.topology, "--out", swarm.out, "--json"] + more, in: path, name: "second")
                expectRefusal(
                    try await second.wait(), saying: "`murmur swarm` is at work", "process \(first.identifier) ")
            }
            let peer = try MurmurProcess(
                [
                    "peer", "\(swarm.out)/topology.yaml", "--as", "peer-0", "--identity",
                    "\(swarm.out)/peer-0/identity", "--out", swarm.out,
                ], in: path, name: "peer")
            expectRefusal(try await peer.wait(), saying: "`murmur peer` is at work")
            let shown = try await MurmurProcess(["inspect", swarm.out], in: path, name: "inspect").wait()
            #expect(shown.status == 0 && shown.output.contains("run of a swarm"), "\(shown.error)")
            #expect(shown.output.contains("peer-1"), "\(shown.output)")
            #expect(swarm.events("peer-0").contains { $0.event == "started" }, "the log is still there")
            first.send(SIGTERM)
            _ = try await first.wait()
        }
    }
}
