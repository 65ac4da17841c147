package import LanguageModel

/// Records as token sequences, ready for training or measuring.
package struct EncodedRecords: Sendable {
    /// What encoding did to the records.
    package struct Report: Sendable, Hashable {
        /// The number of records given.
        package var records = 0
        /// How many were left out, because prompt and cutoff leave no response token.
        package var withoutResponse = 0
        /// How many of the records kept were cut at the cutoff.
        package var truncated = 0
        /// The tokens of the records kept.
        package var tokens = 0
        /// Those of them that are response tokens.
        package var responseTokens = 0
        /// The longest sequence.
        package var longest = 0

        /// The report in a line.
        package var description: String {
            var parts = ["\(records) records, \(tokens) tokens (\(responseTokens) of responses), longest \(longest)"]
            if truncated > 0 { parts.append("\(truncated) cut at the cutoff") }
            if withoutResponse > 0 {
                parts.append("\(withoutResponse) left out: the prompt alone fills the cutoff")
            }
            return parts.joined(separator: "; ")
        }
    }

    /// The records kept.
    package private(set) var records: [InstructionRecord] = []
    /// Their sequences, in the same order.
    package private(set) var sequences: [TokenSequence] = []
    /// What was done.
    package private(set) var report = Report()
    /// The first record that has no tokens, by its number from one, and why; nil where all have.
    package private(set) var fault: (record: Int, reason: String)?

    /// Encodes `records` and leaves out those without a response token. A record that the template cannot write is a
    /// `fault`, which `check` throws.
    package init(_ records: [InstructionRecord], with encoder: RecordEncoder) {
        for record in records {
            report.records += 1
            let encoded: RecordEncoder.Encoded
            do {
                encoded = try encoder.encode(record)
            } catch {
                if fault == nil { fault = (report.records, error.reason) }
                continue
            }
            guard encoded.responseTokens > 0 else {
                report.withoutResponse += 1
                continue
            }
            self.records.append(record)
            sequences.append(encoded.sequence)
            report.truncated += encoded.isTruncated ? 1 : 0
            report.tokens += encoded.sequence.tokens.count
            report.responseTokens += encoded.responseTokens
            report.longest = max(report.longest, encoded.sequence.tokens.count)
        }
    }
}

extension EncodedRecords {
    /// Throws `RecordsError` where there is nothing to train on or measure with, or a token that a model of this
    /// vocabulary does not know; `peer` and `cutoff` are for its words.
    package func check(peer: String, cutoff: Int, vocabularySize: Int) throws(RecordsError) {
        if let fault { throw .cannotBeWritten(peer: peer, record: fault.record, reason: fault.reason) }
        guard !sequences.isEmpty else { throw .noRecords(peer: peer, given: report.records, cutoff: cutoff) }
        for sequence in sequences {
            if let token = sequence.tokens.first(where: { $0 < 0 || $0 >= vocabularySize }) {
                throw .foreignTokenizer(token: token, vocabularySize: vocabularySize)
            }
        }
    }
}

/// Why records cannot be trained on or measured with.
package enum RecordsError: Error, Equatable, CustomStringConvertible {
    /// No record of a peer can be used.
    case noRecords(peer: String, given: Int, cutoff: Int)
    /// The prompt template has no form for a record; `record` counts from one among the peer's.
    case cannotBeWritten(peer: String, record: Int, reason: String)
    /// The tokenizer makes tokens that the model does not know.
    case foreignTokenizer(token: Int32, vocabularySize: Int)

    package var description: String {
        switch self {
        case .noRecords(let peer, let given, let cutoff):
            "\(peer): none of the \(given) records has a response below the cutoff of \(cutoff) tokens; "
                + "raise the cutoff or give shorter records"
        case .cannotBeWritten(let peer, let record, let reason): "\(peer): record \(record): \(reason)"
        case .foreignTokenizer(let token, let size):
            "the tokenizer makes token \(token), the model knows \(size) tokens; they do not belong together"
        }
    }
}
