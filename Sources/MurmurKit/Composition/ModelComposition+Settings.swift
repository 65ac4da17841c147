import Cryptography
package import Federation
import Foundation
package import InstructionTuning
import LanguageModel
import Storage
package import SwarmFile

extension ModelComposition {
    /// What model, tokenizer and template really are, beyond what the topology file says of them: paths may differ, what
    /// they lead to may not.
    static func settings(_ topology: SwarmTopology, directory: String) throws -> [SettingsFingerprint.Entry] {
        var entries: [SettingsFingerprint.Entry] = []
        let files = ["tokenizer.json", "vocab.json", "merges.txt"].map { directory + "/" + $0 }
            .filter { FileManager.default.fileExists(atPath: $0) }
        if !files.isEmpty {
            var digest = Digest(personalisation: "murmur-tokens")
            for file in files { digest.update(try Self.digest(ofFile: file)) }
            entries.append(.init("model.tokenizer", digest: digest.finish()))
        }
        let name = topology.tuning.template
        if !PromptTemplate.names.contains(name) {
            entries.append(entry(of: try PromptTemplate.named(name, model: directory)))
        }
        return entries
    }

    /// The records that are dealt out, as an entry: where one source is, everybody has to deal the same.
    static func entry(of partition: DataPartition, in topology: SwarmTopology) -> SettingsFingerprint.Entry? {
        guard topology.data.source != nil, partition.peers.count == topology.peers.count else { return nil }
        let all = partition.pooled + partition.heldOut + partition.peers.flatMap(\.validation)
        return .init("data.records", digest: digest(of: all))
    }

    /// What the numbers of the peer called `name` depend on beyond what the topology file says.
    static func trainerSettings(
        of name: String, _ topology: SwarmTopology, _ partition: DataPartition, directory: String
    ) throws -> TrainerSettings {
        guard let part = partition.part(of: name) else { throw CommandFailure("\(name) has no records") }
        var settings = TrainerSettings()
        settings.shared = try self.settings(topology, directory: directory)
        if let entry = entry(of: partition, in: topology) { settings.shared.append(entry) }
        settings.own = [.init("data.own", digest: digest(of: part.records + part.validation))]
        return settings
    }

    /// All that must be the same at all peers of `topology`, as it is here for the peer called `name`; the model is not
    /// loaded for it.
    package static func sharedSettings(
        _ topology: SwarmTopology, of name: String, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws -> SettingsFingerprint {
        let directory = modelDirectory(topology.model.base)
        var all = SettingsFingerprint(topology, baseModelDigest: try baseModelDigest(directory: directory))
        for entry in try settings(topology, directory: directory) { all.set(entry) }
        let partition = try partition(topology, own: name, onBadRecord: policy)
        if let entry = entry(of: partition, in: topology) { all.set(entry) }
        return all
    }

    /// What a template that is no built-in one makes of a record.
    static func entry(of template: PromptTemplate) -> SettingsFingerprint.Entry {
        let parts =
            [
                template.filled(instruction: "{instruction}", context: "{context}"),
                template.filled(instruction: "{instruction}"), template.responseStart, template.responseEnd,
                "\(template.addsSpecialTokens) \(template.trims)",
            ] + (template.conversation.map { [$0.source] } ?? [])
        return .init("tuning.template", digest: digest(of: parts))
    }

    /// The digest of records, in their order.
    package static func digest(of records: some Sequence<InstructionRecord>) -> [UInt8] {
        var digest = Digest(personalisation: "murmur-records")
        for record in records {
            for part in [record.instruction, record.context, record.response, record.category] {
                digest.update(Array("\(part.utf8.count) ".utf8) + Array(part.utf8))
            }
            // Nothing for a record that stands alone, so that its digest is what it always was.
            for turn in record.history {
                let text = "\(turn.role.rawValue) \(turn.isLearned) \(turn.content)"
                digest.update(Array("\(text.utf8.count) ".utf8) + Array(text.utf8))
            }
        }
        return digest.finish()
    }

    private static func digest(of texts: [String]) -> [UInt8] {
        var digest = Digest(personalisation: "murmur-template")
        for text in texts { digest.update(Array("\(text.utf8.count) ".utf8) + Array(text.utf8)) }
        return digest.finish()
    }
}
