import Basics
import Federation
import Foundation
import Observability
import Storage
import TestSupport
import Testing

/// Every event has one description, which the log, traces, the terminal and docs/formats.md read.
@Suite struct EventDescriptionTests {
    static let all = PeerEvent.Kind.examples.map(\.described)

    static func name(_ peer: PeerID) -> String { "peer-\(peer.bytes[0])" }

    /// The compiler sees to it that every event has a description; that it has an example is counted here.
    @Test func everyEventHasAnExample() throws {
        let source = try String(
            contentsOf: SharedData.projectRoot.appending(path: "Sources/Federation/Core/PeerEvent.swift"),
            encoding: .utf8)
        let cases = source.split(separator: "\n").count { $0.hasPrefix("        case ") && !$0.contains("case .") }
        #expect(cases == Self.all.count, "an event without an example is missing from the docs")
        #expect(Set(Self.all.map(\.name)).count == Self.all.count)
    }

    @Test(arguments: all) func namesAreInSnakeCase(event: EventDescription) {
        for name in [event.name] + event.fields.map(\.name) {
            #expect(name.allSatisfy { $0.isLowercase && $0.isASCII || $0 == "_" }, "\(name)")
        }
        #expect(Set(event.fields.map(\.name)).count == event.fields.count)
        #expect(!event.fields.contains { ["time", "peer", "event"].contains($0.name) }, "every line has these")
    }

    @Test(arguments: all) func theSentenceSpeaksOfItsFields(event: EventDescription) {
        let text = event.text(rounds: 5, name: Self.name)
        #expect(!text.contains("{") && !text.contains("}"), "\(text)")
        #expect(!text.hasSuffix("."))
    }

    @Test func aNameMeansOneThing() {
        var known: [String: EventDescription.Field] = [:]
        for field in Self.all.flatMap(\.fields) {
            let first = known[field.name] ?? field
            #expect(first.meaning == field.meaning && first.unit == field.unit, "\(field.name)")
            known[field.name] = first
        }
    }

    @Test(arguments: all) func theLogHasEveryFieldInItsOrder(event: EventDescription) throws {
        let logged = LoggedEvent(event, time: 1_700_000_000.25, peer: "peer-0", name: Self.name)
        #expect(logged.fields.keys == event.fields.map { Array($0.name.utf8) })
        let line = logged.encoded
        #expect(!line.contains(UInt8(ascii: "\n")))
        #expect(line.starts(with: Data("{\"time\":1700000000.25,\"peer\":\"peer-0\",\"event\":\"\(event.name)\"".utf8)))
        #expect(LoggedEvent(line: line) == logged)
    }

    @Test func sentencesAreReadable() {
        func text(_ kind: PeerEvent.Kind) -> String { kind.described.text(rounds: 5, name: Self.name) }
        let peers = (1...9).map { PeerID(bytes: [UInt8](repeating: $0, count: PeerID.byteCount))! }
        #expect(text(.started(round: 2, resumed: true)) == "begins with round 3/5; from a checkpoint: yes")
        #expect(
            text(.mixed(round: 6, disagreement: 0.000_25, present: peers, absent: [], duration: .zero))
                == "settling 2: mixed with peer-1, peer-2, peer-3, peer-4, peer-5, peer-6 and 3 more; absent: none; "
                + "largest distance 2.5e-4")
    }

    /// The tables of docs/formats.md are made of the descriptions. With `MURMUR_WRITE_DOCS` in the environment this test
    /// writes them.
    @Test func theDocsHaveTheTables() throws {
        let page = SharedData.projectRoot.appending(path: "docs/formats.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let (begin, end) = ("<!-- events: made by EventDescriptionTests -->\n", "<!-- end of events -->\n")
        let first = try #require(text.firstRange(of: begin))
        let last = try #require(text.firstRange(of: end))
        let made = Self.tables
        #expect(made.split(separator: "\n").allSatisfy { $0.count <= 120 })
        if ProcessInfo.processInfo.environment["MURMUR_WRITE_DOCS"] != nil {
            let whole = text[..<first.upperBound] + made + text[last.lowerBound...]
            try String(whole).write(to: page, atomically: true, encoding: .utf8)
            return
        }
        #expect(
            text[first.upperBound..<last.lowerBound] == made,
            "docs/formats.md is stale; run MURMUR_WRITE_DOCS=1 swift test --filter theDocsHaveTheTables")
    }

    static var tables: String {
        func rows(_ events: [EventDescription]) -> String {
            events.map { event in
                let further = event.fields.filter { !event.sentence.contains("{\($0.name)}") }.map(\.name)
                return "| `\(event.name)` | \(event.replacingFields { "*\($0.name)*" }) | "
                    + further.joined(separator: ", ") + " |\n"
            }.joined()
        }
        var names: Set<String> = []
        let fields = all.flatMap(\.fields).filter { names.insert($0.name).inserted }
        return "\n| on the screen and in the log | what it says | also |\n|---|---|---|\n" + rows(all.filter(\.isNews))
            + "\n| in the log only | what it says | also |\n|---|---|---|\n" + rows(all.filter { !$0.isNews })
            + "\n| field | unit | what it is |\n|---|---|---|\n"
            + fields.map { "| `\($0.name)` | \($0.unit) | \($0.meaning) |\n" }.joined() + "\n"
    }
}
