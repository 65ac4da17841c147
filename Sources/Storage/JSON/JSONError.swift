/// Why bytes are not the JSON document that was expected; `offset` counts bytes from the start.
package enum JSONError: Error, Equatable, CustomStringConvertible {
    /// The bytes are not valid UTF-8.
    case notUnicode
    /// Something else stands where `expected` should.
    case unexpected(expected: String, offset: Int)
    /// The document ends inside a value.
    case endsEarly
    /// Arrays and objects are nested deeper than the limit.
    case tooDeep(limit: Int, offset: Int)
    /// An object has two members of one name.
    case duplicateKey(String, offset: Int)
    /// A number that 64-bit floating point cannot hold.
    case numberOutOfRange(offset: Int)
    /// An escape that stands for no character, for example half of a surrogate pair.
    case invalidEscape(offset: Int)

    package var description: String {
        switch self {
        case .notUnicode: "the JSON text is not valid UTF-8"
        case .unexpected(let expected, let offset): "invalid JSON: expected \(expected) at byte \(offset)"
        case .endsEarly: "invalid JSON: the text ends inside a value; the file may be cut short"
        case .tooDeep(let limit, let offset): "the JSON text is nested deeper than \(limit) levels at byte \(offset)"
        case .duplicateKey(let key, let offset): "the JSON object has the key \"\(key)\" twice, at byte \(offset)"
        case .numberOutOfRange(let offset): "the JSON number at byte \(offset) is out of range"
        case .invalidEscape(let offset): "invalid JSON: the escape at byte \(offset) stands for no character"
        }
    }
}
