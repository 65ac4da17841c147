import Adapters
import Foundation
import InstructionTuning
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur peer` as people on different machines use it: own identities, own files, one topology.
    @Suite struct PeerTests {
        @Test(.timeLimit(.minutes(5))) func peersWithIdentitiesAndFilesOfTheirOwnEndWithOneAdapter() async throws {
            let folder = try TemporaryFolder()
            let names = ["ada", "ben", "cleo"]
            var peers = ""
            let records = try BuiltInChores().records(count: 600, seed: 3)
            for (index, name) in names.enumerated() {
                let made = try await MurmurProcess.run(
                    ["identity", "new", folder.path("\(name).identity"), "--json"], in: folder.url.path)
                #expect(made.status == 0, "\(made.error)")
                let identity = try JSONDecoder().decode([String: String].self, from: Data(made.output.utf8))
                let id = try #require(identity["id"])
                let key = try #require(identity["key"])
                peers +=
                    "  - { name: \(name), id: \"\(id)\", key: \"\(key)\", address: \"127.0.0.1:\(22_300 + index)\", "
                peers += "data: \(name).jsonl }\n"
                let lines = records[index * 200..<(index + 1) * 200].map { record in
                    String(
                        decoding: JSONValue.object(
                            JSONObject([
                                ("instruction", .text(record.instruction)), ("context", .text(record.context)),
                                ("response", .text(record.response)), ("category", .text(record.category)),
                            ])
                        ).encoded(), as: UTF8.self)
                }
                try folder.write(lines.joined(separator: "\n"), to: "\(name).jsonl")
            }
            try folder.write("0123456789abcdef0123456789abcdef", to: "secret")
            try folder.write(
                """
                murmuration: 1
                swarm: { name: friends, seed: 5, secret: secret }
                model: { base: builtin:fledgling, lora: { rank: 4, alpha: 8, targets: [q_proj, v_proj] } }
                tuning: { template: terse, cutoff: 64, batch: 8, learning-rate: 5e-3, local-steps: 2, rounds: 6 }
                data: { held-out: 2 }
                graph: { kind: ring }
                peers:
                \(peers)
                """, to: "friends.yaml")
            let processes = try names.map { name in
                try MurmurProcess(
                    [
                        "peer", folder.path("friends.yaml"), "--as", name, "--identity",
                        folder.path("\(name).identity"),
                        "--out", folder.path("run"),
                        // One of them has moved since the file was written.
                    ] + (name == "cleo" ? ["--listen", "127.0.0.1:22309"] : []), in: folder.url.path, name: name)
            }
            for process in processes {
                let outcome = try await process.wait()
                #expect(outcome.status == 0, "\(outcome.error)")
                #expect(outcome.output.contains("Done."))
            }
            let adapters = try names.map { try PEFTDirectory.read(folder.path("run/\($0)/adapter")).values }
            for adapter in adapters.dropFirst() {
                let distance = zip(adapter, adapters[0]).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
                #expect(distance.squareRoot() < 0.05)
                #expect(adapter.contains { $0 != 0 })
            }
        }

        @Test("A revocation on the command line: the robbed identity is told nothing any more", .timeLimit(.minutes(2)))
        func aRevokedIdentityIsLeftOut() async throws {
            let folder = try TemporaryFolder()
            var peers = ""
            for (index, name) in ["ada", "ben"].enumerated() {
                let made = try await MurmurProcess.run(
                    ["identity", "new", folder.path("\(name).identity"), "--json"], in: folder.url.path)
                let identity = try JSONDecoder().decode([String: String].self, from: Data(made.output.utf8))
                let (id, key) = (try #require(identity["id"]), try #require(identity["key"]))
                peers +=
                    "  - { name: \(name), id: \"\(id)\", key: \"\(key)\", address: \"127.0.0.1:\(22_350 + index)\" }\n"
            }
            try folder.write(
                """
                murmuration: 1
                swarm: { name: robbed, seed: 5 }
                model: { base: builtin:fledgling, lora: { rank: 4, alpha: 8, targets: [q_proj] } }
                tuning: { template: terse, cutoff: 64, batch: 8, learning-rate: 5e-3, local-steps: 1, rounds: 2 }
                data: { source: builtin:chores, count: 200, held-out: 2 }
                graph: { kind: complete }
                peers:
                \(peers)
                """, to: "robbed.yaml")
            let revoked = try await MurmurProcess.run(
                ["identity", "revoke", folder.path("ben.identity"), "--topology", folder.path("robbed.yaml")],
                in: folder.url.path)
            #expect(revoked.status == 0 && revoked.output.count == 2 * 129 + 1, "\(revoked.error)")
            try folder.write(revoked.output, to: "ben.revocation")
            func peer(_ name: String, _ more: [String] = []) throws -> MurmurProcess {
                try MurmurProcess(
                    [
                        "peer", folder.path("robbed.yaml"), "--as", name, "--identity", folder.path("\(name).identity"),
                        "--out", folder.path("run"),
                    ] + more, in: folder.url.path, name: name)
            }
            let ben = try peer("ben")
            let ada = try await peer("ada", ["--revocation", folder.path("ben.revocation")]).wait()
            #expect(ada.status == 4 && ada.output.contains("nothing of ben is taken any more"), "\(ada.error)")
            #expect(ada.output.contains("barred") && !ada.output.contains("Done."))
            #expect(!ada.output.contains("ben is connected"))
            ben.send(SIGTERM)
            let left = try await ben.wait()
            #expect(!left.output.contains("ada is connected"))

            try folder.write("not a revocation", to: "bad.revocation")
            let bad = try await peer("ada", ["--revocation", folder.path("bad.revocation")]).wait()
            #expect(bad.status == 1 && bad.error.contains("not a revocation"))
        }
    }
}
