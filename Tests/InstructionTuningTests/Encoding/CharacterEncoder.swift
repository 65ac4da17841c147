import InstructionTuning

/// A tokenizer for tests: a token a character of the text, by its scalar; 1 begins and 2 ends a text.
struct CharacterEncoder: TextEncoder {
    var addsBegin = false
    var addsEnd = false
    var endOfSequence: Int32? = 2

    func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        let tokens = text.unicodeScalars.map { Int32($0.value) }
        guard addSpecialTokens else { return tokens }
        return (addsBegin ? [1] : []) + tokens + (addsEnd ? [2] : [])
    }

    func decode(_ tokens: [Int32]) -> String {
        var text = ""
        for token in tokens where token > 2 {
            if let scalar = UnicodeScalar(UInt32(bitPattern: token)) { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}
