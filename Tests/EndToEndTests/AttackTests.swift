import Adapters
import Aggregation
import Basics
import Cryptography
import Faults
import Federation
import Foundation
import MurmurKit
import Observability
import Simulation
import Storage
import SwarmFile
import TestSupport
import Testing
import Wire

extension EndToEnd {
    /// One member tries to take the swarm over or to stop it, against real processes. The simulator's `TakeoverTests` hold
    /// the honest peers to a time; this holds them to their work.
    @Suite struct AttackTests {
        /// Honest in its first rounds, then not.
        struct LateMisconduct: OutgoingTampering {
            var base: Misconduct
            var key: SigningKey
            let round: UInt64
            var hasBegun = false

            var keepsQuiet: Bool { hasBegun && base.keepsQuiet }

            mutating func serve(_ publication: Publication, through wire: inout ProtocolEndpoint) -> ObjectID? {
                hasBegun = hasBegun || publication.manifest.round >= round
                if hasBegun { return base.serve(publication, through: &wire) }
                let signed = SignedManifest(publication.manifest, signedWith: key)
                return wire.publish(signed, payload: publication.payload.bytes)
            }

            mutating func offered(
                _ publication: Publication, in scene: TamperingScene, through wire: inout ProtocolEndpoint,
                at time: MonotonicTime
            ) {
                if hasBegun { base.offered(publication, in: scene, through: &wire, at: time) }
            }

            mutating func heard(
                _ manifest: SignedManifest, in scene: TamperingScene, through wire: inout ProtocolEndpoint
            ) {
                if hasBegun { base.heard(manifest, in: scene, through: &wire) }
            }
        }

        /// Four peers in a line; the first lies, from inside this process, the others are processes of their own.
        struct Line {
            static let rounds = 20
            static let names = ["liar", "beta", "gamma", "delta"]
            static let honest = Array(names.dropFirst())
            let folder: String

            init(in folder: String, firstPort: Int, localSteps: Int = 2) async throws {
                self.folder = folder
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                var entries: [String] = []
                for (place, name) in Self.names.enumerated() {
                    let made = try await MurmurProcess.run(
                        ["identity", "new", "\(folder)/\(name).identity", "--json"], in: folder)
                    let keys = try JSONDecoder().decode([String: String].self, from: Data(made.output.utf8))
                    entries.append(
                        "  - { name: \(name), id: \"\(keys["id"] ?? "")\", key: \"\(keys["key"] ?? "")\", "
                            + "address: \"127.0.0.1:\(firstPort + place)\" }")
                }
                try """
                murmuration: 1
                swarm: { name: line, seed: 1 }
                model: { base: builtin:fledgling, lora: { rank: 4, alpha: 8, targets: [q_proj, v_proj] } }
                tuning: { template: terse, cutoff: 64, batch: 8, local-steps: \(localSteps), rounds: \(Self.rounds) }
                data: { source: builtin:chores, count: 400, held-out: 1 }
                graph: { kind: edges, edges: [[liar, beta], [beta, gamma], [gamma, delta]] }
                peers:
                \(entries.joined(separator: "\n"))
                """.write(toFile: topology, atomically: true, encoding: .utf8)
            }

            var topology: String { folder + "/line.yaml" }

            func honest(_ name: String) throws -> MurmurProcess {
                try MurmurProcess(
                    [
                        "peer", topology, "--as", name, "--identity", "\(folder)/\(name).identity", "--out",
                        "\(folder)/run", "--threads", "1",
                    ], in: folder, name: name)
            }

            /// The first peer, until its task is cancelled: a liar, or without an attack an honest one.
            func liar(_ attack: ByzantineBehaviour?) throws -> Task<Void, any Error> {
                let swarm = try SwarmComposition.load(topology)
                let identity = "\(folder)/liar.identity"
                let key = try swarm.keys(of: "liar", in: identity).signing
                let kind = attack?.misconduct
                var run = PeerRun(
                    swarm: swarm, name: "liar", identityPath: identity,
                    folder: URL(fileURLWithPath: "\(folder)/run/liar", isDirectory: true))
                run.compute.threads = 1
                run.output = nil
                run.prepare = { peer in
                    guard let kind else { return }
                    let misconduct = Misconduct(kind, key: key, exchange: ExchangePolicy(swarm.topology))
                    await peer.tamper(LateMisconduct(base: misconduct, key: key, round: 3))
                }
                return Task { [run] in _ = try await run.run() }
            }

            func events(_ name: String) throws -> [LoggedEvent] {
                try LoggedEvent.read(URL(fileURLWithPath: "\(folder)/run/\(name)/events.jsonl"))
            }
        }

        private static let attacks: [ByzantineBehaviour] = [.roundJump, .earlyFinal, .mute, .neverAgree, .flood]

        @Test(.timeLimit(.minutes(5))) func honestProcessesKeepTheirWork() async throws {
            let folder = try TemporaryFolder()
            // All at once: most of the time they wait.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (place, attack) in Self.attacks.enumerated() {
                    let path = folder.path("\(attack)")
                    group.addTask { try await Self.check(attack, in: path, firstPort: 25_500 + 10 * place) }
                }
                try await group.waitForAll()
            }
        }

        /// What an attack costs in time, beside the same line with an honest peer in the liar's place. Not part of the
        /// suite: other tests beside it would be timed too. docs/benchmarks.md has the figures that it prints. Some attacks
        /// cost seconds, however long the run is: only the longer one has to end within twice its time.
        @Test(
            .enabled(
                if: ProcessInfo.processInfo.environment["MURMUR_ATTACK_TIMES"] != nil, "times need a quiet machine"),
            .timeLimit(.minutes(15)), arguments: [2, 40])
        func attacksCostLittleTime(localSteps: Int) async throws {
            let folder = try TemporaryFolder()
            var honest = 0.0
            print("| local steps | attack | all honest peers have their adapter after | beside no attack |")
            print("|---|---|---|---|")
            for attack in [nil] + Self.attacks.map(Optional.some) {
                let name = attack.map { "\($0)" } ?? "none"
                let line = try await Line(
                    in: folder.path("\(name)"), firstPort: 25_600 + 10 * localSteps, localSteps: localSteps)
                let liar = try line.liar(attack)
                defer { liar.cancel() }
                let processes = try Line.honest.map { try line.honest($0) }
                for process in processes { _ = try await process.wait() }
                let events = try Line.honest.map { try line.events($0) }
                let begin = events.compactMap { lines in lines.first?.time }.min() ?? 0
                let ends = events.compactMap { lines in lines.last { $0.event == "finished" }?.time }
                #expect(ends.count == Line.honest.count, "\(name)")
                let seconds = (ends.max() ?? .infinity) - begin
                if attack == nil { honest = seconds }
                let figures = [seconds, seconds / honest].map { ($0 * 100).rounded() / 100 }
                print("| \(localSteps) | \(name) | \(figures[0]) s | \(figures[1]) |")
                #expect(localSteps < 40 || seconds <= 2 * honest, "\(name): \(seconds) s instead of \(honest) s")
            }
        }

        private static func check(_ attack: ByzantineBehaviour, in folder: String, firstPort: Int) async throws {
            let line = try await Line(in: folder, firstPort: firstPort)
            let honest = Line.honest
            let liar = try line.liar(attack)
            defer { liar.cancel() }
            let processes = try honest.map { try line.honest($0) }
            for (name, process) in zip(honest, processes) {
                let outcome = try await process.wait()
                // 3 names the liar.
                #expect([0, 3].contains(outcome.status), "\(attack): \(name): \(outcome.output) \(outcome.error)")
                let events = try line.events(name)
                let trained = Set(events.filter { $0.event == "trained" }.compactMap { $0.fields["round"]?.int })
                #expect(trained == Set(0..<Line.rounds), "\(attack): \(name) trained \(trained.sorted())")
                #expect(!events.contains { $0.event == "caught_up" }, "\(attack): \(name)")
                #expect(events.contains { $0.event == "settled" }, "\(attack): \(name)")
            }
            let composition = try ModelComposition(SwarmComposition.load(line.topology).topology)
            let adapters = try honest.map { try composition.delta(ofAdapterIn: "\(folder)/run/\($0)/adapter") }
            #expect(ConsensusDistance.relative(adapters) < 1e-3, "\(attack)")
        }
    }
}
