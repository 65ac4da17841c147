package import Adapters
import Basics
import Cryptography
import Federation
import Foundation
import InstructionTuning
package import Observability
import Overlay
import Storage
import SwarmFile

extension RunFolder {
    /// Makes the folder ready: identities for peers without, and the resolved topology.
    ///
    /// An earlier run in it is gone on with where its topology says the same of all that must be the same, or where
    /// `resumption` lets it; it is replaced where `fresh` says so, and otherwise left alone with an error that names section
    /// and key. So is a folder that holds something else, and one in which another process is at work. `user` is the command
    /// that asks.
    package static func prepare(
        _ path: String, topologyPath: String, sources: SourceChoices = SourceChoices(), fresh: Bool,
        resumption: ResumeChoice = .refuse, user: String = OutputFolder.run.command
    ) throws -> RunFolder {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        var topology = try SwarmComposition.load(topologyPath, replacing: sources).topology
        let marker = url.appendingPathComponent("topology.yaml")
        let lock = try OutputFolder.run.claim(path, user: user)
        if fresh || resumption == .restart { try removeEarlierRun(url) }
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
            try checkEarlierTopology(earlier, against: topology, in: path, resumption)
        }
        try text.write(to: marker, atomically: true, encoding: .utf8)
        var folder = RunFolder(url: url, topology: topology)
        folder.lock = lock
        return folder
    }

    /// Throws where the topology of the run in `path` says something else of what must be the same, and `resumption` does
    /// not let that be.
    private static func checkEarlierTopology(
        _ text: String, against topology: SwarmTopology, in path: String, _ resumption: ResumeChoice
    ) throws {
        let earlier: SwarmTopology
        do { earlier = try SwarmTopology.parse(text, file: path + "/topology.yaml") } catch {
            throw CommandFailure(
                "\(path) holds a run whose topology cannot be read (\(error)); give another --out, or --fresh to replace it"
            )
        }
        // Models and data are compared by what they hold, where the peers find their checkpoints.
        let differences = TopologyComparison.settings(topology).differences(from: TopologyComparison.settings(earlier))
        guard !differences.isEmpty, resumption != .continueWith else { return }
        throw CommandFailure(
            "\(path) holds a run of another topology (\(differences.text(here: "now", there: "in the run"))); give another "
                + "--out, --restart to replace that run, or --continue-with to keep its adapters and begin the optimisers "
                + "anew")
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

    /// Throws where a peer's last checkpoint is of other settings than what it is to be compared under: another model of the
    /// same shape, other records, another topology.
    func checkStates(_ composition: ModelComposition, _ partition: DataPartition) throws {
        let trainers = try BuiltInTrainers(composition, partition, placement: .shared)
        for peer in topology.peers {
            let folder = self.peer(peer.name).appendingPathComponent("state").path
            guard let state = CheckpointStore(folder: folder).load().checkpoint?.settings else { continue }
            var settings = SettingsFingerprint(topology, baseModelDigest: trainers.baseModelDigest)
            let more = try trainers.settings(of: peer.name)
            for entry in more.shared + more.own { settings.set(entry) }
            let differences = settings.differences(from: state)
            guard differences.isEmpty else {
                throw CommandFailure(
                    "the run in \(url.path) is of other settings (\(differences.text(here: "now", there: "in the run"))): "
                        + "compare it under those, or run the swarm again with --restart or --continue-with")
            }
        }
    }

    /// What the peers' event logs tell.
    package func progress() -> SwarmProgress {
        var progress = SwarmProgress(names: topology.peers.map(\.name), rounds: topology.tuning.rounds)
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
