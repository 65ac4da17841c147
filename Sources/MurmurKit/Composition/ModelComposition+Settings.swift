import Cryptography
package import Federation
import Foundation
package import InstructionTuning
import LanguageModel
import Storage
import SwarmFile

extension ModelComposition {
    /// What model, tokenizer and template really are, beyond what the topology file says of them: paths may differ, what
    /// they lead to may not.
    package func settings() throws -> [SettingsFingerprint.Entry] {
        var entries: [SettingsFingerprint.Entry] = []
        let files = ["tokenizer.json", "vocab.json", "merges.txt"].map { modelDirectory + "/" + $0 }
            .filter { FileManager.default.fileExists(atPath: $0) }
        if !files.isEmpty {
            var digest = Digest(personalisation: "murmur-tokens")
            for file in files { digest.update(try Self.digest(ofFile: file)) }
            entries.append(.init("model.tokenizer", digest: digest.finish()))
        }
        let name = topology.tuning.template
        guard !PromptTemplate.names.contains(name) else { return entries }
        let template = try PromptTemplate.named(name, model: workbench.model.path)
        let parts = [
            template.filled(instruction: "{instruction}", context: "{context}"),
            template.filled(instruction: "{instruction}"), template.responseStart, template.responseEnd,
            "\(template.addsSpecialTokens) \(template.trims)",
        ]
        entries.append(.init("tuning.template", digest: Self.digest(of: parts)))
        return entries
    }

    /// The digest of records, in their order.
    package static func digest(of records: some Sequence<InstructionRecord>) -> [UInt8] {
        var digest = Digest(personalisation: "murmur-records")
        for record in records {
            for part in [record.instruction, record.context, record.response, record.category] {
                digest.update(Array("\(part.utf8.count) ".utf8) + Array(part.utf8))
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
