import Foundation
import MurmurKit
import Observability
import Recording
import Storage
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
