/// A line of a trace that people and `murmur inspect` read: when, who, what, and what there is to say of it.
///
/// Its text is `SECONDS SUBJECT EVENT NAME=VALUE …`, the seconds with six decimals. A value with other characters than
/// letters, digits and `.,:;+-_/()[]%` stands in quotation marks, with `\"`, `\\` and `\n` for those three.
package struct TraceLine: Sendable, Hashable {
    /// Something that there is to say of what happened.
    package struct Field: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Microseconds of virtual time.
    package var microseconds: Int64
    /// A peer's name, or who else did it.
    package var subject: String
    /// What happened: the event's name, in snake case.
    package var event: String
    /// The rest.
    package var fields: [Field]

    package init(microseconds: Int64, subject: String, event: String, fields: [Field] = []) {
        self.microseconds = microseconds
        self.subject = subject
        self.event = event
        self.fields = fields
    }

    /// Seconds of virtual time.
    package var seconds: Double { Double(microseconds) / 1e6 }

    /// The line without its end.
    package var text: String {
        let fraction = String(microseconds % 1_000_000)
        let time = "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
        return time + " " + Self.text(subject, event, fields)
    }

    /// What follows the time.
    static func text(_ subject: String, _ event: String, _ fields: [Field]) -> String {
        fields.reduce("\(Self.quoted(subject)) \(event)") { $0 + " \($1.name)=\(Self.quoted($1.value))" }
    }

    private static func isPlain(_ character: Character) -> Bool {
        guard let byte = character.asciiValue else { return false }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            return true
        default: return ".,:;+-_/()[]%".utf8.contains(byte)
        }
    }

    private static func quoted(_ value: String) -> String {
        if !value.isEmpty, value.allSatisfy(isPlain) { return value }
        return value.reduce(into: "\"") { text, character in
            switch character {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.append(character)
            }
        } + "\""
    }
}

extension TraceLine {
    /// The line that `text` is; nil if it is none.
    package init?(parsing text: some StringProtocol) {
        var words = Words(text)
        guard let time = words.next(), let micros = Self.microseconds(time), let subject = words.next(),
            let event = words.next(), !event.isEmpty
        else { return nil }
        var fields: [Field] = []
        while let field = words.nextField() { fields.append(field) }
        guard words.isAtEnd else { return nil }
        self.init(microseconds: micros, subject: subject, event: event, fields: fields)
    }

    private static func microseconds(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 6, let whole = Int64(parts[0]), whole >= 0, whole < 1 << 40,
            parts[1].utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let fraction = Int64(parts[1])
        else { return nil }
        return whole * 1_000_000 + fraction
    }

    /// Cuts a line at its spaces, but for those in quotation marks.
    private struct Words {
        private var rest: Substring

        init(_ text: some StringProtocol) {
            rest = Substring(text)
        }

        var isAtEnd: Bool { rest.isEmpty }

        /// The next word, without its quotation marks; nil at the end and where they do not close.
        mutating func next() -> String? {
            guard let first = rest.first else { return nil }
            guard first == "\"" else {
                let word = rest.prefix { $0 != " " }
                rest = rest[word.endIndex...]
                return skipSpace() ? String(word) : nil
            }
            rest.removeFirst()
            var word = ""
            while let character = rest.popFirst() {
                if character == "\"" { return skipSpace() ? word : nil }
                if character != "\\" {
                    word.append(character)
                } else {
                    guard let escaped = rest.popFirst() else { return nil }
                    word.append(escaped == "n" ? "\n" : escaped)
                }
            }
            return nil
        }

        mutating func nextField() -> Field? {
            guard let sign = rest.firstIndex(of: "=") else { return nil }
            let name = String(rest[..<sign])
            guard !name.isEmpty, !name.contains(" ") else { return nil }
            let before = rest
            rest = rest[rest.index(after: sign)...]
            if let value = next() { return Field(name, value) }
            rest = before
            return nil
        }

        /// Takes one space; whether a word may end here.
        private mutating func skipSpace() -> Bool {
            if rest.first == " " { rest.removeFirst() } else { return rest.isEmpty }
            return true
        }
    }
}
