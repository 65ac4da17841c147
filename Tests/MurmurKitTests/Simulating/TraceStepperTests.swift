import MurmurKit
import Simulation
import Testing

@Suite struct TraceStepperTests {
    static let lines = (0..<5).map { index in
        TraceLine(
            microseconds: Int64(index) * 1_500_000, subject: "ada", event: index == 3 ? "mixed" : "trained",
            fields: [.init("round", "\(index)"), .init("digest", "77")])
    }

    @Test func commandsAreUnderstood() {
        let words: [(String, TraceStepper.Command?)] = [
            ("", .next), ("n", .next), ("p", .previous), ("g", .first), ("G", .last), ("q", .quit), ("?", .help),
            ("2.5", .time(2.5)), ("/mixed", .search("mixed")), ("-1", nil), ("what", nil),
        ]
        for (typed, command) in words { #expect(TraceStepper.Command(typed) == command, "\(typed)") }
    }

    @Test func itGoesWhereItIsTold() {
        var stepper = TraceStepper(Self.lines)
        /// Where it stands after the command; nil where that led nowhere.
        func place(after command: TraceStepper.Command) -> Int? { stepper.go(command) ? stepper.place : nil }

        #expect(place(after: .previous) == nil)
        #expect(place(after: .next) == 1)
        #expect(place(after: .search("mixed")) == 3)
        #expect(place(after: .search("mixed")) == nil)
        #expect(place(after: .time(1.6)) == 2)
        #expect(place(after: .last) == 4)
        #expect(place(after: .next) == nil)
        #expect(place(after: .previous) == 3)
        #expect(place(after: .first) == 0)
        #expect(stepper.view.contains("[1 of 5]") && stepper.view.contains("round"))
    }

    @Test func objectsAreText() {
        #expect(Self.lines[1].json.contains("\"digest\":\"77\""))
        #expect(Self.lines[1].json.contains("\"round\":1"))
    }
}
