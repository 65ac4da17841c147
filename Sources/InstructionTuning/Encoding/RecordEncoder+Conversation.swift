import LanguageModel

extension RecordEncoder {
    /// The tokens of a conversation, as transformers' `apply_chat_template` makes them: the text of all turns is tokenised as
    /// one, and every answer's tokens carry loss, with what ends it. A token that an answer shares with what stands before
    /// it is the answer's, as `return_assistant_tokens_mask` has it.
    func encode(conversation record: InstructionRecord) throws(RecordFault) -> Encoded {
        guard let conversation = template.conversation else {
            throw RecordFault(
                reason:
                    "the prompt template \(template.name) has no place for earlier turns; take chat, or the chat form "
                    + "of the model's family: chatml, llama-2, llama-3, phi-3, gemma")
        }
        let turns = record.turns
        let rendered: ChatTemplate.Rendered
        do {
            rendered = try conversation.rendered(turns)
        } catch {
            throw RecordFault(reason: "the chat template cannot write the conversation: \(error.reason)")
        }
        var tokens = encoder.encode(rendered.text, addSpecialTokens: template.addsSpecialTokens)
        let isTruncated = tokens.count > cutoff
        var isResponse = [Bool](repeating: false, count: tokens.count)
        let text = Array(rendered.text.utf8)
        for (answer, turn) in zip(rendered.answers, turns.filter { $0.role == .assistant }) where turn.isLearned {
            let start = place(of: answer.lowerBound, in: text, tokens, isEnd: false)
            // What follows is cut off in any case.
            guard start < cutoff else { break }
            let end = place(of: answer.upperBound, in: text, tokens, isEnd: true)
            for position in start..<max(start, end) { isResponse[position] = true }
        }
        if isTruncated {
            tokens.removeLast(tokens.count - cutoff)
            isResponse.removeLast(isResponse.count - cutoff)
        }
        if template.responseEnd.isEmpty, let end = encoder.endOfSequence, tokens.last != end, tokens.count < cutoff {
            tokens.append(end)
            isResponse.append(true)
        }
        // Nothing comes before the first token that could predict it.
        if !isResponse.isEmpty { isResponse[0] = false }
        var mask = trainOnInputs ? [Bool](repeating: true, count: tokens.count) : isResponse
        if !mask.isEmpty { mask[0] = false }
        return Encoded(
            sequence: TokenSequence(tokens: tokens, lossMask: mask), isTruncated: isTruncated,
            responseTokens: isResponse.count { $0 })
    }

    /// The number of the token of `tokens` that holds the byte of `text` at `offset`; with `isEnd`, one more than that of
    /// the byte before.
    private func place(of offset: Int, in text: [UInt8], _ tokens: [Int32], isEnd: Bool) -> Int {
        let prefix = encoder.encode(
            String(decoding: text[..<offset], as: UTF8.self), addSpecialTokens: template.addsSpecialTokens)
        let shared = zip(prefix, tokens).prefix { $0 == $1 }.count
        // Nearly always: a border between two tokens.
        if shared == prefix.count { return shared }
        // A token reaches over the offset, or words were cut otherwise before it: counted in bytes from where both agree.
        let wanted = encoder.decode(Array(prefix[shared...])).utf8.count
        for count in 0..<(tokens.count - shared) {
            let length = encoder.decode(Array(tokens[shared..<(shared + count + 1)])).utf8.count
            if isEnd ? length >= wanted : length > wanted { return shared + count + (isEnd ? 1 : 0) }
        }
        return tokens.count
    }
}
