package import Storage

/// One private instruction with its answer.
package struct InstructionRecord: Sendable, Hashable {
    /// What is asked.
    package var instruction: String
    /// Further context that the instruction speaks about; empty where there is none. Dolly calls it `context`, Alpaca
    /// `input`.
    package var context: String
    /// The answer to learn. Alpaca calls it `output`.
    package var response: String
    /// The kind of task; empty where the data do not say.
    package var category: String
    /// What was said before, in a conversation: a system turn, then turns of the user and the assistant by turns. Empty
    /// where the instruction stands alone.
    package var history: [ChatTurn]

    package init(
        instruction: String, context: String = "", response: String, category: String = "", history: [ChatTurn] = []
    ) {
        self.instruction = instruction
        self.context = context
        self.response = response
        self.category = category
        self.history = history
    }

    /// All turns, from the first to the answer. Instruction and context are one turn, with a blank line between.
    package var turns: [ChatTurn] {
        let question = context.isEmpty ? instruction : "\(instruction)\n\n\(context)"
        return history + [ChatTurn(.user, question), ChatTurn(.assistant, response)]
    }

    /// The record as a line of a file, which reads back as it is: Dolly's fields, or `messages` where there is a history.
    package var json: JSONValue {
        guard !history.isEmpty else {
            return .object(
                JSONObject([
                    ("instruction", .text(instruction)), ("context", .text(context)), ("response", .text(response)),
                    ("category", .text(category)),
                ]))
        }
        let messages = turns.map { turn -> JSONValue in
            var members: [(String, JSONValue)] = [
                ("role", .text(turn.role.rawValue)), ("content", .text(turn.content)),
            ]
            if !turn.isLearned { members.append(("weight", .integer(0))) }
            return .object(JSONObject(members))
        }
        return .object(JSONObject([("messages", .array(messages)), ("category", .text(category))]))
    }
}

/// What one side says in a conversation.
package struct ChatTurn: Sendable, Hashable {
    /// Who speaks; the names are those of chat templates.
    package enum Role: String, Sendable, Hashable {
        case system, user, assistant
    }

    package var role: Role
    package var content: String
    /// Whether an answer carries loss; only an assistant's turn can be left out of it (OpenAI's `weight: 0`).
    package var isLearned: Bool

    package init(role: Role, content: String, isLearned: Bool = true) {
        self.role = role
        self.content = content
        self.isLearned = isLearned
    }

    package init(_ role: Role, _ content: String, isLearned: Bool = true) {
        self.init(role: role, content: content, isLearned: isLearned)
    }
}
