import Basics
import Federation
import Foundation
import Observability
import Storage
import TestSupport
import Testing

@Suite struct RunMetricsTests {
    /// Metrics of the peers a and b, of a swarm with c, in a run of three rounds.
    static var empty: RunMetrics {
        RunMetrics(swarm: "s", names: ["a", "b"], neighbours: ["a", "b", "c"], rounds: 3, version: "1.2.3")
    }

    private static func line(
        _ event: String, _ fields: [(String, JSONValue)] = [], peer: String = "a", at time: Double = 1
    )
        -> LoggedEvent
    {
        LoggedEvent(time: time, peer: peer, event: event, fields: JSONObject(fields))
    }

    private static func value(
        _ metric: RunMetric, _ metrics: RunMetrics, peer: String? = "a", _ labels: [String: String] = [:],
        at now: Double = 100
    ) -> Double? {
        let family = metrics.families(at: now).first { $0.name == metric.name }
        return family?.samples.first { sample in
            let found = Dictionary(uniqueKeysWithValues: sample.labels.map { ($0.name, $0.value) })
            return (peer.map { found["peer"] == $0 } ?? true) && labels.allSatisfy { found[$0.key] == $0.value }
        }?.value
    }

    @Test func eventsAreCounted() {
        var metrics = Self.empty
        for line in [
            Self.line("started", [("round", .integer(0)), ("resumed", .bool(false))], at: 10),
            Self.line("connected", [("neighbour", .text("b"))], at: 10),
            Self.line("connected", [("neighbour", .text("nobody"))], at: 10),
            Self.line("stepped", [("round", .integer(0)), ("step", .integer(1)), ("steps", .integer(4))], at: 11),
            Self.line(
                "trained",
                [
                    ("round", .integer(0)), ("loss", .number(2.5)), ("tokens", .integer(640)),
                    ("records", .integer(16)),
                    ("seconds", .number(1.25)),
                ], at: 12),
            Self.line("contribution_sent", [("neighbour", .text("b")), ("bytes", .integer(1000))], at: 12),
            Self.line("contribution_received", [("neighbour", .text("b")), ("bytes", .integer(900))], at: 12),
            Self.line("contribution_refused", [("neighbour", .text("b")), ("bytes", .integer(900))], at: 12),
            Self.line(
                "suppressed",
                [("neighbour", .text("b")), ("kind", .text("contribution_refused")), ("count", .integer(40))], at: 12),
            Self.line(
                "mixed",
                [
                    ("round", .integer(0)), ("disagreement", .number(0.125)), ("present", .array([.text("b")])),
                    ("absent", .array([.text("c")])), ("seconds", .number(0.5)),
                ], at: 13),
            Self.line(
                "traffic",
                [
                    ("bytes_sent", .integer(5000)), ("bytes_received", .integer(4000)), ("datagrams_sent", .integer(9)),
                    ("datagrams_received", .integer(8)), ("packets_lost", .integer(1)), ("dropped", .integer(2)),
                ], at: 13),
            Self.line("mixed", [("round", .integer(3)), ("absent", .array([]))], at: 14),
        ] { metrics.record(line) }
        let expected: [(RunMetric, Double)] = [
            (.starts, 1), (.rounds, 1), (.settlingRounds, 1), (.trainingSeconds, 1.25), (.trainingTokens, 640),
            (.trainingRecords, 16), (.waitSeconds, 0.5), (.missing, 1), (.sent, 1), (.sentPayload, 1000),
            (.received, 1),
            (.receivedPayload, 900), (.refused, 41), (.bytesSent, 5000), (.bytesReceived, 4000), (.datagramsSent, 9),
            (.datagramsReceived, 8), (.packetsLost, 1), (.datagramsDropped, 2), (.round, 3), (.loss, 2.5),
            (.disagreement, 0.125), (.connected, 1), (.leftOut, 0), (.diskFailing, 0), (.lastEvent, 14),
        ]
        for (metric, value) in expected { #expect(Self.value(metric, metrics) == value, "\(metric)") }
        #expect(Self.value(.events, metrics, ["event": "contribution_refused"]) == 41)
        #expect(Self.value(.events, metrics, ["event": "stepped"]) == nil)
        #expect(Self.value(.phase, metrics, ["phase": "mixing"]) == 1)
        #expect(Self.value(.phase, metrics, ["phase": "dead"]) == 0)
        // Nothing is known of the other: counters are zero, gauges that say something are missing.
        #expect(Self.value(.rounds, metrics, peer: "b") == 0 && Self.value(.loss, metrics, peer: "b") == nil)
        #expect(Self.value(.peers, metrics, peer: nil) == 2 && Self.value(.plannedRounds, metrics, peer: nil) == 3)
        #expect(Self.value(.run, metrics, peer: nil, ["swarm": "s", "version": "1.2.3"]) == 1)
        // The run began at 10, as its peer says.
        #expect(Self.value(.runSeconds, metrics, peer: nil, at: 30) == 20)
        metrics.markDead("b")
        #expect(Self.value(.phase, metrics, peer: "b", ["phase": "dead"]) == 1)
    }

    /// The process's own counts begin at zero; what Prometheus sees only grows.
    @Test func aRestartedPeersTrafficIsAdded() {
        var metrics = Self.empty
        for (event, sent) in [("started", nil), ("traffic", 100), ("started", nil), ("traffic", 40), ("traffic", 60)] {
            metrics.record(Self.line(event, sent.map { [("bytes_sent", .integer($0))] } ?? []))
        }
        #expect(Self.value(.bytesSent, metrics) == 160 && Self.value(.starts, metrics) == 2)
        #expect(metrics.progress.peers["a"]?.bytesSent == 160)
    }

    @Test func everyEventHasItsPlace() {
        var metrics = Self.empty
        for kind in PeerEvent.Kind.examples {
            metrics.record(LoggedEvent(kind.described, time: 5, peer: "a", name: { $0.short }))
        }
        for kind in PeerEvent.Kind.examples {
            #expect((Self.value(.events, metrics, ["event": kind.described.name]) ?? 0) >= 1)
        }
    }

    /// What anybody may have written into a log neither overflows nor makes more series than the topology has.
    @Test func nonsenseDoesNoHarm() {
        var metrics = Self.empty
        let numbers: [JSONValue] = [
            .integer(.max), .integer(.min), .integer(-1), .number(1e300), .number(-1e300), .text("nan"), .text("inf"),
            .null, .array([]),
        ]
        let names = PeerEvent.Kind.examples.map(\.described.name) + ["stepped", "x\"}\n", ""]
        for (index, number) in numbers.enumerated() {
            for name in names {
                var fields = [
                    "round", "bytes", "bytes_sent", "bytes_received", "datagrams_sent", "seconds", "loss", "step",
                    "steps", "disagreement", "count", "bias",
                ].map { ($0, number) }
                fields += [
                    ("neighbour", .text("stranger \(index)")), ("absent", .array([.text("<b>"), number])),
                    ("kind", .text("kind \(index)")), ("reason", .text("\u{1B}[2J")),
                ]
                for peer in ["a", "b", "stranger"] {
                    metrics.record(Self.line(name, fields, peer: peer, at: Double(index) * 1e307))
                }
            }
        }
        var samples = 0
        for family in metrics.families(at: 1e308) {
            samples += family.samples.count
            for sample in family.samples {
                #expect(sample.labels.map(\.name) == RunMetric(rawValue: family.name)?.labels)
                #expect(family.kind == .gauge || (sample.value >= 0 && sample.value.isFinite))
            }
        }
        #expect(samples <= RunMetric.allCases.count * 2 + 2 * (names.count + RunMetrics.phases.count))
        #expect(metrics.progress.peers["a"]?.neighbours == [] && metrics.progress.peers["a"]?.without == [])
        for line in PrometheusText.of(metrics.families(at: 0)).split(separator: "\n") {
            #expect(line.hasPrefix("#") || line.wholeMatch(of: /murmur_[a-z_]+(\{.*\})? [^ ]+/) != nil, "\(line)")
        }
        for columns in [1, 80, 400] {
            for line in LiveView.page("s", metrics.progress, columns: columns, at: 1e308) {
                #expect(!line.contains("\u{1B}"))
            }
        }
    }

    /// https://prometheus.io/docs/practices/naming: a prefix, base units, `_total` for what only grows.
    @Test func namesFollowTheRules() {
        for metric in RunMetric.allCases {
            #expect(metric.name.wholeMatch(of: /murmur(_[a-z]+)+/) != nil, "\(metric.name)")
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"))
            #expect(metric.unit != "bytes" || metric.name.hasSuffix("_bytes_total"), "\(metric.name)")
            #expect(!metric.unit.hasPrefix("s") || metric.name.contains("_seconds"), "\(metric.name)")
            #expect(metric.unit != "relative" || metric.name.hasSuffix("_ratio"), "\(metric.name)")
            #expect(!metric.meaning.isEmpty && !metric.meaning.contains("|"))
            #expect(metric.labels.allSatisfy { PrometheusText.isName($0, isLabel: true) })
        }
    }

    // MARK: - The docs

    @Test func theDocsHaveTheMetrics() throws {
        let page = SharedData.projectRoot.appending(path: "docs/watching.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let first = try #require(text.firstRange(of: "<!-- metrics: made by RunMetricsTests -->\n"))
        let last = try #require(text.firstRange(of: "<!-- end of metrics -->\n"))
        let made =
            "\n| metric | type | unit | labels | what it is |\n|---|---|---|---|---|\n"
            + RunMetric.allCases.map { metric in
                "| `\(metric.name)` | \(metric.kind.rawValue) | \(metric.unit) | "
                    + "\(metric.labels.joined(separator: ", ")) | \(metric.meaning) |\n"
            }.joined() + "\n"
        if ProcessInfo.processInfo.environment["MURMUR_WRITE_DOCS"] != nil {
            let whole = text[..<first.upperBound] + made + text[last.lowerBound...]
            try String(whole).write(to: page, atomically: true, encoding: .utf8)
            return
        }
        #expect(
            text[first.upperBound..<last.lowerBound] == made,
            "docs/watching.md is stale; run MURMUR_WRITE_DOCS=1 swift test --filter theDocsHaveTheMetrics")
    }

    /// Every metric that the dashboard and the docs ask for is one that there is.
    @Test(arguments: ["docs/grafana-murmuration.json", "docs/watching.md", "scripts/check-metrics"])
    func whatIsAskedForIsThere(path: String) throws {
        let text = try String(contentsOf: SharedData.projectRoot.appending(path: path), encoding: .utf8)
        let asked = Set(text.matches(of: /\bmurmur_[a-z_]+\b/).map { String($0.output) })
        #expect(asked.count > 1)
        for name in asked { #expect(RunMetric(rawValue: name) != nil, "\(path): there is no \(name)") }
    }

    @Test func theDashboardIsWhole() throws {
        let data = try Data(contentsOf: SharedData.projectRoot.appending(path: "docs/grafana-murmuration.json"))
        let dashboard = try JSONValue.parse(Array(data))
        let panels = try #require(dashboard["panels"]?.array)
        #expect(dashboard["title"]?.text == "Murmuration" && panels.count > 10)
        #expect(Set(panels.compactMap { $0["id"]?.int }).count == panels.count)
        for panel in panels {
            let targets = panel["targets"]?.array ?? []
            #expect(!targets.isEmpty && targets.allSatisfy { $0["expr"]?.text?.contains("murmur_") == true })
        }
    }
}

@Suite struct PrometheusTextTests {
    @Test func linesAreAsTheFormatHasThem() {
        let families = [
            MetricFamily(
                name: "a_total", kind: .counter, help: "two\nlines \\ \"quoted\"",
                samples: [.init([.init("peer", "a\"b\\c\nd"), .init("x", "é")], 3), .init([], 0.5)]),
            MetricFamily(name: "none", kind: .gauge, help: "nothing", samples: []),
            MetricFamily(
                name: "g", kind: .gauge, help: "all kinds of numbers",
                samples: [.nan, .infinity, -.infinity, 1e300, -2, 12_345_678_901, 1e-7].map { .init([], $0) }),
            MetricFamily(
                name: "s", kind: .summary, help: "",
                samples: [.init([], 2, suffix: "_sum"), .init([], 4, suffix: "_count")]),
        ]
        #expect(
            PrometheusText.of(families) == """
                # HELP a_total two\\nlines \\\\ "quoted"
                # TYPE a_total counter
                a_total{peer="a\\"b\\\\c\\nd",x="é"} 3
                a_total 0.5
                # HELP g all kinds of numbers
                # TYPE g gauge
                g NaN
                g +Inf
                g -Inf
                g 1e+300
                g -2
                g 12345678901
                g 1e-07
                # HELP s \("")
                # TYPE s summary
                s_sum 2
                s_count 4

                """)
    }

    @Test(arguments: [
        ("a", true, true), ("a_b:c", true, false), ("9a", false, false), ("", false, false), ("a-b", false, false),
        ("_", true, true), ("é", false, false), ("a b", false, false),
    ])
    func namesAreTold(text: String, isMetric: Bool, isLabel: Bool) {
        #expect(PrometheusText.isName(text) == isMetric && PrometheusText.isName(text, isLabel: true) == isLabel)
    }
}

@Suite struct RunStatusTests {
    @Test func whatIsNotKnownIsNull() throws {
        var status = RunStatus(waitingFor: "there is no run yet", version: "1.2.3")
        var json = status.json(at: 5)
        #expect(json["state"]?.text == "waiting" && json["notice"]?.text == "waits: there is no run yet")
        #expect(json["peers"] == nil)
        status.begin(swarm: "s", names: ["a"], neighbours: ["a", "b"], rounds: 3)
        status.record(
            LoggedEvent(time: 2, peer: "a", event: "trained", fields: JSONObject([("loss", .text("nan"))])))
        status.record(
            LoggedEvent(
                time: 3, peer: "a", event: "mixed",
                fields: JSONObject([("round", .integer(1)), ("absent", .array([.text("b")]))])))
        json = status.json(at: 5)
        let peer = try #require(json["peers"]?.array?.first)
        #expect(json["state"]?.text == "running" && json["notice"]?.isNull == true && json["rounds"]?.int == 3)
        #expect(peer["peer"]?.text == "a" && peer["round"]?.int == 1 && peer["last_event"]?.double == 3)
        #expect(peer["loss"]?.isNull == true && peer["disk_failure"]?.isNull == true)
        // A neighbour of which only others tell is left out all the same.
        #expect(json["left_out"]?.array?.first?["peer"]?.text == "b")
        // JSON has no form for what is no number.
        #expect((try? JSONValue.parse(json.encoded(indented: false))) == json)
    }

    @Test func whatHasEndedStandsStill() {
        var status = RunStatus(waitingFor: "", version: "1.2.3")
        status.begin(swarm: "s", names: ["a"], neighbours: ["a"], rounds: 3)
        status.record(LoggedEvent(time: 100, peer: "a", event: "started"))
        status.record(LoggedEvent(time: 160, peer: "a", event: "round_started"))
        #expect(status.moment(500) == 500 && status.json(at: 500)["seconds"]?.double == 400)
        status.markDead("a")
        status.stage = .ended
        #expect(status.moment(500) == 160 && status.json(at: 500)["seconds"]?.double == 60)
        #expect(status.notice == "no process is at work any more")
        status.record(LoggedEvent(time: 170, peer: "a", event: "finished"))
        #expect(status.notice == "the run is over")
    }
}

@Suite struct LineCutterTests {
    @Test func linesAreTheSameHoweverTheyCome() {
        let text = Data("one\n\ntwo words\nthree\ntorn".utf8)
        for size in 1...text.count {
            var cutter = LineCutter()
            var lines: [String] = []
            for start in stride(from: 0, to: text.count, by: size) {
                let piece = text[start..<min(start + size, text.count)]
                lines += cutter.append(piece).map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(lines == ["one", "", "two words", "three"])
            #expect(cutter.append(Data("\n".utf8)).map { String(decoding: $0, as: UTF8.self) } == ["torn"])
        }
    }

    @Test func whatIsTooLongIsPassedOverWhole() {
        var cutter = LineCutter(limit: 4)
        #expect(cutter.append(Data("abcd\nabcde\nab".utf8)).count == 1)
        #expect(cutter.append(Data("cde".utf8)).isEmpty && cutter.append(Data("fgh".utf8)).isEmpty)
        #expect(cutter.append(Data("ij\nk\n".utf8)) == [Data("k".utf8)])
    }
}
