import Foundation
import Observability
import Storage
import TestSupport
import Testing

@Suite struct HTMLReportTests {
    /// A run of two peers over three rounds and two settling rounds, the second peer called `name`.
    static func events(_ name: String) -> [LoggedEvent] {
        func event(_ time: Double, _ peer: String, _ event: String, _ fields: [(String, JSONValue)]) -> LoggedEvent {
            LoggedEvent(time: 1_700_000_000 + time, peer: peer, event: event, fields: JSONObject(fields))
        }
        return ["a", name].flatMap { peer -> [LoggedEvent] in
            var events = [event(0, peer, "started", [("round", .integer(0)), ("resumed", .bool(false))])]
            for round in 0..<5 {
                let time = Double(round) * 2
                if round < 3 {
                    events.append(
                        event(
                            time, peer, "trained", [("round", .integer(round)), ("loss", .number(3 - Double(round)))]))
                }
                if round == 1, peer == name {
                    events.append(
                        event(time + 0.5, peer, "started", [("round", .integer(1)), ("resumed", .bool(true))]))
                }
                let absent: [JSONValue] = round == 1 && peer == "a" ? [.text(name)] : []
                events.append(
                    event(
                        time + 1, peer, "mixed",
                        [
                            ("round", .integer(round)), ("disagreement", .number(1 / Double(round + 1))),
                            ("absent", .array(absent)), ("bytes_sent", .integer(10_000 * (round + 1))),
                        ]))
            }
            return events + [event(10, peer, "finished", [("round", .integer(5))])]
        }
    }

    @Test func validationPartsHaveAChartWhereThereAreSome() {
        var report = Self.report()
        #expect(!report.html.contains("Loss on the validation parts"))
        for (round, loss) in [(0, 3.0), (1, 2.5), (2, 2.75), (3, 2.6)] {
            report.progress.record(
                LoggedEvent(
                    time: 1_700_000_020, peer: "a", event: "validated",
                    fields: JSONObject([("round", .integer(round)), ("validation_loss", .number(loss))])))
        }
        #expect(report.html.contains("Loss on the validation parts"))
        #expect(report.progress.peers["a"]?.validations.map(\.value) == [3, 2.5, 2.75, 2.6])
        #expect(report.progress.peers["a"]?.round == 5, "the final adapter is measured while settling goes on")
    }

    static func report(_ name: String = "b") -> HTMLReport {
        var progress = SwarmProgress(names: ["a", name], rounds: 3)
        var timeline = RunTimeline(names: ["a", name])
        for event in events(name) {
            progress.record(event)
            timeline.record(event)
        }
        var report = HTMLReport(swarm: name, progress: progress)
        report.timeline = timeline
        report.contraction = 0.8
        return report
    }

    /// A report in which every part is there, and every text that comes from outside is `name`.
    static func full(_ name: String = "b") -> HTMLReport {
        var report = report(name)
        report.outcome = OutcomeTests.outcome(peers: [.init(name: name, alone: 1, together: 2)])
        var table = TextTable(heads: ["", "loss"])
        table.rows = [["base model", "4.000"], [name, "1.500"]]
        report.comparison = table
        report.participation = table
        report.notes = [name]
        let map = HeatMap(
            title: "Gain", kind: .diverging, unit: "nats a token", columns: ["all", name],
            rows: [("a", [0.5, nil]), (name, [-0.5, 0.1])], digits: 2)
        report.gains = map
        report.partition = map
        report.server = .init(losses: [(0, 3), (1, 2.5), (2, 2)], bytesPerRound: 800_000)
        report.topology = GraphDrawing(
            title: "Graph", nodes: [.init(name: "a", size: 3, note: name), .init(name: name, size: 1)],
            edges: [.init(0, 1, weight: 0.5)])
        report.timeline?.losses = [
            .init(time: 1, taken: 100, dropped: 0), .init(time: 2, taken: 300, dropped: 20),
            .init(time: 3, taken: 300, dropped: 20), .init(time: 4, taken: 500, dropped: 60),
        ]
        report.samplePeer = name
        report.samples = [
            .init(category: name, instruction: name, expected: name, base: "", alone: name, together: name)
        ]
        report.facts = [("seed", "42"), (name, name)]
        return report
    }

    private static let keys = [
        "comparison", "gains", "rounds", "bytes", "participation", "topology", "answers", "settings",
    ]

    @Test func theAnswerComesFirstAndEverySectionFollows() throws {
        let html = Self.full().html
        #expect(!html.contains("class=\"missing\""))
        let places = try (["class=\"answer\""] + Self.keys.map { "<section id=\"\($0)\">" }).map { text in
            try #require(html.range(of: text)?.lowerBound)
        }
        #expect(places == places.sorted())
        for figure in ["triangle", "losses", "distances", "traffic", "timeline", "drops", "graph"] {
            #expect(html.contains("id=\"\(figure)-title\"") && html.contains("id=\"\(figure)-desc\""), "\(figure)")
        }
        #expect(html.contains("predicted goes from 0.250 to 0.200."), "1/4 in round 3, times 0.8")
        #expect(html.contains("<em>nothing</em>"), "an empty answer is said")
        #expect(html.contains("<dt>seed</dt><dd>42</dd>"))
    }

    /// A section without data has one line that says what is missing, and no chart.
    @Test func whatIsMissingIsSaid() {
        let html = HTMLReport(swarm: "s", progress: SwarmProgress(names: ["a"], rounds: 3)).html
        #expect(html.components(separatedBy: "class=\"missing\"").count - 1 == Self.keys.count)
        #expect(!html.contains("<svg") && !html.contains("<table") && !html.contains("<figure"))
        #expect(html.contains("0 of 1 peer finished; no losses of local steps were logged."))
    }

    @Test func aRunWithoutComparisonIsTold() {
        let html = Self.report().html
        #expect(
            html.contains(
                "2 of 2 peers finished; the mean loss of their local steps went from 3.00 to 1.00 nats a token in 3 rounds."
            ))
        #expect(html.contains("Not compared: murmur compare measures"))
        #expect(html.contains("FedAvg&#39;s are not known"))
    }

    static let hostile = [
        "<script>alert(1)</script>", "\"><img onerror=x>", "'; </style><b>", "\u{202E}gnp.exe", "a\u{0}b\u{1B}[31m",
        String(repeating: "long ", count: 300), "&lt;", "", "日本語 🐦",
    ]

    @Test(arguments: hostile)
    func namesAndTextsCannotBecomeMarkup(name: String) {
        let html = Self.full(name).html
        let rest = Self.full("b").html
        #expect(PageRules.problems(html) == [])
        // As many elements as with a harmless name: nothing of a name is one.
        func elements(_ text: String) -> Int { text.components(separatedBy: "<section").count }
        #expect(elements(html) == elements(rest) && !html.contains("<b>"))
    }

    /// One file, nothing from elsewhere, nothing that runs; well-formed, with words for every picture, and tables that
    /// scroll in their own box. Without data, too.
    @Test func thePageKeepsTheRules() {
        #expect(PageRules.problems(Self.full().html) == [])
        #expect(PageRules.problems(Self.report().html) == [])
        #expect(PageRules.problems(HTMLReport(swarm: "s", progress: SwarmProgress(names: [], rounds: 1)).html) == [])
    }

    /// The rules find what breaks them.
    @Test(arguments: [
        ("</main>", "<script></script></main>", "<script"), ("</main>", "<p>\u{202E}</p></main>", "not shown"),
        ("</main>", "<p></main>", "well-formed"), ("class=\"axis\"", "class=\"axes\"", "no rule for .axes"),
        ("role=\"img\"", "", "without a name"), ("tabindex=\"0\"", "", "without a box"),
        ("<h2>", "<h4>", "a heading 4 below 1"), (".axis,", "}text{fill:red}.axis,", "a rule for every text"),
        ("id=\"traffic-title\"", "id=\"losses-title\"", "one id"), ("</caption>", "", "well-formed"),
    ])
    func theRulesFindWhatBreaksThem(part: String, instead: String, problem: String) {
        let broken = Self.full().html.replacing(part, with: instead)
        #expect(PageRules.problems(broken).contains { $0.contains(problem) }, "\(PageRules.problems(broken))")
    }

    @Test func theSameRunIsTheSamePage() {
        #expect(Self.full().html == Self.full().html)
    }
}

@Suite struct RunTimelineTests {
    @Test func marksAreCountedAndDrawn() throws {
        var timeline = RunTimeline(names: ["a", "b"])
        for event in HTMLReportTests.events("b") { timeline.record(event) }
        #expect(timeline.start == 1_700_000_000)
        #expect(timeline.count(.cameBack) == 1 && timeline.count(.mixedWithout) == 1 && timeline.count(.refused) == 0)
        let lanes = timeline.chart.lanes
        #expect(lanes.map(\.spans) == [[0...10], [0...2, 2.5...10]])
        #expect(lanes[1].marks.map(\.note) == ["b came back in round 2"])
        #expect(lanes[0].marks.map(\.note) == ["a mixed round 2 without b"])
    }

    /// Thousands of marks would be a page that nobody opens; the count is whole all the same.
    @Test func marksAreBounded() {
        var timeline = RunTimeline(names: ["a"])
        timeline.record(LoggedEvent(time: 0, peer: "a", event: "started"))
        for time in 0..<1000 {
            timeline.record(LoggedEvent(time: Double(time), peer: "a", event: "contribution_refused"))
        }
        timeline.record(LoggedEvent(time: 5, peer: "stranger", event: "contribution_refused"))
        #expect(timeline.count(.refused) == 1000)
        #expect(timeline.chart.lanes[0].marks.count == 60)
    }

    /// The share between two lines of statistics; where nothing was taken there is none.
    @Test func lossesAreShares() {
        let points = HTMLReportTests.full().timeline?.lossChart.series[0].points ?? []
        #expect(points.map(\.x) == [2, 4] && points.map(\.y) == [10, 20])
    }

    /// The same command on a finished run starts every peer once more; that is no fault.
    @Test func whoIsDoneComesBackForNothing() {
        var timeline = RunTimeline(names: ["a", "b"])
        let again = JSONObject([("round", .integer(5)), ("resumed", .bool(true))])
        for event in HTMLReportTests.events("b") { timeline.record(event) }
        timeline.record(LoggedEvent(time: 1_700_000_100, peer: "b", event: "started", fields: again))
        #expect(timeline.count(.cameBack) == 1)
        #expect(timeline.chart.lanes[1].spans.count == 3)
    }

    /// A wall clock that is set back ends no span before it began.
    @Test func clocksMayBeSetBack() {
        var timeline = RunTimeline(names: ["a"])
        timeline.record(LoggedEvent(time: 100, peer: "a", event: "started"))
        timeline.record(LoggedEvent(time: 50, peer: "a", event: "mixed"))
        #expect(timeline.chart.lanes[0].spans == [0...0])
    }
}
