import Basics
import Cryptography
import Foundation
import InstructionTuning
import SwarmFile

/// The folder of a swarm's run: `topology.yaml` with everyone's identity, and a folder a peer.
struct RunFolder {
    /// The folder.
    let url: URL
    /// The topology with identities, keys and addresses.
    let topology: SwarmTopology

    /// Where the resolved topology lies.
    var topologyPath: String { url.appendingPathComponent("topology.yaml").path }

    /// A peer's folder.
    func peer(_ name: String) -> URL { url.appendingPathComponent(name, isDirectory: true) }

    /// A peer's PEFT directory.
    func adapter(of name: String) -> URL { peer(name).appendingPathComponent("adapter", isDirectory: true) }

    /// A peer's event log.
    func events(of name: String) -> URL { peer(name).appendingPathComponent("events.jsonl") }

    /// A peer's identity file.
    func identity(of name: String) -> URL { peer(name).appendingPathComponent("identity") }

    /// Makes the folder ready: identities for peers without, and the resolved topology.
    ///
    /// An earlier run in it is gone on with where its topology is the same, replaced where `fresh` says so, and
    /// otherwise left alone with an error.
    static func prepare(_ path: String, topologyPath: String, sources: SourceOptions, fresh: Bool) throws -> RunFolder {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        var topology = try SwarmTopology.load(path: topologyPath)
        topology.makePathsAbsolute(relativeTo: URL(fileURLWithPath: topologyPath).deletingLastPathComponent())
        if let model = sources.model { topology.model.base = absolute(model) }
        if let data = sources.data { topology.data.source = absolute(data) }
        let marker = url.appendingPathComponent("topology.yaml")
        if fresh { try removeEarlierRun(url, marker: marker) }
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
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
        return RunFolder(url: url, topology: topology)
    }

    /// Opens the folder of a run that was made before.
    static func open(_ path: String) throws -> RunFolder {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        let topology = try SwarmTopology.load(path: url.appendingPathComponent("topology.yaml").path)
        return RunFolder(url: url, topology: topology)
    }

    /// Removes a run, and nothing but a run: a folder that has no `topology.yaml` of ours is not touched.
    private static func removeEarlierRun(_ url: URL, marker: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let content = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        guard !content.isEmpty else { return }
        guard FileManager.default.fileExists(atPath: marker.path) else {
            throw CommandFailure("\(url.path) is not empty and holds no run; --fresh does not remove it")
        }
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            throw CommandFailure("cannot remove the run in \(url.path): \(error.localizedDescription)")
        }
    }

    /// `path` from the root; names of built-in things are left as they are.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("builtin:") ? path : URL(fileURLWithPath: path).standardizedFileURL.path
    }
}

extension SwarmTopology {
    /// Makes the paths that a topology file gives relative to itself hold from anywhere.
    mutating func makePathsAbsolute(relativeTo folder: URL) {
        func resolved(_ path: String) -> String {
            guard !path.hasPrefix("builtin:"), !path.hasPrefix("/") else { return path }
            return folder.appendingPathComponent(path).standardizedFileURL.path
        }
        model.base = resolved(model.base)
        data.source = data.source.map(resolved)
        swarm.secret = swarm.secret.map(resolved)
        if !(PromptTemplate.names + [PromptTemplate.nameOfModels]).contains(tuning.template) {
            tuning.template = resolved(tuning.template)
        }
        for index in peers.indices { peers[index].data = peers[index].data.map(resolved) }
    }
}
