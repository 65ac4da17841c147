import Basics
import Foundation
import Observability
import Testing

@Suite struct AxisScaleTests {
    private func labels(_ scale: AxisScale) -> [String] { scale.ticks.map(\.label) }

    @Test func numbersHaveTicksOfOneTwoOrFive() {
        #expect(labels(AxisScale([0.3, 4.4])) == ["0", "1", "2", "3", "4", "5"])
        #expect(labels(AxisScale([0.94, 0.982])) == ["0.94", "0.95", "0.96", "0.97", "0.98", "0.99"])
        #expect(labels(AxisScale([-30, 100])) == ["−40", "−20", "0", "20", "40", "60", "80", "100"])
        #expect(labels(AxisScale([2e-6, 6e-6])) == ["2·10⁻⁶", "3·10⁻⁶", "4·10⁻⁶", "5·10⁻⁶", "6·10⁻⁶"])
    }

    /// Rounds are whole, and so are their ticks.
    @Test func countsAreWhole() {
        #expect(labels(AxisScale([0, 2], measure: .count)) == ["0", "1", "2"])
        #expect(labels(AxisScale([5], measure: .count)) == ["5", "6", "7"])
        #expect(labels(AxisScale([0, 23], measure: .count)) == ["0", "5", "10", "15", "20", "25"])
    }

    @Test func bytesHaveTheirUnit() {
        #expect(
            labels(AxisScale([120_000, 4_600_000], measure: .bytes, zero: .always)) == [
                "0", "1 MB", "2 MB", "3 MB", "4 MB", "5 MB",
            ])
        #expect(labels(AxisScale([0, 900], measure: .bytes)) == ["0", "200 B", "400 B", "600 B", "800 B", "1000 B"])
        #expect(
            labels(AxisScale(logarithmic: [2e5, 3e8], measure: .bytes)) == [
                "100 kB", "1 MB", "10 MB", "100 MB", "1 GB",
            ])
    }

    @Test(arguments: [
        ([0.0, 18], ["0", "5 s", "10 s", "15 s", "20 s"]),
        ([0, 130], ["0", "20 s", "40 s", "60 s", "80 s", "100 s", "120 s", "140 s"]),
        ([0, 3000], ["0", "10 min", "20 min", "30 min", "40 min", "50 min"]),
        ([0, 40_000], ["0", "2 h", "4 h", "6 h", "8 h", "10 h", "12 h"]),
        ([0, 0.8], ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s"]),
        ([0, 3e6], ["0", "5 d", "10 d", "15 d", "20 d", "25 d", "30 d", "35 d"]),
    ])
    func timeHasTheStepsOfClocks(values: [Double], labels: [String]) {
        #expect(self.labels(AxisScale(values, measure: .seconds)) == labels)
    }

    @Test func logarithmicAxesHaveTicksAtPowers() {
        #expect(labels(AxisScale(logarithmic: [6e-5, 1.25])) == ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1", "10"])
        #expect(labels(AxisScale(logarithmic: [3, 30])) == ["2", "5", "10", "20", "50"])
        #expect(labels(AxisScale(logarithmic: [])) == ["0.1", "1", "10"])
        // What is not positive has no place there, and does no harm.
        #expect(AxisScale(logarithmic: [0, -3, 1, 1000]).lower == 1)
    }

    /// No axis begins below zero for what cannot be negative, and zero is there where it means something.
    @Test(arguments: 0..<200)
    func noAxisBeginsBelowZeroWithoutNeed(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let values = (0..<5).map { _ in pow(10, random.uniform() * 20 - 10) }
        #expect(AxisScale(values).lower >= 0)
        #expect(AxisScale(values, zero: .always).lower == 0)
        #expect(AxisScale(values.map { -$0 }).upper <= 0)
    }

    static let hostile: [[Double]] = [
        [], [.nan], [0], [0, 0], [1, 1], [-7, -7], [.infinity, 1], [-.infinity], [1e308, -1e308],
        [.leastNonzeroMagnitude], [.leastNonzeroMagnitude, 1e-305],
        [1e15, 1e15 + 1], [1, 1 + 1e-15], [-1e-300, 1e300], [1e300, 1e300], [.greatestFiniteMagnitude], [-0.0, 0.0],
        [999_999.5, 1_000_000.5], [0, 1e-12], [-1e-9, 1e9],
    ]

    private static func isRound(_ mantissa: Double, slack: Double) -> Bool {
        let round: [Double] = [1, 2, 5, 10]
        return round.contains { abs($0 - mantissa) < slack * 10 }
    }

    /// 3 to 8 ticks, ascending, the first and last around all values: for whatever is given.
    private func check(_ scale: AxisScale, _ values: [Double]) {
        let ticks = scale.ticks.map(\.value)
        #expect((3...8).contains(ticks.count), "\(values): \(ticks)")
        #expect(
            ticks.allSatisfy(\.isFinite) && zip(ticks, ticks.dropFirst()).allSatisfy { $0 < $1 }, "\(values): \(ticks)")
        #expect(Set(scale.ticks.map(\.label)).count == ticks.count, "labels differ: \(scale.ticks.map(\.label))")
        for value in values where value.isFinite && abs(value) <= 1e300 && (!scale.isLogarithmic || value >= 1e-300) {
            // Ticks are decimal fractions: what is drawn may be beyond one by what nobody sees.
            let slack = 2e-6 * (scale.upper - scale.lower)
            #expect(value >= scale.lower - slack && value <= scale.upper + slack, "\(value) in \(ticks)")
        }
        for value in values + ticks where !value.isNaN { #expect((0...1).contains(scale.place(of: value))) }
        for (one, other) in zip(ticks, ticks.dropFirst()) { #expect(scale.place(of: one) < scale.place(of: other)) }
    }

    @Test(arguments: hostile.indices)
    func anyValuesHaveAnAxis(index: Int) {
        let values = Self.hostile[index]
        for measure in [AxisScale.Measure.number, .count, .bytes, .seconds] {
            for zero in [AxisScale.Zero.never, .whenNear, .always] {
                check(AxisScale(values, measure: measure, zero: zero), values)
            }
        }
        check(AxisScale(logarithmic: values), values)
    }

    @Test(arguments: 0..<400)
    func drawnValuesHaveAnAxisOfRoundTicks(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let (centre, width) = (pow(10, random.uniform() * 24 - 12), pow(10, random.uniform() * 24 - 12))
        let sign = random.uniform() < 0.3 ? -1.0 : 1
        let values = (0..<4).map { _ in sign * centre + (random.uniform() - 0.5) * width }
        for measure in [AxisScale.Measure.number, .count, .bytes, .seconds] {
            let scale = AxisScale(values, measure: measure)
            check(scale, values)
            guard measure != .seconds else { continue }
            // The step is 1, 2 or 5 times a power of ten, and every tick a multiple of it.
            let step = scale.ticks[1].value - scale.ticks[0].value
            let mantissa = step / pow(10, log10(step * 1.0001).rounded(.down))
            // Ticks far from zero are rounded themselves.
            let slack = 1e-6 + 1e-9 * centre / step
            #expect(Self.isRound(mantissa, slack: slack), "\(scale.ticks)")
        }
        let positive = values.map { abs($0) }
        check(AxisScale(logarithmic: positive), positive)
        for tick in AxisScale(logarithmic: positive).ticks {
            let mantissa = tick.value / pow(10, log10(tick.value * 1.0001).rounded(.down))
            #expect(Self.isRound(mantissa, slack: 1e-6))
        }
    }
}

@Suite struct RoundNumberTests {
    @Test(arguments: [
        (0, 5, "0"), (25, -1, "2.5"), (15, 2, "1500"), (-4, 1, "−40"), (2, -7, "2·10⁻⁷"), (1, 9, "10⁹"),
        (125, -3, "0.125"),
        (1, -3, "0.001"), (1, 5, "100000"), (15, 6, "1.5·10⁷"), (10, -1, "1"),
    ])
    func isWrittenShort(coefficient: Int, exponent: Int, text: String) {
        #expect(RoundNumber(coefficient, exponent: exponent).text == text)
    }

    @Test func digitsLineUp() {
        #expect(RoundNumber(5, exponent: -1).fixed(digits: 2) == "0.50")
        #expect(RoundNumber(-12, exponent: 0).fixed(digits: 1) == "−12.0")
        #expect(RoundNumber(0, exponent: -3).fixed(digits: 3) == "0")
        #expect(RoundNumber(3, exponent: -2).fixed(digits: 2) == "0.03")
    }
}
