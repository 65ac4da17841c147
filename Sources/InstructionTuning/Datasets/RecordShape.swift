import Storage

/// Reads one JSON object as the instruction record, or records, that it stands for.
///
/// - Dolly: `instruction`, `context`, `response`, `category`.
/// - Alpaca: `instruction`, `input`, `output`.
/// - self-instruct: `instruction` and `instances`, a list of `input` and `output`, each of which gives a record; the
///   category is `is_classification` (`classification` or `generation`), or the application that `motivation_app` names.
///
/// The names may be mixed; an empty or null second name does no harm.
enum RecordShape {
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

    private static let known: Set<String> = [
        "instruction", "context", "input", "response", "output", "category", "instances", "is_classification",
        "motivation_app",
    ]
    private static let knownOfInstances: Set<String> = ["context", "input", "response", "output"]
    /// More instances than any task has; bounds what a damaged record makes.
    private static let instanceLimit = 10_000

    /// The records of the object that `bytes` hold.
    static func records(of bytes: [UInt8]) throws(Fault) -> Found {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes, depthLimit: 16)
        } catch {
            throw Fault(reason: error.description, isCutShort: error == .endsEarly)
        }
        guard let object = value.object else { throw Fault(reason: "the record is \(value.kind), not an object") }
        var found = Found()
        for key in object.keys {
            let name = String(decoding: key, as: UTF8.self)
            if known.contains(name) { found.fields.append(name) } else { found.unknownFields.append(name) }
        }
        guard let instruction = try text("instruction", of: object) else {
            let names = (found.fields + found.unknownFields).prefix(8).joined(separator: ", ")
            throw Fault(reason: "there is no field \"instruction\" (there is: \(names))")
        }
        guard instruction.contains(where: { !$0.isWhitespace }) else { throw Fault(reason: "the instruction is empty") }
        let category = try category(of: object)
        guard let instances = object["instances"], !instances.isNull else {
            found.records = [try record(instruction, category: category, of: object)]
            return found
        }
        guard let list = instances.array else {
            throw Fault(reason: "\"instances\" is \(instances.kind), not an array")
        }
        guard !list.isEmpty else { throw Fault(reason: "\"instances\" is empty") }
        guard list.count <= instanceLimit else { throw Fault(reason: "\"instances\" has \(list.count) elements") }
        for element in list {
            guard let instance = element.object else {
                throw Fault(reason: "an instance is \(element.kind), not an object")
            }
            found.records.append(try record(instruction, category: category, of: instance))
            for key in instance.keys {
                let name = String(decoding: key, as: UTF8.self)
                let path = "instances.\(name)"
                let list = knownOfInstances.contains(name) ? found.fields : found.unknownFields
                guard !list.contains(path) else { continue }
                if knownOfInstances.contains(name) {
                    found.fields.append(path)
                } else {
                    found.unknownFields.append(path)
                }
            }
        }
        return found
    }

    private static func record(
        _ instruction: String, category: String, of object: JSONObject
    ) throws(Fault) -> InstructionRecord {
        let context = try either("context", "input", of: object) ?? ""
        guard let response = try either("response", "output", of: object) else {
            for name in ["response", "output"] where object[name]?.isNull == true {
                throw Fault(reason: "\"\(name)\" is null; an answer is a text, and may be an empty one")
            }
            throw Fault(reason: "there is no field \"response\" or \"output\"")
        }
        return InstructionRecord(instruction: instruction, context: context, response: response, category: category)
    }

    /// The value of whichever of two names of one thing is there and not empty.
    private static func either(
        _ first: String, _ second: String, of object: JSONObject
    ) throws(Fault) -> String? {
        let one = try text(first, of: object)
        let other = try text(second, of: object)
        if let one, let other, !one.isEmpty, !other.isEmpty, one != other {
            throw Fault(reason: "\"\(first)\" and \"\(second)\" are both there and differ")
        }
        // Converted files often have both names, one of them empty.
        return one.flatMap { $0.isEmpty ? nil : $0 } ?? other ?? one
    }

    private static func category(of object: JSONObject) throws(Fault) -> String {
        if let category = try text("category", of: object), !category.isEmpty { return category }
        if let application = try text("motivation_app", of: object), !application.isEmpty { return application }
        switch object["is_classification"] {
        case nil, .null?: return ""
        case .bool(let flag)?: return flag ? "classification" : "generation"
        case let value?: throw Fault(reason: "\"is_classification\" is \(value.kind), not a truth value")
        }
    }

    /// The string of a field; nil where the field is missing or null.
    private static func text(_ name: String, of object: JSONObject) throws(Fault) -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.text else { throw Fault(reason: "\"\(name)\" is \(value.kind), not a string") }
        return text
    }
}
