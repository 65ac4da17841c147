import Adapters
import Federation
import Foundation
import InstructionTuning
import SwarmFile

/// The adapter that a peer's state holds, as a PEFT directory: what `murmur export` leaves of a run that was not ended.
package struct CheckpointExport {
    private let folder: String
    private let topology: SwarmTopology

    /// An export of the state in `folder`: a peer's folder, its `state`, or a checkpoint in it.
    ///
    /// - Parameters:
    ///   - topologyPath: the topology of the run; nil for the copy that the peer has left beside its checkpoints.
    ///   - sources: the model that replaces the topology's.
    package init(state path: String, topologyPath: String?, sources: SourceChoices) throws {
        var folder = path
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        if folder.hasSuffix(".bin") { folder = URL(fileURLWithPath: folder).deletingLastPathComponent().path }
        let files = FileManager.default
        if files.fileExists(atPath: folder + "/state/checkpoint.bin") { folder += "/state" }
        guard
            files.fileExists(atPath: folder + "/checkpoint.bin")
                || files.fileExists(atPath: folder + "/checkpoint.previous.bin")
        else { throw CommandFailure("\(path) holds no checkpoint; give a peer's folder, as run/alice, or its state") }
        self.folder = folder
        topology = try SwarmComposition.load(topologyPath ?? folder + "/topology.yaml", replacing: sources).topology
    }

    /// Writes the adapter to `out` in the form `form`.
    ///
    /// - Returns: what it is, in a sentence, and how it is used.
    package func write(to out: String, form: AdapterForm = .peft) throws -> String {
        let (found, problems) = CheckpointStore(folder: folder).load()
        for problem in problems { Terminal.note("murmur: passed over: \(problem)") }
        guard let checkpoint = found else { throw CommandFailure("no checkpoint in \(folder) can be read") }
        let outline = try ModelOutline(topology)
        let digest = try ModelComposition.baseModelDigest(directory: outline.modelDirectory)
        guard checkpoint.baseModelDigest == digest else {
            throw CommandFailure("the checkpoint in \(folder) is for another base model than \(topology.model.base)")
        }
        var settings = SettingsFingerprint(topology, baseModelDigest: checkpoint.baseModelDigest)
        for entry in try ModelComposition.settings(topology, directory: outline.modelDirectory) { settings.set(entry) }
        let differences = checkpoint.settings.map { settings.differences(from: $0) } ?? []
        guard !differences.contains(where: { $0.key.hasPrefix("model.") }),
            checkpoint.delta.schema == outline.origin.schema
        else {
            throw CommandFailure("the checkpoint in \(folder) is of another adapter (\(differences.text()))")
        }
        let provenance = AdapterProvenance(
            topology, baseModelDigest: checkpoint.baseModelDigest, records: nil, peer: peerName)
        let use = try form.write(
            outline.adapter(of: checkpoint.delta), base: outline.modelDirectory, to: out,
            card: provenance.card([("State", place(checkpoint))]))
        return "The adapter \(place(checkpoint)) is in \(out)\n\(use)"
    }

    /// The peer whose folder holds the state.
    private var peerName: String {
        let parts = URL(fileURLWithPath: folder).standardizedFileURL.pathComponents
        return topology.peers.map(\.name).first { parts.contains($0) } ?? "one peer"
    }

    /// Where in its run a checkpoint was made.
    private func place(_ checkpoint: PeerCheckpoint) -> String {
        let rounds = topology.tuning.rounds
        if checkpoint.isFinished { return "of the finished run" }
        return checkpoint.round < rounds
            ? "as it was before round \(checkpoint.round + 1) of \(rounds)" : "as it was while the swarm settled"
    }
}
