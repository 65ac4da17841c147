/// What the encoding of records needs of a tokenizer.
package protocol TextEncoder: Sendable {
    /// The tokens of a text, with whatever the tokenizer's post-processor adds when `addSpecialTokens` is set.
    func encode(_ text: String, addSpecialTokens: Bool) -> [Int32]
    /// The text of tokens, special ones left out.
    func decode(_ tokens: [Int32]) -> String
    /// The token that ends a text, if there is one.
    var endOfSequence: Int32? { get }
}
