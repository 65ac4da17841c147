/// What may be wrong with a request for the built-in data.
package enum BuiltInError: Error, Hashable, CustomStringConvertible {
    /// `chores.json` of the package's resources does not read as it should.
    case unreadableWords(String)
    /// More records are asked for than there are different ones with the categories in balance.
    case tooManyRecords(asked: Int, limit: Int)

    package var description: String {
        switch self {
        case .unreadableWords(let reason):
            "the built-in chores.json cannot be read (\(reason)): build the package again"
        case .tooManyRecords(let asked, let limit):
            "builtin:chores makes at most \(limit) different records, \(asked) are asked for: ask for fewer, or read a file"
        }
    }
}
