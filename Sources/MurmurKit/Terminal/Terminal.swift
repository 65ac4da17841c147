import Foundation
package import Observability
package import Storage
import Synchronization

/// What the command prints, and where: results on standard output, everything else on standard error.
package enum Terminal {
    /// Whether standard input is a terminal.
    package static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// Whether standard output is a terminal.
    package static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether standard error is a terminal.
    package static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// What the terminal of standard output shows now: asked anew for every page, so that a change of its size is seen. One
    /// that does not tell is taken to be as `COLUMNS` and `LINES` say, or as usual.
    package static var size: ScreenSize {
        var window = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 {
            return ScreenSize(columns: Int(window.ws_col), rows: Int(window.ws_row))
        }
        func number(_ name: String, _ usual: Int) -> Int {
            ProcessInfo.processInfo.environment[name].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? usual
        }
        return ScreenSize(
            columns: number("COLUMNS", ScreenSize.usual.columns), rows: number("LINES", ScreenSize.usual.rows))
    }

    /// Prints to standard output at once, so that a reader of a pipe sees each line when it is due. A closed pipe ends
    /// nothing: what cannot be written is dropped.
    package static func write(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }

    /// A line on standard output.
    package static func print(_ line: String) {
        write(line + "\n")
    }

    /// A line on standard error.
    package static func note(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }

    private static let warned = Mutex<Set<String>>([])

    /// Warnings on standard error, each once a process.
    package static func warn(_ sentences: [String]) {
        for sentence in sentences where warned.withLock({ $0.insert(sentence).inserted }) {
            note("murmur: warning: \(sentence)")
        }
    }
}

/// A progress line on standard error: redrawn on a terminal, silent in a pipe.
package final class ProgressLine: Sendable {
    private let label: String
    private let isVisible: Bool
    private let lastDrawn = Mutex(ContinuousClock.now - .seconds(1))

    /// A line that begins with `label`; `quietly` hides it everywhere.
    package init(_ label: String, quietly: Bool = false) {
        self.label = label
        isVisible = Terminal.errorIsTerminal && !quietly
    }

    /// Shows `done` of `total` with `detail`; at most ten times a second.
    package func update(_ done: Int, of total: Int, detail: String = "") {
        guard isVisible else { return }
        let due = lastDrawn.withLock { last in
            let now = ContinuousClock.now
            guard done == total || now - last > .milliseconds(100) else { return false }
            last = now
            return true
        }
        guard due else { return }
        let width = 24
        let filled = total > 0 ? min(width, done * width / total) : width
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        try? FileHandle.standardError.write(
            contentsOf: Data("\r\u{1B}[2K\(label) \(bar) \(done)/\(total) \(detail)".utf8))
    }

    /// Removes the line.
    package func finish() {
        guard isVisible else { return }
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[2K".utf8))
    }
}

/// Counts steps of work that several tasks do, and tells the sum each time.
package final class Counter: Sendable {
    private let count = Mutex(0)
    private let told: @Sendable (Int) -> Void

    /// A counter at zero that calls `told` with every new sum.
    package init(_ told: @escaping @Sendable (Int) -> Void) {
        self.told = told
    }

    package func add(_ steps: Int) {
        told(
            count.withLock { count in
                count += steps
                return count
            })
    }
}

/// Results as JSON text.
package enum JSONText {
    /// Keys as they come, indented.
    package static func of(_ value: JSONValue) -> String {
        String(decoding: value.encoded(indented: true), as: UTF8.self)
    }

    /// Keys sorted, indented, numbers that are not finite as strings.
    package static func of(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
