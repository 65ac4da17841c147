import MurmurKit
import Observability
import Synchronization
import Testing

@Suite struct EventSinkTests {
    static func mixed(_ round: Int) -> LoggedEvent {
        var event = LoggedEvent(time: 3, peer: "ada", event: "mixed")
        (event.round, event.present, event.absent, event.disagreement) = (round, 2, 1, 0.25)
        return event
    }

    @Test func linesAreEventsAgain() throws {
        let text = Mutex("")
        let sink = JSONLineSink { line in text.withLock { $0 += line } }
        let events = [Self.mixed(0), Self.mixed(1)]
        for event in events { sink.receive(event) }
        let lines = text.withLock { $0 }.split(separator: "\n")
        #expect(lines.compactMap { LoggedEvent(line: Array($0.utf8)) } == events)
    }

    @Test func sentencesLeaveOutWhatIsForPrograms() {
        let told = Mutex<[String]>([])
        let sink = SentenceSink(rounds: 4) { sentence in told.withLock { $0.append(sentence) } }
        sink.receive(Self.mixed(0))
        sink.receive(LoggedEvent(time: 4, peer: "ada", event: "traffic"))
        sink.receive(LoggedEvent(time: 5, peer: "ada", event: "left"))
        let sentences = told.withLock { $0 }
        #expect(sentences.count == 2)
        #expect(sentences[0].hasPrefix("round 1/4: mixed with 2 neighbours (1 absent)"))
        #expect(sentences[1] == "goodbye")
    }

    @Test func progressIsKeptAndDrawn() {
        let sink = ProgressSink(names: ["ada", "ben"], rounds: 4, isTerminal: false)
        #expect(sink.render().isEmpty)
        sink.receive(Self.mixed(0))
        #expect(sink.render().hasPrefix("ada: "))
        #expect(sink.render().isEmpty, "told once")
        sink.markDead("ben")
        #expect(sink.progress.peers["ben"]?.phase == "dead")
        #expect(sink.progress.peers["ada"]?.disagreement == 0.25)
    }
}
