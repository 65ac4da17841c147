package import Basics
package import Federation
package import Foundation
package import Storage

/// One line of `events.jsonl`: an event of a peer in a form that programs and people can read.
///
/// Every line is a JSON object that begins with `time`, `peer` and `event`; the fields of the event's description follow
/// in its order (docs/formats.md lists them). Whole lines are read back as they were written, whatever fields they have:
/// a log may be another version's.
package struct LoggedEvent: Sendable, Equatable {
    /// Seconds since 1970, by the peer's wall clock.
    package var time: Double
    /// The peer's name.
    package var peer: String
    /// The event's name, for example `trained`, `mixed`, `finished`.
    package var event: String
    /// What belongs to it, by name.
    package var fields: JSONObject

    package init(time: Double, peer: String, event: String, fields: JSONObject = JSONObject()) {
        self.time = time
        self.peer = peer
        self.event = event
        self.fields = fields
    }

    /// The line for an event of peer `peer`.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - name: the name of a peer by its identity.
    package init(_ event: EventDescription, time: Double, peer: String, name: (PeerID) -> String) {
        self.init(
            time: time, peer: peer, event: event.name,
            fields: JSONObject(event.fields.map { ($0.name, JSONValue($0.value, name: name)) }))
    }

    /// What a peer's process tells whoever follows it while local steps are taken: so many of the round's are done. It stands
    /// in no log.
    package static func stepped(time: Double, peer: String, round: Int, step: Int, of steps: Int) -> LoggedEvent {
        LoggedEvent(
            time: time, peer: peer, event: "stepped",
            fields: JSONObject([
                ("round", .integer(round)), ("step", .integer(step)), ("steps", .integer(steps)),
            ]))
    }

    /// A whole number among the fields.
    package func integer(_ name: String) -> Int? { fields[name]?.int }

    /// A number among the fields; one that is infinite or none is written as a string.
    package func number(_ name: String) -> Double? {
        fields[name].flatMap { $0.double ?? $0.text.flatMap(Double.init) }
    }

    /// A text or a peer's name among the fields.
    package func text(_ name: String) -> String? { fields[name]?.text }

    /// The round it belongs to; nil for one that nobody can come to.
    package var round: Int? { integer("round").flatMap { (0...Self.lastRound).contains($0) ? $0 : nil } }

    /// The round in which the peer is when it tells this; nil where that is not said. What was measured is told later:
    /// the final adapter while settling rounds may still go on, gains in the round after.
    package var place: Int? {
        ["validated", "gain_measured", "gain_by_category", "gain_heard", "gain_sent"].contains(event) ? nil : round
    }

    /// A number of bytes among the fields; nil for one that nobody can have sent.
    package func byteCount(_ name: String) -> Int? {
        integer(name).flatMap { (0...Self.mostBytes).contains($0) ? $0 : nil }
    }

    /// An amount among the fields, which only adds; nil for one that is negative, infinite or none.
    package func amount(_ name: String) -> Double? {
        number(name).flatMap { (0...Double(Self.mostBytes)).contains($0) ? $0 : nil }
    }

    // A log may be somebody else's: what is calculated with its numbers must not overflow.
    private static let lastRound = 1_000_000_000
    private static let mostBytes = 1 << 53

    /// The line, without its end.
    package var encoded: Data {
        var line = JSONObject([("time", .number(time)), ("peer", .text(peer)), ("event", .text(event))])
        for (key, value) in zip(fields.keys, fields.values) { _ = line.append(key: key, value: value) }
        return Data(JSONValue.object(line).encoded())
    }

    /// The event that a line holds; nil where it is not one (a torn last line, another program's output).
    package init?(line: some Sequence<UInt8>) {
        guard let object = try? JSONValue.parse(Array(line)).object, let time = object["time"]?.double, time.isFinite,
            let peer = object["peer"]?.text, let event = object["event"]?.text
        else { return nil }
        let head = ["time", "peer", "event"].map { Array($0.utf8) }
        var fields = JSONObject()
        for (key, value) in zip(object.keys, object.values) where !head.contains(key) {
            _ = fields.append(key: key, value: value)
        }
        self.init(time: time, peer: peer, event: event, fields: fields)
    }

    /// The events of a file, in order; lines that are none are left out.
    package static func read(_ url: URL) throws -> [LoggedEvent] {
        try Data(contentsOf: url).split(separator: UInt8(ascii: "\n")).compactMap { LoggedEvent(line: $0) }
    }
}

extension JSONValue {
    /// A number, or the word for one that JSON has no form for.
    private static func measured(_ number: Double) -> JSONValue {
        number.isFinite ? .number(number) : .text("\(number)")
    }

    /// A value of an event as the log has it.
    fileprivate init(_ value: EventDescription.Value, name: (PeerID) -> String) {
        self =
            switch value {
            case .round(let count), .integer(let count), .bytes(let count): .integer(count)
            case .number(let number): Self.measured(number)
            case .numbers(let numbers): .array(numbers.map(Self.measured))
            case .duration(let duration): .number(duration.inSeconds)
            case .text(let text): .text(text)
            case .flag(let flag): .bool(flag)
            case .peer(let peer): .text(name(peer))
            case .peers(let peers): .array(peers.map { .text(name($0)) })
            case .amounts(let amounts):
                .object(JSONObject(amounts.map { (name($0.peer), Self.measured($0.amount)) }))
            case .shares(let shares): .object(JSONObject(shares.map { (name($0.peer), .number($0.share)) }))
            }
    }
}
