import Storage
import SwarmFile

/// Reads one object as the instruction record, or records, that it stands for.
///
/// - Dolly: `instruction`, `context`, `response`, `category`.
/// - Alpaca: `instruction`, `input`, `output`.
/// - `prompt` and `completion`.
/// - self-instruct: `instruction` and `instances`, a list of `input` and `output`, each of which gives a record; the
///   category is `is_classification` (`classification` or `generation`), or the application that `motivation_app` names.
/// - ShareGPT's `conversations` and OpenAI's `messages`: see `Conversation`.
///
/// The names may be mixed; an empty or null second name does no harm. Names that are given take the place of the usual
/// ones of their part.
struct RecordShape {
    /// Why an object is no record.
    struct Fault: Error {
        let reason: String
        /// Whether the text ends before the object does.
        var isCutShort = false
    }

    /// What an object gave.
    struct Found {
        var records: [InstructionRecord] = []
        var fields: [String] = []
        var unknownFields: [String] = []
    }

    /// The names of fields that are not the usual ones.
    let names: SwarmTopology.Data.Fields
    /// The usual names in whose place others are given.
    private let replaced: Set<String>

    /// More instances than any task has; bounds what a damaged record makes.
    private static let instanceLimit = 10_000
    private static let knownOfInstances: Set<String> = ["context", "input", "response", "output"]

    init(names: SwarmTopology.Data.Fields = .defaults) {
        self.names = names
        var replaced: Set<String> = []
        if names.instruction != nil { replaced.formUnion(["instruction", "prompt"]) }
        if names.context != nil { replaced.formUnion(["context", "input"]) }
        if names.response != nil { replaced.formUnion(["response", "output", "completion", "instances"]) }
        if names.category != nil { replaced.formUnion(["category", "is_classification", "motivation_app"]) }
        if names.messages != nil { replaced.formUnion(["conversations", "messages"]) }
        self.replaced = replaced
    }

    /// The records of the JSON object that `bytes` hold.
    func records(of bytes: [UInt8]) throws(Fault) -> Found {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes, depthLimit: 16)
        } catch {
            throw Fault(reason: error.description, isCutShort: error == .endsEarly)
        }
        guard let object = value.object else { throw Fault(reason: "the record is \(value.kind), not an object") }
        return try records(of: object)
    }

    /// The records of `object`.
    func records(of object: JSONObject) throws(Fault) -> Found {
        var found = Found()
        if let conversation = try conversation(of: object, &found) {
            found.records = [conversation]
            count(object, known: ["conversations", "messages", "system", "category"], &found)
            return found
        }
        let (name, instruction) = try instruction(of: object)
        guard instruction.contains(where: { !$0.isWhitespace }) else { throw Fault(reason: "\"\(name)\" is empty") }
        count(
            object,
            known: [
                name, "context", "input", "response", "output", "completion", "category", "instances",
                "is_classification", "motivation_app",
            ], &found)
        let category = try category(of: object)
        guard names.response == nil, let instances = object["instances"], !instances.isNull else {
            found.records = [try record(instruction, category: category, of: object)]
            return found
        }
        found.records = try self.instances(instances, of: instruction, category: category, &found)
        return found
    }

    /// Counts the fields of an object as used or not.
    private func count(_ object: JSONObject, known: Set<String>, _ found: inout Found) {
        let known = known.subtracting(replaced).union(names.names)
        for key in object.keys {
            let name = String(decoding: key, as: UTF8.self)
            if known.contains(name) { found.fields.append(name) } else { found.unknownFields.append(name) }
        }
    }

    // MARK: Conversations

    /// The record of an object that holds turns; nil for one that does not.
    private func conversation(of object: JSONObject, _ found: inout Found) throws(Fault) -> InstructionRecord? {
        // Names that are given for the parts of a single turn say what the record is.
        guard names.instruction == nil, names.response == nil else { return nil }
        let usual = ["conversations", "messages"].filter { object[$0]?.isNull == false }
        guard let name = names.messages ?? usual.first else {
            return try promptWithTurns(of: object)
        }
        if names.messages == nil {
            guard usual.count == 1 else {
                throw Fault(
                    reason: "\"conversations\" and \"messages\" are both there; say which, with fields: { messages: … }"
                )
            }
            if object["instruction"]?.isNull == false {
                throw Fault(
                    reason:
                        "\"\(name)\" and \"instruction\" are both there; say which, with fields: { messages: \(name) } "
                        + "or fields: { instruction: instruction }")
            }
        }
        guard let value = object[name], !value.isNull else { throw missing(name, "the conversation", object) }
        var turns = try Conversation.turns(of: value, named: name, counting: &found.unknownFields)
        if let system = try text("system", of: object), !system.isEmpty {
            guard turns.first?.role != .system || turns.first?.content == system else {
                throw Fault(reason: "\"system\" and a system turn are both there and differ")
            }
            if turns.first?.role != .system { turns.insert(ChatTurn(.system, system), at: 0) }
        }
        return try Conversation.record(of: turns, category: try category(of: object))
    }

    /// The record of an object whose `prompt` and `completion` are lists of turns, as TRL takes them: the prompt's answers
    /// carry no loss.
    private func promptWithTurns(of object: JSONObject) throws(Fault) -> InstructionRecord? {
        guard names.messages == nil, object["instruction"]?.isNull != false, let prompt = object["prompt"],
            prompt.array != nil, let completion = object["completion"]
        else { return nil }
        var unused: [String] = []
        var turns = try Conversation.turns(of: prompt, named: "prompt", counting: &unused)
        for place in turns.indices { turns[place].isLearned = turns[place].role != .assistant }
        turns += try Conversation.turns(of: completion, named: "completion", counting: &unused)
        return try Conversation.record(of: turns, category: try category(of: object))
    }

    // MARK: Single turns

    private func instruction(of object: JSONObject) throws(Fault) -> (name: String, text: String) {
        if let name = names.instruction {
            guard let text = try text(name, of: object) else { throw missing(name, "the instruction", object) }
            return (name, text)
        }
        for name in ["instruction", "prompt"] {
            if let text = try text(name, of: object) { return (name, text) }
        }
        let seen = object.keys.prefix(8).map { String(decoding: $0.prefix(40), as: UTF8.self) }.joined(separator: ", ")
        throw Fault(
            reason: "there is no field \"instruction\" (there is: \(seen)); name the fields: "
                + "fields: { instruction: …, response: … }")
    }

    private func missing(_ name: String, _ part: String, _ object: JSONObject) -> Fault {
        let seen = object.keys.prefix(8).map { String(decoding: $0.prefix(40), as: UTF8.self) }.joined(separator: ", ")
        return Fault(reason: "there is no field \"\(name)\", which is to hold \(part) (there is: \(seen))")
    }

    private func instances(
        _ value: JSONValue, of instruction: String, category: String, _ found: inout Found
    ) throws(Fault) -> [InstructionRecord] {
        guard let list = value.array else { throw Fault(reason: "\"instances\" is \(value.kind), not an array") }
        guard !list.isEmpty else { throw Fault(reason: "\"instances\" is empty") }
        guard list.count <= Self.instanceLimit else { throw Fault(reason: "\"instances\" has \(list.count) elements") }
        var records: [InstructionRecord] = []
        for element in list {
            guard let instance = element.object else {
                throw Fault(reason: "an instance is \(element.kind), not an object")
            }
            records.append(try record(instruction, category: category, of: instance))
            for key in instance.keys {
                let name = String(decoding: key, as: UTF8.self)
                let path = "instances.\(name)"
                let list = Self.knownOfInstances.contains(name) ? found.fields : found.unknownFields
                guard !list.contains(path) else { continue }
                if Self.knownOfInstances.contains(name) {
                    found.fields.append(path)
                } else {
                    found.unknownFields.append(path)
                }
            }
        }
        return records
    }

    private func record(
        _ instruction: String, category: String, of object: JSONObject
    ) throws(Fault) -> InstructionRecord {
        let context =
            if let name = names.context { try text(name, of: object) } else {
                try either("context", "input", of: object)
            }
        return InstructionRecord(
            instruction: instruction, context: context ?? "", response: try response(of: object), category: category)
    }

    private func response(of object: JSONObject) throws(Fault) -> String {
        let candidates = names.response.map { [$0] } ?? ["response", "output", "completion"]
        if candidates.count == 1, let text = try text(candidates[0], of: object) { return text }
        if candidates.count > 1 {
            if let text = try either("response", "output", of: object) { return text }
            if let text = try text("completion", of: object) { return text }
        }
        for name in candidates where object[name]?.isNull == true {
            throw Fault(reason: "\"\(name)\" is null; an answer is a text, and may be an empty one")
        }
        if let name = names.response { throw missing(name, "the answer", object) }
        throw Fault(
            reason: "there is no field \"response\", \"output\" or \"completion\"; name it: fields: { response: … }")
    }

    /// The value of whichever of two names of one thing is there and not empty.
    private func either(_ first: String, _ second: String, of object: JSONObject) throws(Fault) -> String? {
        let one = try text(first, of: object)
        let other = try text(second, of: object)
        if let one, let other, !one.isEmpty, !other.isEmpty, one != other {
            throw Fault(reason: "\"\(first)\" and \"\(second)\" are both there and differ")
        }
        // Converted files often have both names, one of them empty.
        return one.flatMap { $0.isEmpty ? nil : $0 } ?? other ?? one
    }

    private func category(of object: JSONObject) throws(Fault) -> String {
        if let name = names.category { return try text(name, of: object) ?? "" }
        if let category = try text("category", of: object), !category.isEmpty { return category }
        if let application = try text("motivation_app", of: object), !application.isEmpty { return application }
        switch object["is_classification"] {
        case nil, .null?: return ""
        case .bool(let flag)?: return flag ? "classification" : "generation"
        case let value?: throw Fault(reason: "\"is_classification\" is \(value.kind), not a truth value")
        }
    }

    /// The string of a field; nil where the field is missing or null.
    private func text(_ name: String, of object: JSONObject) throws(Fault) -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.text else { throw Fault(reason: "\"\(name)\" is \(value.kind), not a string") }
        return text
    }
}
