import Adapters
import Basics
import Cryptography
import Federation
import Foundation
import InstructionTuning
import LinearAlgebra
import Observability
import Recording
import Storage
import SwarmFile
import Transport
import Wire

/// One run of `murmur peer`: builds the peer, follows its events and ends it when it is asked to.
struct PeerRun: Sendable {
    /// How events are told on standard output.
    enum Output: Sendable {
        case json, sentences
    }

    let topology: SwarmTopology
    let name: String
    /// Where it listens; nil for where the topology says.
    let listening: NetworkAddress?
    let identityPath: String
    let folder: URL
    let dropRate: Double
    let badRecords: BadRecordPolicy
    let compute: ComputeOptions
    let revocationPath: String?
    let output: Output
    let isSupervised: Bool
    let recorder: RecordingFolder?

    /// Runs until the swarm is done or the peer is asked to leave.
    func run() async throws {
        guard let index = topology.index(ofPeerNamed: name) else {
            let names = topology.peers.map(\.name).joined(separator: ", ")
            throw CommandFailure("the topology has no peer \(name); it has \(names)")
        }
        let keys = try checkedKeys(index)
        let composition = try Composition(topology, compute: compute)
        let partition = try Composition.partition(topology, own: name, onBadRecord: badRecords)
        guard let part = partition.part(of: name) else { throw CommandFailure("\(name) has no records") }
        let tuner = try composition.workbench.tuner(
            peer: name, records: part.records, lane: ComputeLane(), threads: compute.threadCount)
        var configuration = try PeerConfiguration(
            topology: topology, index: index, schema: tuner.schema,
            baseModelDigest: try composition.baseModelDigest(), sampleCount: tuner.sampleCount)
        for place in configuration.neighbours.indices {
            configuration.neighbours[place].remote.address = try await Self.numeric(
                configuration.neighbours[place].remote.address)
        }
        do {
            try AtomicFile.createFolder(folder.path)
        } catch {
            throw CommandFailure("cannot make the folder: \(error)")
        }
        let endpoint = try await bind(index)
        // What the file says they know. A bound address that nobody has named may be one behind a router, or behind the relay
        // of `murmur chaos`, which would be passed by.
        let local = LocalPeer(keys, addresses: listening == nil ? [] : [endpoint.localAddress])
        let adapterPath = folder.appendingPathComponent("adapter").path
        let recorder = try EventRecorder(
            names: topology.names, name: name, folder: folder, tensorCount: tuner.schema.tensors.count)
        var wire = WireConfiguration.attentive
        wire.suites = CipherSuite.ofThisMachine
        let peer = try Peer(
            configuration: configuration, local: local,
            swarm: try Composition.swarmSecret(topology.swarm),
            wire: wire, endpoint: endpoint, trainer: try trainer(tuner, configuration),
            store: CheckpointStore(folder: folder.appendingPathComponent("state").path),
            revocations: try revocations(),
            deliver: { delta in
                do {
                    try PEFTDirectory.write(composition.adapter(of: delta), to: adapterPath)
                } catch {
                    Terminal.note("murmur: the adapter could not be written: \(error)")
                }
            })
        let result = try await follow(peer, recorder)
        try self.recorder?.close()
        if result.reason == .finished, !FileManager.default.fileExists(atPath: adapterPath) {
            throw CommandFailure("\(name) finished, but its adapter could not be written to \(adapterPath)")
        }
        if output == .sentences {
            Terminal.print(
                result.reason == .finished
                    ? "Done. The adapter is in \(adapterPath)"
                    : "Stopped before the end; the same command goes on from the checkpoint.")
        }
    }

    /// The trainer, with a recording of what it returns where one is wanted.
    private func trainer(
        _ tuner: InstructionTuner, _ configuration: PeerConfiguration
    ) throws -> any AdapterTrainer {
        guard let recorder else { return tuner }
        let head = TrainingRecording(
            peer: name, sampleCount: tuner.sampleCount, baseModelDigest: configuration.baseModelDigest,
            schema: tuner.schema)
        try recorder.begin([head], isContinued: true)
        return RecordingTrainer(tuner, now: { SystemClock().now() }) { [name] in recorder.append($0, of: name) }
    }

    /// Runs the peer; events go to the log and to standard output, requests to stop to the peer.
    private func follow(_ peer: Peer, _ recorder: EventRecorder) async throws -> Peer.Result {
        let listener = Task {
            for await event in peer.events {
                let logged = recorder.record(event)
                switch output {
                case .json:
                    if let line = try? logged.encoded() {
                        Terminal.write(String(decoding: line, as: UTF8.self) + "\n")
                    }
                case .sentences:
                    if let sentence = EventSentence.of(logged, rounds: topology.tuning.rounds) {
                        Terminal.print(sentence)
                    }
                }
            }
        }
        let stopper = Task {
            for await _ in Signals.stopRequests(watchingInput: isSupervised) { await peer.leave() }
        }
        defer { stopper.cancel() }
        let result = try await peer.run()
        await listener.value
        recorder.close()
        return result
    }

    /// This peer's keys, which must be those that the topology lists.
    private func checkedKeys(_ index: Int) throws -> IdentityKeys {
        let keys = try IdentityFile.read(identityPath)
        let entry = topology.peers[index]
        guard let id = entry.id, let key = entry.exchangeKey else { throw PeerSetupError.unresolved(name: name) }
        guard id.bytes == keys.signing.publicKey, key == keys.exchange.publicKey else {
            throw CommandFailure(
                "\(identityPath) is not the identity of \(name): the topology lists \(id.short)…, the file holds "
                    + "\(keys.signing.publicKey.hexadecimal.prefix(8))…")
        }
        return keys
    }

    /// The revocations of the file that the command line names.
    private func revocations() throws -> [Revocation] {
        guard let revocationPath else { return [] }
        let text = String(decoding: try ReadableFile.contents(of: revocationPath, limit: 1 << 20), as: UTF8.self)
        return try text.split(whereSeparator: \.isWhitespace).map { line in
            guard let bytes = [UInt8](hexadecimal: String(line)), let revocation = Revocation(encoded: bytes) else {
                throw CommandFailure("\(revocationPath): not a revocation; make one with: murmur identity revoke")
            }
            return revocation
        }
    }

    private func bind(_ index: Int) async throws -> any DatagramEndpoint {
        guard let address = try await Self.numeric(listening ?? topology.peers[index].address) else {
            throw CommandFailure("the topology gives no address for \(name)")
        }
        let endpoint = try await UDPEndpoint.bind(to: address)
        guard dropRate > 0 else { return endpoint }
        // Every datagram is at risk once: where it is sent.
        return LossyEndpoint(
            endpoint, loss: dropRate,
            using: SeededGenerator(seed: topology.swarm.seed, label: "drop", index: UInt64(index)))
    }

    /// An address that sockets take; names of hosts are looked up.
    private static func numeric(_ address: NetworkAddress?) async throws -> NetworkAddress? {
        guard let address else { return nil }
        return try await resolve(host: address.host, port: address.port)
    }
}
