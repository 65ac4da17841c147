import Basics
import Foundation
import Observability
import TestSupport
import Testing

@Suite struct LabelLayoutTests {
    /// Far enough apart, inside, in the order of the wishes: for drawn wishes, as many as there is room for.
    @Test(arguments: 0..<100)
    func labelsDoNotOverlap(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let wishes = (0..<(1 + seed % 14)).map { _ in random.uniform() * random.uniform() * 220 - 10 }
        let places = try #require(LabelLayout.places(wishes, spacing: 15, within: 0...200))
        for (index, place) in places.enumerated() {
            #expect(place >= -1e-9 && place <= 200 + 1e-9)
            for other in places.indices where other != index {
                #expect(abs(places[other] - place) >= 15 - 1e-9)
                if wishes[other] > wishes[index] { #expect(places[other] > place) }
            }
        }
    }

    @Test func whatHasRoomStaysWhereItIs() {
        #expect(LabelLayout.places([10, 100, 50], spacing: 15, within: 0...200) == [10, 100, 50])
        #expect(LabelLayout.places([100, 100], spacing: 10, within: 0...200) == [95, 105])
        #expect(LabelLayout.places([1, 1, 1], spacing: 15, within: 0...20) == nil)
        #expect(LabelLayout.places([], spacing: 15, within: 0...20) == [])
    }

    @Test func longNamesAreCut() {
        #expect(LabelLayout.short("peer-1", limit: 6) == "peer-1")
        #expect(LabelLayout.short("hospital-of-the-north", limit: 8) == "hospita…")
    }
}

@Suite struct ChartTests {
    static let hostile = "</title><script>alert('x')</script>\" onload=\"\u{202E}&"

    static func lines(_ name: String = "a", title: String = "Loss") -> LineChart {
        LineChart(
            title: title, horizontal: .init("round", measure: .count), vertical: .init("nats a token", zero: .whenNear),
            series: [
                .init(name: name, points: [(0, 4), (1, 2), (2, .nan), (3, 1)]),
                .init(name: "b", points: [(0, 4), (3, 1.01)]), .init(name: "none", points: []),
                .init(name: "expected", points: [(0, 4), (3, 0.9)], role: .predicted),
            ])
    }

    /// Well-formed XML, for strict readers, with the names that it was given and nothing else.
    static func check(_ figure: Figure) -> String {
        let markup = figure.picture.markup
        #expect(!markup.contains("<script") && !markup.contains("\u{202E}") && !markup.contains("nan"))
        #expect(markup.contains("role=\"img\"") && markup.contains("<title id=") && markup.contains("<desc id="))
        let parser = XMLWellFormed(markup)
        #expect(parser.isWellFormed, "\(markup.prefix(400))")
        return markup
    }

    @Test func linesAreDrawnNamedAndTold() throws {
        let markup = Self.check(try #require(Self.lines().figure(key: "f")))
        #expect(
            markup.components(separatedBy: "class=\"line s0\"").count == 3, "the line and the stroke beside its name")
        #expect(markup.contains("a goes from 4.00 to 1.00."))
        #expect(markup.contains("stroke-dasharray=\"5 4\""), "what is computed is dashed")
        #expect(!markup.contains("none"), "a line without points is not there")
    }

    @Test func emptyChartsAreNotDrawn() {
        var chart = Self.lines()
        chart.series = [.init(name: "x", points: [(0, .nan), (.infinity, 1)])]
        #expect(chart.figure(key: "f") == nil)
        #expect(IntervalChart(title: "t", axis: .init("loss"), rows: []).figure(key: "f") == nil)
        #expect(TimelineChart(title: "t", kinds: [], lanes: [.init(name: "a", spans: [])]).figure(key: "f") == nil)
        #expect(GraphDrawing(title: "t", nodes: [], edges: []).figure(key: "f") == nil)
        #expect(HeatMap(title: "t", kind: .diverging, unit: "u", columns: [], rows: [], digits: 2).html == nil)
    }

    @Test func hostileNamesAreEscapedEverywhere() throws {
        let name = Self.hostile
        _ = Self.check(try #require(Self.lines(name, title: name).figure(key: "f")))
        _ = Self.check(
            try #require(
                IntervalChart(
                    title: name, axis: .init(name),
                    rows: [.init(name: name, value: 1, interval: 0.9...1.2, parts: [1, 2])]
                )
                .figure(key: "f")))
        _ = Self.check(
            try #require(
                TimelineChart(
                    title: name, kinds: [name],
                    lanes: [.init(name: name, spans: [0...3], marks: [.init(time: 1, kind: 0, note: name)])]
                ).figure(key: "f")))
        _ = Self.check(
            try #require(
                GraphDrawing(
                    title: name, nodes: [.init(name: name, size: 3, note: name), .init(name: "b")],
                    edges: [.init(0, 1, weight: 0.5), .init(0, 9), .init(1, 1)]
                ).figure(key: "f")))
        let map = HeatMap(
            title: name, kind: .diverging, unit: name, columns: [name], rows: [(name, [0.5, nil, -.infinity])],
            digits: 2)
        let html = try #require(map.html)
        #expect(!html.contains("<script") && !html.contains("\u{202E}"))
    }

    @Test func picturesAreTheSameAlways() {
        #expect(Self.lines().figure(key: "f") == Self.lines().figure(key: "f"))
    }

    /// A hundred lines: pale ones, and no more names than there is room for.
    @Test func manyLinesHaveNoMoreNamesThanRoom() throws {
        var chart = Self.lines()
        chart.series = (0..<100).map { .init(name: "p\($0)", points: [(0, 2), (1, Double($0))], role: .one) }
        chart.series.append(.init(name: "mean", points: [(0, 2), (1, 50)]))
        let markup = Self.check(try #require(chart.figure(key: "f")))
        #expect(markup.components(separatedBy: "class=\"pale s6\"").count == 101)
        #expect(markup.components(separatedBy: "class=\"name\"").count == 2)
        #expect(markup.contains("100 pale lines"))
    }

    @Test func cellsHaveTheColoursOfTheirValues() throws {
        let map = HeatMap(
            title: "gain", kind: .diverging, unit: "nats", columns: ["a", "b", "c", "d"],
            rows: [("p", [2, -2, 0.01, nil])], digits: 2)
        let html = try #require(map.html)
        #expect(html.contains("<td class=\"h8\">+2.00</td><td class=\"h0\">-2.00</td><td class=\"h4\">+0.01</td>"))
        #expect(html.contains("worse by 2.00") && html.contains("<td class=\"none\">–</td>"))
        var sums = map
        sums.sums = 1
        #expect(try #require(sums.html).contains("<td>+2.00</td><td class=\"h0\">-2.00</td>"))
        let counts = HeatMap(
            title: "n", kind: .sequential, unit: "records", columns: ["a"], rows: [("p", [0]), ("q", [0])], digits: 0)
        #expect(try #require(counts.html).contains("<td class=\"h4\">0</td>"))
    }
}
