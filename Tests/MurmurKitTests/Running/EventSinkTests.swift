import Basics
import Federation
import MurmurKit
import Observability
import Synchronization
import Testing

@Suite struct EventSinkTests {
    static func told(_ kind: PeerEvent.Kind, by peer: String = "ada") -> ToldEvent {
        ToldEvent(
            LoggedEvent(kind.described, time: 3, peer: peer) { $0.short }, description: kind.described)
    }

    static func mixed(_ round: Int) -> ToldEvent {
        told(.mixed(round: round, disagreement: 0.25, present: [], absent: [], duration: .seconds(1)))
    }

    @Test func linesAreEventsAgain() throws {
        let text = Mutex("")
        let sink = JSONLineSink { line in text.withLock { $0 += line } }
        let events = [Self.mixed(0), Self.told(.left)]
        for event in events { sink.receive(event) }
        let lines = text.withLock { $0 }.split(separator: "\n")
        #expect(lines.compactMap { LoggedEvent(line: Array($0.utf8)) } == events.map(\.line))
    }

    @Test func sentencesAreNewsOfThisProcess() {
        let told = Mutex<[String]>([])
        let sink = SentenceSink(rounds: 4, name: { $0.short }) { sentence in told.withLock { $0.append(sentence) } }
        sink.receive(Self.mixed(0))
        sink.receive(Self.told(.checkpointed(round: 1)))
        sink.receive(Self.told(.left))
        // Of another process's event only the line is known.
        sink.receive(ToldEvent(Self.mixed(1).line))
        let sentences = told.withLock { $0 }
        let news = [Self.mixed(0), Self.told(.checkpointed(round: 1)), Self.told(.left)]
            .compactMap(\.description).filter(\.isNews)
        #expect(sentences == news.map { $0.text(rounds: 4) { $0.short } })
        #expect(sentences.first?.contains("1/4") == true)
    }

    @Test func progressIsKeptAndDrawn() {
        let sink = ProgressSink("small", names: ["ada", "ben"], rounds: 4, isTerminal: false)
        func render() -> String { sink.render(size: .usual, at: 3) }
        #expect(render().isEmpty)
        sink.receive(Self.mixed(0))
        #expect(render().hasPrefix("ada: "))
        #expect(render().isEmpty, "told once")
        #expect(sink.erase().isEmpty, "nothing is drawn over in a pipe")
        sink.markDead("ben")
        #expect(sink.progress.peers["ben"]?.phase == "dead")
        #expect(sink.progress.peers["ada"]?.disagreement == 0.25)
    }
}
