/// What one chore is about.
struct BuiltInContent: Sendable, Hashable {
    /// The text that the instruction speaks of.
    var context: String
    /// The one right answer.
    var answer: String
    /// What the instruction asks for by name, where its form has a place for it.
    var key = ""
}
