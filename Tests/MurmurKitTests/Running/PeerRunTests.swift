import Adapters
import Foundation
import InstructionTuning
import LinearAlgebra
import MurmurKit
import Observability
import Recording
import Storage
import SwarmFile
import Synchronization
import TestSupport
import Testing

/// Whole peers over loopback UDP in one process, with the toy trainer.
@Suite(.serialized) struct PeerRunTests {
    final class Collector: EventSink {
        let events = Mutex<[LoggedEvent]>([])
        func receive(_ event: ToldEvent) { events.withLock { $0.append(event.line) } }
    }

    @Test func twoPeersFinish() async throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder, firstPort: 24_610), fresh: false)
        let swarm = SwarmComposition(run.topology)
        let collector = Collector()
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for name in swarm.names {
                var peer = PeerRun(
                    swarm: swarm, name: name, identityPath: run.identity(of: name).path, folder: run.peer(name))
                peer.trainer = .quadratic
                peer.output = nil
                peer.sinks = [collector]
                peer.recordings = RecordingFolder(run.url.path)
                group.addTask { [peer] in try await peer.run() }
            }
            for try await status in group { #expect(status == .success) }
        }
        let told = collector.events.withLock { $0 }
        #expect(Set(told.filter { $0.event == "finished" }.map(\.peer)) == ["peer-0", "peer-1"])
        for name in swarm.names {
            #expect(try LoggedEvent.read(run.events(of: name)) == told.filter { $0.peer == name })
        }
        let recordings = try RecordingFolder(run.url.path).read(swarm.names)
        #expect(recordings.allSatisfy { $0.entries.count == 2 })
        #expect(!run.holdsAllAdapters, "a toy leaves no adapter")
        for name in swarm.names {
            let summary = try JSONValue.parse(
                Array(try Data(contentsOf: run.peer(name).appendingPathComponent("summary.json"))))
            #expect(summary["exit"]?.int == 0)
            let neighbours = summary["participation"]?["neighbours"]?.object
            #expect(neighbours?.values.allSatisfy { $0["took_part"]?.bool == true && $0["mixed"]?.int == 2 } == true)
            #expect(neighbours?.values.allSatisfy { ($0["share"]?.double ?? 0) > 0 } == true)
        }
    }

    /// The real engine, measured round by round on records that it does not train on.
    @Test(.timeLimit(.minutes(2))) func aPeerKeepsItsBestAdapter() async throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, firstPort: 24_660, rounds: 3)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try folder.write(text.replacing("held-out: 1", with: "held-out: 1, validation: 2"), to: "swarm.yaml")
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        #expect(run.topology.data.validation == 2)
        let swarm = SwarmComposition(run.topology)
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for name in swarm.names {
                var peer = PeerRun(
                    swarm: swarm, name: name, identityPath: run.identity(of: name).path, folder: run.peer(name))
                peer.output = nil
                peer.compute = ComputeChoices(threads: 1)
                group.addTask { [peer] in try await peer.run() }
            }
            for try await status in group { #expect(status == .success) }
        }
        let composition = try ModelComposition(run.topology)
        let partition = try ModelComposition.partition(run.topology)
        for name in swarm.names {
            let events = try LoggedEvent.read(run.events(of: name))
            let told = events.filter { $0.event == "validated" }
            #expect(told.compactMap(\.round) == [0, 1, 2, 3])
            #expect(told.map { $0.fields["final"]?.bool } == [false, false, false, true])
            let left = try #require(events.lastIndex { $0.event == "left" })
            #expect(events.lastIndex { $0.event == "validated" }.map { $0 < left } == true)
            let losses = told.compactMap { $0.number("validation_loss") }
            let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
            let peer = run.peer(name)
            let summary = try JSONValue.parse(Array(try Data(contentsOf: peer.appendingPathComponent("summary.json"))))
            let found = try #require(summary["validation"])
            #expect(found["best_loss"]?.double == losses[best] && found["best_round"]?.int == best)
            #expect(found["loss"]?.double == losses.last && found["best"]?.text?.hasSuffix("/best") == true)
            #expect(summary["said"]?.array?.contains { $0.text?.contains("validation records") == true } == true)
            // What lies there has the loss that is told.
            let part = try #require(partition.part(of: name))
            #expect(found["records"]?.int == part.validation.count)
            let evaluator = try composition.workbench.evaluator(
                records: part.validation, lane: .shared(for: 0), options: .init(generates: false))
            for (place, loss) in [("best", losses[best]), ("adapter", losses[3])] {
                let adapter = try PEFTDirectory.read(peer.appendingPathComponent(place).path)
                let measured = try await evaluator.evaluate(adapter: adapter.values).loss
                #expect(abs(measured - loss) < 1e-6 * loss, "\(name) \(place)")
            }
            #expect(losses[best] < losses[0], "three rounds of chores teach the fledgling something")
        }
    }

    /// One knows the other by `localhost`, who knows it by a name that leads nowhere: a session that the other begins is as
    /// good.
    @Test(.timeLimit(.minutes(1))) func hostsAreFoundByTheirNames() async throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, firstPort: 24_730)
        let text = try String(contentsOfFile: path, encoding: .utf8).replacing("127.0.0.1", with: "localhost")
        try folder.write(text, to: "swarm.yaml")
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        #expect(run.topology.peers.map { $0.place?.description } == ["localhost:24730", "localhost:24731"])
        var lost = run.topology
        lost.peers[1].place = PeerAddress("nobody.invalid:24731")
        let collector = Collector()
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for (name, topology) in [("peer-0", lost), ("peer-1", run.topology)] {
                var peer = PeerRun(
                    swarm: SwarmComposition(topology), name: name, identityPath: run.identity(of: name).path,
                    folder: run.peer(name))
                peer.trainer = .quadratic
                peer.output = nil
                peer.sinks = [collector]
                group.addTask { [peer] in try await peer.run() }
            }
            for try await status in group { #expect(status == .success) }
        }
        let told = collector.events.withLock { $0 }
        let unknown = try #require(told.first { $0.event == "host_unknown" })
        #expect(unknown.peer == "peer-0" && unknown.text("neighbour") == "peer-1", "\(unknown)")
        #expect(unknown.text("name") == "nobody.invalid:24731")
        #expect(unknown.text("reason")?.contains("no address is known for the name nobody.invalid") == true)
        let found = try #require(told.first { $0.event == "host_found" })
        #expect(found.peer == "peer-1" && found.text("address")?.hasSuffix(":24730") == true, "\(found)")
    }

    @Test func whatCannotTakePartSaysWhy() async throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder, firstPort: 24_620), fresh: false)
        func refused(_ name: String, _ change: (inout PeerRun) -> Void = { _ in }) async -> String? {
            var peer = PeerRun(
                swarm: SwarmComposition(run.topology), name: name, identityPath: run.identity(of: "peer-0").path,
                folder: run.peer("peer-0"))
            peer.trainer = .quadratic
            peer.output = nil
            change(&peer)
            do {
                _ = try await peer.run()
                return nil
            } catch { return "\(error)" }
        }
        #expect(await refused("zoe")?.contains("no peer zoe") == true)
        #expect(await refused("peer-1")?.contains("is not the identity of peer-1") == true)
        #expect(
            await refused("peer-0") { $0.trainer = .recorded(folder: folder.path("none")) }?.contains("none") == true)
    }
}
