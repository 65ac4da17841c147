package import Adapters
package import Basics
package import Cryptography
package import Federation
import Foundation
import InstructionTuning
import Overlay
import Storage
package import SwarmFile
import Transport
package import Wire

/// A swarm as its topology file describes it, without a model: who its peers are, how they are joined, and what each
/// needs to take part.
package struct SwarmComposition: Sendable {
    /// What the file says, with paths that hold from anywhere.
    package var topology: SwarmTopology

    package init(_ topology: SwarmTopology) {
        self.topology = topology
    }

    /// Reads the topology file at `path`. Its relative paths are relative to its folder; the model and the data of
    /// `sources`, relative to the working directory, replace its own.
    ///
    /// - Throws: `TopologyError`.
    package static func load(
        _ path: String, replacing sources: SourceChoices = SourceChoices()
    ) throws -> SwarmComposition {
        var topology = try SwarmTopology.load(path: path)
        topology.makePathsAbsolute(relativeTo: URL(fileURLWithPath: path).deletingLastPathComponent())
        var swarm = SwarmComposition(topology)
        swarm.replaceSources(by: sources)
        return swarm
    }

    /// Puts the model and the data of `sources`, whose paths are relative to the working directory, in place of the
    /// topology's own.
    ///
    /// - Parameter own: a peer that runs on its own: where the swarm has no common data, it brings its own records. Nil for
    ///   peers that are dealt theirs.
    package mutating func replaceSources(by sources: SourceChoices, ofPeer own: String? = nil) {
        if let model = sources.model { topology.model.base = Self.absolutePath(model) }
        guard let data = sources.data?.mapping(Self.absoluteSource) else { return }
        if let own, topology.data.source == nil {
            if let place = topology.index(ofPeerNamed: own) { topology.peers[place].data = data }
        } else {
            topology.data.source = data
        }
    }

    /// `path` from the root; names of built-in things are left as they are.
    private static func absolutePath(_ path: String) -> String {
        path.hasPrefix("builtin:") ? path : URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// The same of a file or folder of instructions; a folder gets the / that says what it is.
    private static func absoluteSource(_ path: String) -> String {
        let isFolder = !path.hasPrefix("builtin:") && URL(fileURLWithPath: path).hasDirectoryPath
        let absolute = absolutePath(path)
        return isFolder && absolute != "/" ? absolute + "/" : absolute
    }

    /// The peers' names in the topology's order.
    package var names: [String] { topology.peers.map(\.name) }

    /// The place of the peer called `name`.
    ///
    /// - Throws: `CommandFailure` that names those there are.
    package func place(of name: String) throws -> Int {
        guard let place = topology.index(ofPeerNamed: name) else {
            throw CommandFailure("the topology has no peer \(name); it has \(names.joined(separator: ", "))")
        }
        return place
    }

    /// The pre-shared key and identifier of the swarm.
    ///
    /// - Throws: `FileError`, and `CommandFailure` where the secret is too short to be one.
    package func secret() throws -> SwarmSecret {
        let swarm = topology.swarm
        guard let path = swarm.secret else { return try SwarmSecret(name: swarm.name, seed: swarm.seed) }
        let secret = try ReadableFile.contents(of: path, limit: 4096)
        guard secret.count >= 16 else {
            throw CommandFailure("\(path): a swarm's secret has at least 16 bytes; make one with: openssl rand -hex 32")
        }
        return try SwarmSecret(name: swarm.name, seed: swarm.seed, secret: secret)
    }

    /// The keys in the identity file at `path`, which must be those that the topology lists for the peer called `name`.
    package func keys(of name: String, in path: String) throws -> IdentityKeys {
        let entry = topology.peers[try place(of: name)]
        let keys = try IdentityFile.read(path)
        guard let id = entry.id, let key = entry.exchangeKey else { throw PeerSetupError.unresolved(name: name) }
        guard id.bytes == keys.signing.publicKey, key == keys.exchange.publicKey else {
            throw CommandFailure(
                "\(path) is not the identity of \(name): the topology lists \(id.short)…, the file holds "
                    + "\(keys.signing.publicKey.hexadecimal.prefix(8))…")
        }
        return keys
    }

    /// What the peer called `name` needs to know of the swarm.
    package func configuration(
        of name: String, schema: AdapterSchema, baseModelDigest: [UInt8], sampleCount: Int
    ) async throws -> PeerConfiguration {
        var configuration = try PeerConfiguration(
            topology: topology, index: try place(of: name), schema: schema, baseModelDigest: baseModelDigest,
            sampleCount: sampleCount)
        configuration.settings = SettingsFingerprint(topology, baseModelDigest: baseModelDigest)
        return configuration
    }

    /// The socket of the peer called `name`: at `listening`, or where the topology says.
    ///
    /// - Parameter dropRate: the share of the datagrams that is dropped instead of sent.
    package func bind(
        _ name: String, at listening: NetworkAddress?, dropRate: Double
    ) async throws -> any DatagramEndpoint {
        let place = try place(of: name)
        let address = try await address(toBind: place, at: listening)
        let endpoint = try await UDPEndpoint.bind(to: address)
        guard dropRate > 0 else { return endpoint }
        // Every datagram is at risk once: where it is sent.
        return LossyEndpoint(
            endpoint, loss: dropRate,
            using: SeededGenerator(seed: topology.swarm.seed, label: "drop", index: UInt64(place)))
    }

    /// The revocations in the file at `path`, one a line; none without a path.
    package static func revocations(in path: String?) throws -> [Revocation] {
        guard let path else { return [] }
        let text = String(decoding: try ReadableFile.contents(of: path, limit: 1 << 20), as: UTF8.self)
        return try text.split(whereSeparator: \.isWhitespace).map { line in
            guard let bytes = [UInt8](hexadecimal: String(line)), let revocation = Revocation(encoded: bytes) else {
                throw CommandFailure("\(path): not a revocation; make one with: murmur identity revoke")
            }
            return revocation
        }
    }

    /// Where the peer at `place` listens. A name is looked up; of a host with addresses of both families the one is taken
    /// that its neighbours have, as far as they are known by number.
    package func address(toBind place: Int, at listening: NetworkAddress?) async throws -> NetworkAddress {
        if let listening { return listening }
        guard let own = topology.peers[place].place else {
            throw CommandFailure("the topology gives no address for \(topology.peers[place].name)")
        }
        let neighbours = try topology.swarmGraph().neighbours[place]
        let family = neighbours.compactMap { topology.peers[$0].address?.isIPv6 }.first
        return try await resolve(host: own.host, port: own.port, isIPv6: family)
    }
}

extension SwarmTopology {
    /// Makes the paths that a topology file gives relative to itself hold from anywhere.
    fileprivate mutating func makePathsAbsolute(relativeTo folder: URL) {
        func resolved(_ path: String) -> String {
            guard !path.hasPrefix("builtin:"), !path.hasPrefix("/") else { return path }
            return folder.appendingPathComponent(path).standardizedFileURL.path
        }
        func resolved(_ source: DataSource) -> DataSource {
            source.mapping { resolved($0) + ($0.hasSuffix("/") && !$0.hasPrefix("/") ? "/" : "") }
        }
        model.base = resolved(model.base)
        data.source = data.source.map(resolved)
        swarm.secret = swarm.secret.map(resolved)
        if !(PromptTemplate.names + [PromptTemplate.nameOfModels]).contains(tuning.template) {
            tuning.template = resolved(tuning.template)
        }
        func resolved(_ trainer: Trainer) -> Trainer {
            guard case .command(var command) = trainer else { return trainer }
            // A word is a path where it names a file beside the topology file; what else it may be is not known here.
            command.command = command.command.map { word in
                let path = resolved(word)
                return word.contains(where: { !$0.isWhitespace }) && FileManager.default.fileExists(atPath: path)
                    ? path : word
            }
            return .command(command)
        }
        completion.trainer = resolved(completion.trainer)
        for index in peers.indices {
            peers[index].data = peers[index].data.map(resolved)
            peers[index].trainer = peers[index].trainer.map(resolved)
        }
    }
}
