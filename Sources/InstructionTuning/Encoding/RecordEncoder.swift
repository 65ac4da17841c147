import Foundation
package import LanguageModel

/// Makes token sequences of records, as Shepherd does: the filled template and the response are tokenised as one text, cut
/// at the cutoff, and an end token follows where there is room below the cutoff and none is there already. A template with
/// an end of its own, as chat forms have, ends the answer with that instead.
///
/// The tokens of the filled template tokenised alone carry no loss, unless `trainOnInputs`; where the two tokenisations
/// disagree about the last prompt token, the length decides, as in Shepherd. An end token that the post-processor puts
/// after the template alone does not count (Shepherd masks the first token of the response with it). The first token is
/// never predicted and carries no loss.
///
/// Conversations of several turns are written by the chat template: `RecordEncoder+Conversation.swift`.
package struct RecordEncoder: Sendable {
    /// The prompt.
    package let template: PromptTemplate
    /// The most tokens of a sequence.
    package let cutoff: Int
    /// Whether the prompt's tokens carry loss too.
    package let trainOnInputs: Bool
    let encoder: any TextEncoder

    /// The same encoder with loss on responses only, for measuring.
    package var forResponses: RecordEncoder {
        RecordEncoder(template: template, encoder: encoder, cutoff: cutoff, trainOnInputs: false)
    }

    package init(
        template: PromptTemplate, encoder: any TextEncoder, cutoff: Int = 512, trainOnInputs: Bool = false
    ) {
        precondition(cutoff > 1, "a sequence has two tokens at least: one to see, one to predict")
        self.template = template
        self.encoder = encoder
        self.cutoff = cutoff
        self.trainOnInputs = trainOnInputs
    }

    /// One record's tokens and what was done to them.
    package struct Encoded: Sendable {
        /// The tokens and which of them carry loss.
        package var sequence: TokenSequence
        /// Whether tokens were cut off.
        package var isTruncated: Bool
        /// The number of response tokens, the end token among them.
        package var responseTokens: Int
    }

    /// The tokens of a record. Throws for a record with a history that the template cannot write.
    package func encode(_ record: InstructionRecord) throws(RecordFault) -> Encoded {
        if template.isConversation(record) { return try encode(conversation: record) }
        let prompt = template.filled(record)
        var tokens = encoder.encode(
            prompt + template.responseStart + record.response + template.responseEnd,
            addSpecialTokens: template.addsSpecialTokens)
        let isTruncated = tokens.count > cutoff
        if isTruncated { tokens.removeLast(tokens.count - cutoff) }
        if template.responseEnd.isEmpty, let end = encoder.endOfSequence, tokens.last != end, tokens.count < cutoff {
            tokens.append(end)
        }
        // The prompt is tokenised alone: in one text its last token may have merged with the answer's first letters.
        let promptLength = min(tokens.count, promptTokens(prompt).count)
        var mask = [Bool](repeating: trainOnInputs, count: tokens.count)
        for position in promptLength..<tokens.count { mask[position] = true }
        // Nothing comes before the first token that could predict it.
        if !mask.isEmpty { mask[0] = false }
        return Encoded(
            sequence: TokenSequence(tokens: tokens, lossMask: mask), isTruncated: isTruncated,
            responseTokens: tokens.count - max(promptLength, 1))
    }

    /// The prompt's tokens to generate an answer from; its end is cut where it does not fit below the cutoff.
    package func promptTokens(of record: InstructionRecord) -> [Int32] {
        Array(promptTokens(template.filled(record)).prefix(cutoff))
    }

    /// The tokens that end an answer: the tokenizer's end token, and what ends an answer in the template where that is
    /// one token.
    package var stopTokens: Set<Int32> {
        var tokens: Set<Int32> = []
        if let end = encoder.endOfSequence { tokens.insert(end) }
        let end = encoder.encode(endMark, addSpecialTokens: false)
        if end.count == 1, let token = end.first { tokens.insert(token) }
        return tokens
    }

    /// The template's own end of an answer without the white space around it; empty where that is the tokenizer's token.
    package var endMark: String {
        template.responseEnd.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// How many tokens the template's own end of an answer is; nil where the template has none. Generation stops at one.
    package var endMarkTokens: Int? {
        endMark.isEmpty ? nil : encoder.encode(endMark, addSpecialTokens: false).count
    }

    /// The tokens of a prompt that is filled already, for the answer to follow.
    package func promptTokens(_ prompt: String) -> [Int32] {
        var tokens = encoder.encode(prompt, addSpecialTokens: template.addsSpecialTokens)
        if let end = encoder.endOfSequence, tokens.last == end { tokens.removeLast() }
        return tokens
    }
}

/// Why a record has no tokens.
package struct RecordFault: Error, Equatable {
    package let reason: String
}

/// What the encoding of records needs of a tokenizer.
package protocol TextEncoder: Sendable {
    /// The tokens of a text, with whatever the tokenizer's post-processor adds when `addSpecialTokens` is set.
    func encode(_ text: String, addSpecialTokens: Bool) -> [Int32]
    /// The text of tokens, special ones left out.
    func decode(_ tokens: [Int32]) -> String
    /// The token that ends a text, if there is one.
    var endOfSequence: Int32? { get }
}

extension Tokenizer: TextEncoder {
    package func decode(_ tokens: [Int32]) -> String { decode(tokens, skipsSpecialTokens: true) }
}
