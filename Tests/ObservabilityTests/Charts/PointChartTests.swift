import Basics
import Foundation
import Observability
import TestSupport
import Testing

@Suite struct PointChartTests {
    static func chart(_ names: [String] = ["ring", "star"]) -> PointChart {
        PointChart(
            title: names[0], caption: "c", horizontal: .init("bytes a peer", measure: .bytes, zero: .always),
            vertical: .init("nats a token"),
            points: names.enumerated().map { index, name in
                .init(
                    name: name, x: 1e6 * Double(index + 1), y: 1.5 - 0.25 * Double(index),
                    interval: 1.25 - 0.25 * Double(index)...1.75, style: 0)
            } + [.init(name: "FedAvg", x: 3e6, y: 1, style: 1), .init(name: "none", x: 1, y: .nan, style: 1)],
            isJoined: true)
    }

    @Test func pointsAreDrawnNamedAndTold() throws {
        let markup = ChartTests.check(try #require(Self.chart().figure(key: "p")))
        for name in ["ring", "star", "FedAvg"] { #expect(markup.contains(">\(name)</text>"), "\(name)") }
        #expect(markup.contains("ring: 1.50, between 1.25 and 1.75, at 1.0 MB. star: 1.25"))
        #expect(
            markup.components(separatedBy: "class=\"pale s0\"").count == 2, "gossip's two are joined, FedAvg's one not")
        #expect(!markup.contains("none"), "what has no place is not there")
        var apart = Self.chart()
        apart.isJoined = false
        #expect(try #require(apart.figure(key: "p")).picture.markup.contains("pale") == false)
    }

    /// Both colour and mark tell the kinds apart.
    @Test func kindsHaveMarksOfTheirOwn() throws {
        let markup = try #require(Self.chart().figure(key: "p")).picture.markup
        #expect(markup.components(separatedBy: "<circle").count == 3 && markup.contains("<polygon"))
    }

    @Test func hostileNamesAndValuesDoNoHarm() throws {
        _ = ChartTests.check(try #require(Self.chart([ChartTests.hostile, "b"]).figure(key: "p")))
        var chart = Self.chart()
        chart.points = [
            .init(name: "far", x: 1e300, y: -1e300, interval: -1e308...1e308, style: 9),
            .init(name: "near", x: 1e-300, y: 0, interval: 0...Double.infinity, style: 30),
        ]
        _ = ChartTests.check(try #require(chart.figure(key: "p")))
        chart.horizontal.isLogarithmic = true
        chart.points.append(.init(name: "left", x: 0, y: 1, style: 0))
        let markup = ChartTests.check(try #require(chart.figure(key: "p")))
        #expect(!markup.contains("left"), "zero has no place on a logarithmic axis")
        chart.points = [.init(name: "x", x: .infinity, y: 1, style: 0)]
        #expect(chart.figure(key: "p") == nil)
    }

    /// Names of points that lie on one another stand apart, with a line to each that is far off.
    @Test func namesOfEqualPointsStandApart() throws {
        var chart = Self.chart()
        chart.points = (0..<8).map { .init(name: "value \($0)", x: 2e6, y: 1, style: 0) }
        let markup = ChartTests.check(try #require(chart.figure(key: "p")))
        for index in 0..<8 { #expect(markup.contains(">value \(index)</text>")) }
        #expect(markup.contains("class=\"leader\""))
    }

    /// For drawn points: inside, over nothing that is taken, and as many as have room.
    @Test(arguments: 0..<60)
    func labelsCoverNothing(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let frame = LabelLayout.Box(x: 50, y: 20, width: 380, height: 230)
        let count = 1 + seed % 12
        let points = (0..<count).map { _ in (x: 60 + 360 * random.uniform(), y: 30 + 210 * random.uniform()) }
        let marks = points.map { LabelLayout.Box(x: $0.x - 6, y: $0.y - 6, width: 12, height: 12) }
        let widths = (0..<count).map { _ in 30 + 90 * random.uniform() }
        let boxes = LabelLayout.beside(points, widths: widths, height: 16, around: marks, within: frame)
        #expect(boxes.count == count && boxes.allSatisfy { $0 != nil }, "a dozen have room")
        let placed = boxes.compactMap(\.self)
        for (index, box) in placed.enumerated() {
            #expect(frame.holds(box) && !marks.contains(where: box.meets))
            #expect(!placed[..<index].contains(where: box.meets))
        }
    }

    @Test func whatHasNoRoomHasNoLabel() {
        let frame = LabelLayout.Box(x: 0, y: 0, width: 100, height: 40)
        let boxes = LabelLayout.beside(
            [(20, 20), (20, 20)], widths: [60, 200], height: 16, around: [], within: frame)
        #expect(boxes[0] == .init(x: 30, y: 12, width: 60, height: 16) && boxes[1] == nil)
    }
}

@Suite struct IntervalChartTests {
    private static func markup(_ rows: [IntervalChart.Row], zero: AxisScale.Zero = .never) throws -> String {
        let chart = IntervalChart(title: "t", axis: .init("loss", zero: zero), rows: rows)
        return ChartTests.check(try #require(chart.figure(key: "f")))
    }

    /// Who has no figure keeps a row, with what is known and the words that say so.
    @Test func rowsWithoutAValueSayWhy() throws {
        let markup = try Self.markup([
            .init(name: "a", value: 1, interval: 0.5...1.5, words: "1.000 ± 0.500"),
            .init(name: "b", value: .nan, parts: [1.25, 2], words: "no figure"), .init(name: "c", value: .nan),
        ])
        #expect(markup.contains(">b no figure</text>") && markup.contains("b: no figure."))
        #expect(markup.components(separatedBy: "class=\"dot s1\"").count == 3)
        #expect(markup.contains("a: 1.000 ± 0.500, between 0.500 and 1.50."))
        #expect(!markup.contains(">c "), "without words a row without a value is left out")
        let none = IntervalChart(
            title: "t", axis: .init("loss"), rows: [.init(name: "b", value: .nan, words: "no figure")])
        #expect(none.figure(key: "f") == nil)
    }

    /// One far value does not press the others together.
    @Test(arguments: [(9.0, true), (3.0, false), (-4.0, true)])
    func whatLiesFarOffStandsAtTheEdge(value: Double, isOutside: Bool) throws {
        let markup = try Self.markup([
            .init(name: "base", value: value, interval: value - 0.125...value + 0.125, mayLieOutside: true),
            .init(name: "a", value: 1), .init(name: "b", value: 2.5),
        ])
        #expect((markup.contains("→") || markup.contains("←")) == isOutside)
        #expect(markup.contains("class=\"bar s0\"") != isOutside)
        #expect(markup.contains("base: "), "it is told either way")
    }

    @Test func zeroIsSeenWhereItMeansSomething() throws {
        let rows: [IntervalChart.Row] = [.init(name: "a", value: -1), .init(name: "b", value: 2)]
        #expect(try Self.markup(rows, zero: .always).components(separatedBy: "class=\"zero\"").count == 2)
        #expect(try !Self.markup(rows).contains("class=\"zero\""))
    }
}
