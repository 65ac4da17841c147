package import Foundation
import Storage
package import SwarmFile

/// The run whose files lie in a folder: of `murmur swarm`, or of one or some `murmur peer`.
package struct WatchedRun: Sendable {
    /// The topology that its processes have.
    package let topology: SwarmTopology
    /// Peers whose files are there or will be, in the topology's order, with their folders.
    package let peers: [(name: String, folder: URL)]
    /// The folder of a whole swarm, which its supervisor holds; nil of single peers.
    private let swarmFolder: String?
    /// The topology as it was read: another text is another run.
    private let text: String

    /// The run in the folder at `path`; nil where there is none yet.
    ///
    /// - Throws: `CommandFailure` for a run whose topology cannot be read.
    package static func find(in path: String) throws -> WatchedRun? {
        let url = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
        if let (topology, text) = try topology(at: url.appendingPathComponent("topology.yaml")) {
            let peers = topology.peers.map { ($0.name, url.appendingPathComponent($0.name, isDirectory: true)) }
            return WatchedRun(topology: topology, peers: peers, swarmFolder: url.path, text: text)
        }
        if let run = try ofPeers([url]) { return run }
        let entries = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
        return try ofPeers(entries.map { url.appendingPathComponent($0, isDirectory: true) })
    }

    /// The run of those of `folders` that `murmur peer` made: of the swarm of the first of them.
    private static func ofPeers(_ folders: [URL]) throws -> WatchedRun? {
        var run: (topology: SwarmTopology, text: String)?
        var found: [String: URL] = [:]
        for folder in folders {
            let place = folder.appendingPathComponent("state/topology.yaml")
            guard let (topology, text) = try topology(at: place) else { continue }
            run = run ?? (topology, text)
            if text == run?.text { found[folder.lastPathComponent] = folder }
        }
        guard let run else { return nil }
        let peers = run.topology.peers.compactMap { peer in found[peer.name].map { (peer.name, $0) } }
        guard !peers.isEmpty else { return nil }
        return WatchedRun(topology: run.topology, peers: peers, swarmFolder: nil, text: run.text)
    }

    /// The topology in a file; nil where there is no file.
    private static func topology(at url: URL) throws -> (topology: SwarmTopology, text: String)? {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
        do { return (try SwarmTopology.parse(text, file: url.path), text) } catch {
            throw CommandFailure("the run's topology cannot be read: \(error)")
        }
    }

    /// Where the peer called `name` logs its events.
    func events(of folder: URL) -> URL { folder.appendingPathComponent("events.jsonl") }

    /// Whether a process is at work in it, as far as locks tell; where the file system knows none, it may be.
    var mayBeAtWork: Bool {
        swarmFolder.map { !Self.isFree($0) } ?? false || peers.contains { !Self.isFree($0.folder.path) }
    }

    /// Whether it is certain that no process has the folder at `path`: whoever may read its lock can ask. False as well where
    /// the file system knows no locks.
    static func isFree(_ path: String) -> Bool {
        let descriptor = open("\(path)/\(FolderLock.fileName)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) == 0
    }

    /// Whether this is the same run as `other`, with the same peers.
    func isSame(as other: WatchedRun) -> Bool {
        text == other.text && peers.map(\.folder) == other.peers.map(\.folder)
    }
}
