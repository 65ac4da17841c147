import Foundation
import Observability
import Testing

@Suite struct ReadableTests {
    @Test(arguments: [
        (0.0, 3, "0.000"), (1.2345, 2, "1.23"), (-0.5, 1, "-0.5"), (12.999, 1, "13.0"), (-0.0001, 2, "0.00"),
        (7, 0, "7"),
    ])
    func numbersAreRounded(value: Double, digits: Int, text: String) {
        #expect(Readable.number(value, digits: digits) == text)
    }

    @Test func scientificNotation() {
        #expect(Readable.scientific(0.000_013) == "1.3e-5")
        #expect(Readable.scientific(0) == "0")
        #expect(Readable.scientific(nil) == "–")
    }

    @Test(arguments: [(999, "999 B"), (1_500, "1.5 kB"), (2_340_000, "2.3 MB"), (7_000_000_000, "7.00 GB")])
    func bytesInPowersOfTen(count: Int, text: String) {
        #expect(Readable.bytes(count) == text)
    }
}

@Suite struct LoggedEventTests {
    @Test func aLineComesBackAsItWent() throws {
        var event = LoggedEvent(time: 1_700_000_000.25, peer: "peer-0", event: "mixed")
        event.round = 3
        event.disagreement = 1e-4
        event.bytesSent = 123
        event.loss = .nan
        let line = try event.encoded()
        let text = String(decoding: line, as: UTF8.self)
        #expect(text.contains("\"bytes_sent\":123"))
        #expect(!text.contains("\n"))
        let back = try #require(LoggedEvent(line: line))
        #expect(back.loss?.isNaN == true)
        #expect(back.round == 3 && back.disagreement == 1e-4 && back.peer == "peer-0")
    }

    @Test(arguments: ["", "{", "null", "[1,2]", "{\"time\":1}", "{\"time\":\"x\",\"peer\":\"a\",\"event\":\"b\"}"])
    func whatIsNoEventIsLeftOut(line: String) {
        #expect(LoggedEvent(line: Data(line.utf8)) == nil)
    }
}

@Suite struct SwarmProgressTests {
    @Test func aRestartedPeersTrafficIsAdded() {
        var progress = SwarmProgress(names: ["a", "b"])
        for (event, sent) in [("started", 0), ("mixed", 100), ("started", 0), ("mixed", 40)] {
            var logged = LoggedEvent(time: 0, peer: "a", event: event)
            logged.round = 1
            logged.bytesSent = sent
            progress.record(logged)
        }
        #expect(progress.peers["a"]?.bytesSent == 140)
        #expect(progress.bytesSent == 140)
    }

    @Test func neighboursComeAndGo() {
        var progress = SwarmProgress(names: ["a"])
        for (event, neighbour) in [("connected", "b"), ("connected", "c"), ("disconnected", "b")] {
            var logged = LoggedEvent(time: 0, peer: "a", event: event)
            logged.neighbour = neighbour
            progress.record(logged)
        }
        #expect(progress.peers["a"]?.neighbours == ["c"])
    }

    @Test func aPipeGetsOneLineARound() {
        var progress = SwarmProgress(names: ["a"])
        var view = LiveView(isTerminal: false)
        var logged = LoggedEvent(time: 0, peer: "a", event: "mixed")
        logged.round = 0
        logged.disagreement = 0.1
        progress.record(logged)
        #expect(view.render(progress, rounds: 5).split(separator: "\n").count == 1)
        #expect(view.render(progress, rounds: 5).isEmpty)
        logged.round = 1
        progress.record(logged)
        #expect(view.render(progress, rounds: 5).hasPrefix("a: round 2/5"))
    }
}

@Suite struct HTMLReportTests {
    @Test func theReportIsOneFileAndEscapesNames() {
        var progress = SwarmProgress(names: ["<b>"])
        for round in 0..<3 {
            var logged = LoggedEvent(time: 0, peer: "<b>", event: "trained")
            logged.round = round
            logged.loss = 2 - Double(round) * 0.5
            progress.record(logged)
        }
        var table = TextTable(heads: ["what", "loss"])
        table.rows = [["base", "4.000"]]
        let report = HTMLReport(
            swarm: "a & b", facts: [("rounds", "3")], progress: progress, comparison: table, notes: ["same steps"],
            topology: TopologyDrawing(names: ["<b>", "c"], edges: [(0, 1), (0, 9)]))
        let html = report.html
        #expect(html.contains("a &amp; b"))
        #expect(!html.contains("<b>"))
        #expect(html.contains("<polyline"))
        #expect(!html.contains("http"), "nothing is loaded from elsewhere")
        #expect(html.contains("<td>4.000</td>"))
    }
}
