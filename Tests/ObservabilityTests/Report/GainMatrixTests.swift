import Observability
import Storage
import Testing

/// Who gained from whom, put together from the peers' lines.
@Suite struct GainMatrixTests {
    static func line(
        _ peer: String, _ event: String = "gain_measured", round: Int = 4, before: Double = 3, own: Double = 2.5,
        mixed: Double = 2, with: [(String, Double)], more: [(String, String)] = [], odd: (String, JSONValue)? = nil
    ) -> LoggedEvent {
        var fields: [(String, JSONValue)] = more.map { ($0.0, .text($0.1)) }
        fields += [("round", .integer(round)), ("measured", .integer(20)), ("own", .number(own))]
        fields += [("mixed", .number(mixed))]
        var given: [(String, JSONValue)] = with.map { ($0.0, .number($0.1)) }
        if let odd, odd.0 != "before" { given.append(odd) }
        fields.append(("before", odd?.0 == "before" ? odd!.1 : .number(before)))
        fields.append(("with", .object(JSONObject(given))))
        return LoggedEvent(time: 1, peer: peer, event: event, fields: JSONObject(fields))
    }

    static let names = ["ada", "bob", "cyd", "eve"]

    /// All gain from all, but nobody from eve.
    static var matrix: GainMatrix {
        var matrix = GainMatrix(names: names)
        for (receiver, gain) in zip(names, [0.5, 0.25, 1.0, 0.75]) {
            let with = names.filter { $0 != receiver }.map {
                ($0, $0 == "eve" ? 3.125 : 3 - gain)
            }
            matrix.record(line(receiver, with: with))
        }
        return matrix
    }

    @Test func itIsTheMeanOverTheRounds() throws {
        var matrix = Self.matrix
        matrix.record(Self.line("ada", round: 9, before: 2, own: 2.25, mixed: 1.5, with: [("bob", 1), ("cyd", 2)]))
        let row = try #require(matrix.rows["ada"])
        #expect(row.rounds == [4, 9] && row.records == 20)
        #expect(row.before.value == 2.5 && row.own.value == 2.375 && row.mixed.value == 1.75)
        #expect(row.ownGain.value == 0.125 && row.mixedGain.value == 0.75)
        #expect(row.gains["bob"]?.value == 0.75 && row.gains["cyd"]?.value == 0.25)
        #expect(row.gains["eve"]?.value == -0.125 && row.gains["ada"] == nil)
    }

    @Test func whatIsHeardOfAPeerCountsOnce() throws {
        var matrix = Self.matrix
        let before = matrix.rows["bob"]?.gains
        let same = Self.line("ada", "gain_heard", with: [("ada", 0), ("cyd", 0)], more: [("origin", "bob")])
        matrix.record(same)
        #expect(matrix.rows["bob"]?.gains == before)
        matrix.record(Self.line("ada", "gain_heard", round: 9, with: [("cyd", 1)], more: [("origin", "bob")]))
        #expect(matrix.rows["bob"]?.rounds == [4, 9] && matrix.rows["ada"]?.rounds == [4])
    }

    @Test func whoGivesNothingIsNamed() throws {
        let matrix = Self.matrix
        #expect(matrix.gaveNothing.map(\.name) == ["eve"])
        #expect(matrix.gaveNothing[0].reason == "none of the 3 peers that measured its contributions gained by them")
        let givers = matrix.givers
        #expect(givers.map(\.name) == Self.names && givers.map(\.gained) == [3, 3, 3, 0])
        #expect(givers[0].most == 1 && givers[3].mean == -0.125)
        let summary = try #require(GainSummary(matrix, idle: ["bob"]))
        #expect(summary.sentences(Self.names).first == "bob gave nothing: it trained in no round.")
        #expect(summary.gaveNothing.keys.sorted() == ["bob", "eve"])
        #expect(summary.peers["cyd"]?.gainFrom == ["ada": 1, "bob": 1, "eve": -0.125])
    }

    /// Little beside what others give is as good as nothing; where nobody gives anything by itself, nobody is named.
    @Test(arguments: [(0.01, ["eve"]), (0.4, []), (-0.5, ["eve"])])
    func littleIsNothing(gain: Double, named: [String]) {
        var matrix = GainMatrix(names: Self.names)
        for receiver in Self.names {
            let with = Self.names.filter { $0 != receiver }.map {
                ($0, $0 == "eve" ? 3 - gain : 2.5)
            }
            matrix.record(Self.line(receiver, with: with))
        }
        #expect(matrix.gaveNothing.map(\.name) == named)
        var unlike = GainMatrix(names: Self.names)
        for receiver in Self.names {
            unlike.record(Self.line(receiver, with: Self.names.filter { $0 != receiver }.map { ($0, 3.5) }))
        }
        #expect(unlike.gaveNothing.isEmpty && unlike.givers.allSatisfy { $0.gained == 0 })
    }

    @Test func othersLinesDoNoHarm() {
        var matrix = GainMatrix(names: Self.names)
        matrix.record(Self.line("mal", with: [("ada", 1)]))
        matrix.record(Self.line("ada", "gain_heard", with: [], more: [("origin", "mal")]))
        matrix.record(Self.line("ada", round: -1, with: []))
        matrix.record(Self.line("ada", with: [], odd: ("before", .text("inf"))))
        matrix.record(Self.line("ada", before: -1, with: []))
        matrix.record(LoggedEvent(time: 1, peer: "ada", event: "gain_measured"))
        #expect(matrix.isEmpty && GainSummary(matrix) == nil && matrix.map == nil && matrix.table == nil)
        matrix.record(Self.line("ada", with: [("mal", 1), ("cyd", 2)], odd: ("bob", .text("much"))))
        #expect(matrix.rows["ada"]?.gains.keys.sorted() == ["cyd"])
        for number in 0..<200 {
            matrix.record(Self.line("ada", "gain_by_category", with: [], more: [("category", "c\(number)")]))
        }
        #expect(matrix.categories["ada"]?.count == 64)
    }

    @Test func theReportShowsIt() throws {
        var matrix = Self.matrix
        matrix.record(
            Self.line("ada", "gain_by_category", mixed: 3.5, with: [("bob", 2)], more: [("category", "open <qa>")]))
        var report = HTMLReport(swarm: "small", progress: SwarmProgress(names: Self.names, rounds: 5))
        #expect(report.html.contains("exchange.gain"), "what is missing is said")
        report.gainMatrix = matrix
        report.gaveNothing = GainSummary(matrix)?.sentences(Self.names) ?? []
        let html = report.html
        for text in ["Who gained from whom", "eve gave nothing: none of the 3 peers", "open &lt;qa&gt;", "0.500"] {
            #expect(html.contains(text), "\(text)")
        }
        #expect(try #require(matrix.map).rows.map(\.name) == Self.names)
        #expect(matrix.table?.rows.map { $0[2] } == ["3", "3", "3", "0"])
    }

    @Test func whatIsMeasuredLaterIsNoPlace() {
        #expect(Self.line("ada", with: []).place == nil && Self.line("ada", with: []).round == 4)
        #expect(Self.line("ada", "trained", with: []).place == 4)
    }
}
