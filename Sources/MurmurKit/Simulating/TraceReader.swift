package import Simulation
import Storage

/// Reads the lines of a trace that `murmur simulate --trace` wrote, a piece of the file at a time.
package struct TraceReader {
    /// Which lines are wanted.
    package struct Filter: Sendable {
        /// Subjects; empty for all.
        package var peers: Set<String>
        /// Events' names; empty for all.
        package var events: Set<String>
        /// Seconds of virtual time.
        package var from: Double
        package var to: Double

        package init(
            peers: Set<String> = [], events: Set<String> = [], from: Double = 0, to: Double = .infinity
        ) {
            self.peers = peers
            self.events = events
            self.from = from
            self.to = to
        }

        func wants(_ line: TraceLine) -> Bool {
            line.seconds >= from && line.seconds <= to && (peers.isEmpty || peers.contains(line.subject))
                && (events.isEmpty || events.contains(line.event))
        }
    }

    private static let pieceByteCount = 1 << 20
    /// Bytes of a line at most.
    private static let lineLimit = 1 << 20

    private let file: ReadableFile

    package var path: String { file.path }

    package init(path: String) throws {
        file = try ReadableFile(path: path)
    }

    /// Whether the file begins as a trace does.
    package static func isTrace(_ path: String) -> Bool {
        guard let file = try? ReadableFile(path: path),
            let head = try? file.bytes(0..<min(file.size, 4096)),
            let end = head.firstIndex(of: 10)
        else { return false }
        return TraceLine(parsing: String(decoding: head[..<end], as: UTF8.self)) != nil
    }

    /// Calls `body` with every line that `filter` wants, until it says that it has enough by returning false.
    ///
    /// - Throws: `FileError`, and `CommandFailure` naming the line that is none of a trace.
    package func forEach(_ filter: Filter, _ body: (TraceLine) throws -> Bool) throws {
        var rest: [UInt8] = []
        var position = 0
        var number = 0
        while position < file.size || !rest.isEmpty {
            let end = min(file.size, position + Self.pieceByteCount)
            rest += try file.bytes(position..<end)
            position = end
            // What a run that was ended has not finished writing is no line.
            guard let last = rest.lastIndex(of: 10) else {
                guard position < file.size else { return }
                guard rest.count <= Self.lineLimit else { throw bad(number + 1) }
                continue
            }
            for bytes in rest[..<last].split(separator: 10, omittingEmptySubsequences: false) {
                number += 1
                guard let line = TraceLine(parsing: String(decoding: bytes, as: UTF8.self)) else { throw bad(number) }
                if filter.wants(line), !(try body(line)) { return }
            }
            rest.removeFirst(last + 1)
            if position == file.size { return }
        }
    }

    private func bad(_ number: Int) -> CommandFailure {
        CommandFailure("\(file.path):\(number): not a line of a trace; murmur simulate --trace FILE writes one")
    }
}

extension TraceLine {
    /// The line as a JSON object.
    package var json: String {
        var members: [(String, JSONValue)] = [
            ("time", .number(seconds)), ("peer", .text(subject)), ("event", .text(event)),
        ]
        // A file may say anything, also one thing twice: the first counts.
        var names: Set<String> = ["time", "peer", "event"]
        for field in fields where names.insert(field.name).inserted {
            members.append((field.name, Self.value(field)))
        }
        return String(decoding: JSONValue.object(JSONObject(members)).encoded(), as: UTF8.self)
    }

    private static func value(_ field: TraceLine.Field) -> JSONValue {
        // A digest may look like a number.
        guard field.name != "digest" else { return .text(field.value) }
        if let whole = Int(field.value) { return .integer(whole) }
        guard let number = Double(field.value), number.isFinite else { return .text(field.value) }
        return .number(number)
    }
}
