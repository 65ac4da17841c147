import Foundation
package import Simulation

/// Steps through the lines of a trace on a terminal.
package struct TraceStepper {
    /// What a person may type.
    package enum Command: Equatable {
        case next, previous, first, last, quit, help
        /// To the first line at or after this many seconds.
        case time(Double)
        /// To the next line whose text has this in it.
        case search(String)

        package init?(_ typed: String) {
            switch typed.trimmingCharacters(in: .whitespaces) {
            case "", "n": self = .next
            case "p": self = .previous
            case "g": self = .first
            case "G": self = .last
            case "q": self = .quit
            case "?", "h": self = .help
            case let text where text.hasPrefix("/") && text.count > 1: self = .search(String(text.dropFirst()))
            case let text:
                guard let seconds = Double(text), seconds >= 0 else { return nil }
                self = .time(seconds)
            }
        }
    }

    static let help =
        "Enter or n: next   p: previous   g, G: first, last   12.5: to that second   /text: search   q: quit"

    let lines: [TraceLine]
    package private(set) var place = 0

    package init(_ lines: [TraceLine]) {
        self.lines = lines
    }

    /// Goes where `command` leads; false where that is nowhere.
    package mutating func go(_ command: Command) -> Bool {
        let target: Int?
        switch command {
        case .next: target = place + 1 < lines.count ? place + 1 : nil
        case .previous: target = place > 0 ? place - 1 : nil
        case .first: target = 0
        case .last: target = lines.count - 1
        case .time(let seconds): target = lines.firstIndex { $0.seconds >= seconds }
        case .search(let text): target = lines[(place + 1)...].firstIndex { $0.text.contains(text) }
        case .quit, .help: target = place
        }
        guard let target else { return false }
        place = target
        return true
    }

    /// The line that it stands at, with a line for each thing that there is to say.
    package var view: String {
        let line = lines[place]
        let time = String(format: "%.6f", line.seconds)
        let width = line.fields.map(\.name.count).max() ?? 0
        let fields = line.fields.map { field in
            "    \(field.name)" + String(repeating: " ", count: width - field.name.count + 2) + field.value
        }
        return (["[\(place + 1) of \(lines.count)]  \(time) s  \(line.subject)  \(line.event)"] + fields)
            .joined(separator: "\n")
    }

    /// Shows lines as long as the person at the terminal wants.
    package mutating func run() {
        print(Self.help + "\n" + view)
        while true {
            print("> ", terminator: "")
            fflush(nil)
            guard let typed = readLine() else { return }
            let command = Command(typed) ?? .help
            if command == .quit { return }
            if command == .help {
                print(Self.help)
            } else {
                print(go(command) ? view : "There is no such line.")
            }
        }
    }
}

extension TraceReader {
    /// Lines that stepping through keeps in memory.
    private static let lineLimit = 2_000_000

    /// Lists the lines that `filter` wants, as they are or as JSON objects; on a terminal a person steps through them.
    package func show(_ filter: Filter, json: Bool) throws {
        guard !json, Terminal.outputIsTerminal, isatty(STDIN_FILENO) == 1 else {
            return try forEach(filter) { line in
                Terminal.print(json ? line.json : line.text)
                return true
            }
        }
        var lines: [TraceLine] = []
        try forEach(filter) { line in
            lines.append(line)
            return lines.count < Self.lineLimit
        }
        guard !lines.isEmpty else { throw CommandFailure("no line of \(path) is what was asked for") }
        if lines.count == Self.lineLimit { Terminal.note("The first \(Self.lineLimit) lines; narrow it with --from.") }
        var stepper = TraceStepper(lines)
        stepper.run()
    }
}
