package import Adapters
import Basics
import Cryptography
import Foundation
package import Observability
import Overlay
import Storage
package import SwarmFile

extension RunFolder {
    /// Makes the folder ready: identities for peers without, and the resolved topology.
    ///
    /// An earlier run in it is gone on with where its topology is the same, replaced where `fresh` says so, and
    /// otherwise left alone with an error. So is a folder that holds something else, and one in which another process is
    /// at work. `user` is the command that asks.
    package static func prepare(
        _ path: String, topologyPath: String, sources: SourceChoices = SourceChoices(), fresh: Bool,
        user: String = OutputFolder.run.command
    ) throws -> RunFolder {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        var topology = try SwarmComposition.load(topologyPath, replacing: sources).topology
        let marker = url.appendingPathComponent("topology.yaml")
        let lock = try OutputFolder.run.claim(path, user: user)
        if fresh { try removeEarlierRun(url) }
        do {
            for peer in topology.peers {
                try FileManager.default.createDirectory(
                    at: url.appendingPathComponent(peer.name), withIntermediateDirectories: true)
            }
        } catch {
            throw CommandFailure("cannot make the folder \(path): \(error.localizedDescription)")
        }
        let identities = try topology.peers.map { peer in
            let keys = try IdentityFile.readOrCreate(
                url.appendingPathComponent(peer.name).appendingPathComponent("identity").path)
            guard let id = PeerID(bytes: keys.signing.publicKey) else {
                throw CommandFailure("the identity of \(peer.name) is broken; remove \(path) and begin anew")
            }
            if let listed = peer.id, listed != id {
                throw CommandFailure(
                    "\(topologyPath) gives \(peer.name) an identity whose keys are not in \(path); "
                        + "run it with `murmur peer` where its identity file is")
            }
            return PeerIdentity(id: id, exchangeKey: keys.exchange.publicKey)
        }
        topology = topology.expanded(identities: identities)
        let text =
            "# Made by `murmur swarm` from \(URL(fileURLWithPath: topologyPath).lastPathComponent).\n" + topology.yaml
        if let earlier = try? String(contentsOf: marker, encoding: .utf8), earlier != text {
            throw CommandFailure(
                "\(path) holds a run of another topology; give another --out, or --fresh to replace that run")
        }
        try text.write(to: marker, atomically: true, encoding: .utf8)
        var folder = RunFolder(url: url, topology: topology)
        folder.lock = lock
        return folder
    }

    /// The files of a run beside the peers' folders.
    private static let fileNames: Set = ["topology.yaml", "summary.json", "report.html", "relay.jsonl"]

    /// Removes the run in a folder of ours, and nothing but the run: what somebody else put there stays. Refused while one
    /// of its peers is at work.
    private static func removeEarlierRun(_ url: URL) throws {
        let content = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
            .map { url.appendingPathComponent($0) }
        let peers = content.filter { OutputFolder.peer.isOwn($0.path) }
        for peer in peers where FolderLock.isHeld(peer.path) {
            throw CommandFailure("\(FolderLockError.held(folder: peer.path, by: FolderLock.holder(of: peer.path)))")
        }
        do {
            for item in content where fileNames.contains(item.lastPathComponent) || peers.contains(item) {
                try FileManager.default.removeItem(at: item)
            }
        } catch {
            throw CommandFailure("cannot remove the run in \(url.path): \(error.localizedDescription)")
        }
    }

    /// Whether every peer has left its adapter.
    package var holdsAllAdapters: Bool {
        topology.peers.allSatisfy { peer in
            FileManager.default.fileExists(
                atPath: adapter(of: peer.name).appendingPathComponent("adapter_config.json").path)
        }
    }

    /// What the peers' event logs tell.
    package func progress() -> SwarmProgress {
        var progress = SwarmProgress(names: topology.peers.map(\.name))
        for peer in topology.peers {
            for event in (try? LoggedEvent.read(events(of: peer.name))) ?? [] { progress.record(event) }
        }
        return progress
    }

    /// The deltas of the adapters that the peers left, in the topology's order.
    package func deltas(for composition: ModelComposition) throws -> [AdapterDelta] {
        try topology.peers.map { try composition.delta(ofAdapterIn: adapter(of: $0.name).path) }
    }
}

extension TopologyDrawing {
    /// The graph of `topology`.
    package init(_ topology: SwarmTopology) throws {
        self.init(
            names: topology.peers.map(\.name), edges: try topology.swarmGraph().edges.map { ($0.first, $0.second) })
    }
}
