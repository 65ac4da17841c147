import Storage

/// Reads lists of turns: ShareGPT's `{"from": "human", "value": …}` and OpenAI's `{"role": "user", "content": …}`.
///
/// A conversation may begin with a system turn; then user and assistant speak by turns, and the assistant last. What is
/// otherwise is refused: no rule says what should be learned of it.
enum Conversation {
    typealias Fault = RecordShape.Fault

    /// More turns than any conversation has; bounds what a damaged record makes.
    static let turnLimit = 10_000

    private static let roles: [String: ChatTurn.Role] = [
        "system": .system, "human": .user, "user": .user, "gpt": .assistant, "assistant": .assistant,
    ]

    /// The turns of the list `value`, the field called `name`; fields of turns that are not used are added to `unused`.
    static func turns(
        of value: JSONValue, named name: String, counting unused: inout [String]
    ) throws(Fault) -> [ChatTurn] {
        guard let list = value.array else { throw Fault(reason: "\"\(name)\" is \(value.kind), not an array of turns") }
        guard !list.isEmpty else { throw Fault(reason: "\"\(name)\" is empty") }
        guard list.count <= turnLimit else { throw Fault(reason: "\"\(name)\" has \(list.count) turns") }
        var turns: [ChatTurn] = []
        for (place, element) in list.enumerated() {
            let here = "turn \(place + 1) of \"\(name)\""
            guard let object = element.object else {
                throw Fault(reason: "\(here) is \(element.kind), not an object")
            }
            turns.append(try turn(object, here: here))
            for key in object.keys {
                let key = String(decoding: key, as: UTF8.self)
                let path = "\(name).\(key)"
                if !["from", "value", "role", "content", "weight"].contains(key), !unused.contains(path) {
                    unused.append(path)
                }
            }
        }
        return turns
    }

    private static func turn(_ object: JSONObject, here: String) throws(Fault) -> ChatTurn {
        let isShareGPT = object["from"] != nil
        guard !(isShareGPT && object["role"] != nil) else {
            throw Fault(reason: "\(here) has both \"from\" and \"role\"")
        }
        let (roleName, textName) = isShareGPT ? ("from", "value") : ("role", "content")
        guard let word = object[roleName]?.text else {
            throw Fault(reason: "\(here) has no \"from\" and no \"role\" that is a string")
        }
        guard let role = roles[word] else {
            throw Fault(
                reason: "\(here) is of \"\(word.prefix(40))\"; system, human or user, and gpt or assistant are read: "
                    + "leave such conversations out")
        }
        for name in ["tool_calls", "function_call"] {
            if let value = object[name], !value.isNull, value.array?.isEmpty != true {
                throw Fault(
                    reason: "\(here) has \"\(name)\"; calls of tools are not read: leave such conversations out")
            }
        }
        guard let value = object[textName], let text = value.text else {
            let seen = object[textName].map { "is \($0.kind), not a string" } ?? "is missing"
            throw Fault(reason: "\"\(textName)\" of \(here) \(seen)")
        }
        // An empty answer may be meant; an empty question cannot be answered.
        guard role == .assistant || text.contains(where: { !$0.isWhitespace }) else {
            throw Fault(reason: "\(here) is empty")
        }
        return ChatTurn(role, text, isLearned: try isLearned(object, role: role, here: here))
    }

    /// OpenAI's `weight`, 0 or 1, of an assistant's turn.
    private static func isLearned(
        _ object: JSONObject, role: ChatTurn.Role, here: String
    ) throws(Fault) -> Bool {
        guard let weight = object["weight"], !weight.isNull else { return true }
        guard let weight = weight.int, weight == 0 || weight == 1 else {
            throw Fault(reason: "\"weight\" of \(here) is neither 0 nor 1")
        }
        return weight == 1 || role != .assistant
    }

    /// The record of a conversation: its last question and answer, and what was said before.
    static func record(of turns: [ChatTurn], category: String) throws(Fault) -> InstructionRecord {
        let spoken = turns.first?.role == .system ? turns.dropFirst() : turns[...]
        for (place, turn) in spoken.enumerated() {
            let wanted = place.isMultiple(of: 2) ? ChatTurn.Role.user : .assistant
            guard turn.role != wanted else { continue }
            let number = turns.count - spoken.count + place + 1
            if place == 0 { throw Fault(reason: "the conversation begins with a turn of the \(turn.role.rawValue)") }
            throw Fault(
                reason: "turn \(number) is of the \(turn.role.rawValue) where the \(wanted.rawValue) should speak; "
                    + "user and assistant have to take turns")
        }
        guard spoken.count >= 2, let answer = turns.last, answer.role == .assistant else {
            throw Fault(reason: "the conversation ends without an answer: its last turn is not the assistant's")
        }
        guard answer.isLearned else {
            throw Fault(reason: "the last answer has weight 0: leave it out of the conversation")
        }
        return InstructionRecord(
            instruction: turns[turns.count - 2].content, response: answer.content, category: category,
            history: Array(turns.dropLast(2)))
    }
}
