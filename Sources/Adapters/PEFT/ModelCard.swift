package import Storage

/// The `README.md` of an adapter's folder: a model card with the front matter that PEFT writes, so that the hub knows what
/// the folder is, and what is known of how the adapter came about. No record is shown, and no path.
package struct ModelCard: Sendable, Equatable {
    /// What was measured, and on how much.
    package struct Metric: Sendable, Equatable {
        package var name: String
        package var value: String
        /// What it was measured on, with a number: "1,204 tokens of 80 held-out records".
        package var support: String

        package init(name: String, value: String, support: String) {
            self.name = name
            self.value = value
            self.support = support
        }
    }

    package static let fileName = "README.md"
    /// By this line a card is known that may be written anew; anybody else's is left alone.
    static let mark =
        "<!-- Written by murmur with the adapter, and anew with the next one: keep your own words elsewhere. -->"

    /// Facts with their names, as `("Rounds", "20")`, in the order in which they are shown.
    package var facts: [(name: String, value: String)]
    package var metrics: [Metric]

    package init(facts: [(name: String, value: String)], metrics: [Metric] = []) {
        self.facts = facts
        self.metrics = metrics
    }

    package static func == (left: ModelCard, right: ModelCard) -> Bool {
        left.metrics == right.metrics && left.facts.elementsEqual(right.facts, by: ==)
    }

    /// Writes the card of `adapter` into its folder; a card that somebody else wrote stays.
    package func write(of adapter: PEFTAdapter, to folder: String) throws(FileError) {
        let path = "\(folder)/\(Self.fileName)"
        do {
            let old = try ReadableFile.contents(of: path, limit: 1 << 20)
            guard String(decoding: old, as: UTF8.self).contains(Self.mark) else { return }
        } catch {
            guard error == .notFound(path: path) else { return }
        }
        try AtomicFile.write(Array(text(of: adapter).utf8), to: path)
    }

    /// Adds metrics to the card that `murmur` left in an adapter's folder; one of the same name is replaced. A card that
    /// somebody else wrote stays as it is.
    package static func add(_ metrics: [Metric], toCardIn folder: String) throws(FileError) {
        let path = "\(folder)/\(fileName)"
        let text = String(decoding: try ReadableFile.contents(of: path, limit: 1 << 20), as: UTF8.self)
        guard text.contains(mark) else { return }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let names = metrics.map { "| \(cell($0.name)) |" }
        if let head = lines.firstIndex(of: metricsHead) {
            lines.removeAll { line in names.contains { line.hasPrefix($0) } }
            let end = lines[(head + 2)...].firstIndex { !$0.hasPrefix("|") } ?? lines.count
            lines.insert(contentsOf: metrics.map(row), at: end)
        } else if let end = lines.firstIndex(of: recordsLine), end > 0 {
            lines.insert(contentsOf: ["", metricsHead, "|---|---|---|"] + metrics.map(row), at: end - 1)
        }
        try AtomicFile.write(Array(lines.joined(separator: "\n").utf8), to: path)
    }

    private static let metricsHead = "| metric | value | on |"
    private static let recordsLine =
        "The records that it was trained on are not part of this folder, and nothing of them is in this card."

    private static func row(_ metric: Metric) -> String {
        "| \(cell(metric.name)) | \(cell(metric.value)) | \(cell(metric.support)) |"
    }

    /// The card of `adapter`.
    package func text(of adapter: PEFTAdapter) -> String {
        // What is built in is not on the hub.
        let base = adapter.baseModel.flatMap { $0.hasPrefix("builtin:") ? nil : $0 }
        var lines = ["---"]
        if let base { lines.append("base_model: \(Self.quoted(base))") }
        lines += ["library_name: peft", "pipeline_tag: text-generation", "tags:"]
        if let base { lines.append("- \(Self.quoted("base_model:adapter:" + base))") }
        lines += ["- federated-learning", "- lora", "- murmuration", "- transformers", "---", "", Self.mark, ""]
        let name = adapter.baseModel ?? "its base model"
        lines += ["# A LoRA adapter of \(Self.plain(name))", ""]
        lines += ["| | |", "|---|---|"]
        let configuration = adapter.configuration
        var rows = facts
        if let revision = adapter.revision { rows.insert(("Revision of the base model", revision), at: 0) }
        rows.append(("Rank, alpha", "\(configuration.rank), \(configuration.alpha.formattedPlainly)"))
        rows.append(("Values", "\(adapter.values.count)"))
        lines += rows.map { "| \(Self.cell($0.name)) | \(Self.cell($0.value)) |" }
        if !metrics.isEmpty {
            lines += ["", Self.metricsHead, "|---|---|---|"] + metrics.map(Self.row)
        }
        lines += [
            "", Self.recordsLine, "",
            "```python", "from peft import PeftModel", "from transformers import AutoModelForCausalLM", "",
            "base = AutoModelForCausalLM.from_pretrained(\(Self.quoted(base ?? "BASE"))"
                + (adapter.revision.map { ", revision=\(Self.quoted($0))" } ?? "") + ")",
            "model = PeftModel.from_pretrained(base, \"THIS FOLDER\")", "```", "",
        ]
        return lines.joined(separator: "\n")
    }

    /// A double-quoted text of YAML and Python.
    private static func quoted(_ text: String) -> String {
        "\"" + plain(text).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private static func cell(_ text: String) -> String { plain(text).replacing("|", with: "\\|") }

    /// Text without characters that would end a line, a cell or the front matter.
    private static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }))
    }
}

extension Double {
    fileprivate var formattedPlainly: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }
}
