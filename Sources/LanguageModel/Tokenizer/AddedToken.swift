/// A token that is cut out of the text before anything else, whole.
struct AddedToken: Sendable, Equatable {
    /// Its number.
    let identifier: Int32
    /// Its UTF-8 bytes in the text.
    let content: [UInt8]
    /// Whether white space before it belongs to it.
    let stripsLeft: Bool
    /// Whether white space behind it belongs to it.
    let stripsRight: Bool
    /// Whether it is looked for in normalised text.
    let isNormalized: Bool
    /// Whether it marks structure, such as the end of the text, and is left out of decoded text.
    let isSpecial: Bool
}
