package import LanguageModel

extension Tokenizer: TextEncoder {
    package func decode(_ tokens: [Int32]) -> String { decode(tokens, skipsSpecialTokens: true) }
}
