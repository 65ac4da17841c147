import Foundation

/// One axis of a chart: the values that it spans, its ticks at round numbers, and where a value lies on it.
///
/// The ends of an axis are ticks, so nothing that is drawn lies outside of what is labelled. Any finite values may be
/// given: equal ones, tiny and huge ranges get an axis that can be read as well.
package struct AxisScale: Sendable, Equatable {
    /// What is measured: it decides which numbers are round, and how they are written.
    package enum Measure: Sendable, Hashable {
        /// Plain numbers in steps of 1, 2 or 5 times a power of ten.
        case number
        /// Whole numbers, rounds for example: no steps below one.
        case count
        /// Bytes, written as `20 MB`; powers of ten.
        case bytes
        /// Seconds, in steps that divide minutes, hours and days, written as `30 s`, `5 min`, `2 h`.
        case seconds
    }

    /// Whether an axis begins at zero though its values do not.
    package enum Zero: Sendable, Hashable {
        /// Always: sizes and amounts.
        case always
        /// Where the least value is below 40 % of the greatest, so that zero costs little room.
        case whenNear
        /// Never, unless the values reach it.
        case never
    }

    /// A value with a label.
    package struct Tick: Sendable, Hashable {
        package let value: Double
        package let label: String
    }

    /// The ticks, ascending: 3 to 8. The first and the last are the ends of the axis.
    package let ticks: [Tick]
    /// Whether equal ratios, not equal differences, have equal lengths.
    package let isLogarithmic: Bool

    /// The least value on the axis.
    package var lower: Double { ticks[0].value }
    /// The greatest value on the axis.
    package var upper: Double { ticks[ticks.count - 1].value }

    /// A linear axis for `values`; those that are not finite are passed over.
    package init(_ values: some Sequence<Double>, measure: Measure = .number, zero: Zero = .never) {
        isLogarithmic = false
        var (low, high) = Self.extent(values) ?? (0, 1)
        if zero == .always || zero == .whenNear && low > 0 && low < 0.4 * high { low = min(low, 0) }
        if zero == .always { high = max(high, 0) }
        (low, high) = Self.widened(low, high, whole: measure == .count)
        ticks = measure == .seconds ? Self.timeTicks(low, high) : Self.roundTicks(low, high, measure)
    }

    /// A logarithmic axis for those of `values` that are positive: ticks at powers of ten, and at 2 and 5 times these where
    /// the values span less than two powers.
    package init(logarithmic values: some Sequence<Double>, measure: Measure = .number) {
        isLogarithmic = true
        let (low, high) = Self.extent(values.filter { $0 >= 1e-300 }) ?? (0.1, 10)
        ticks = Self.powers(low, high).map {
            Tick(value: $0.value, label: measure == .bytes ? Self.bytes($0) : $0.text)
        }
    }

    /// Where `value` lies: 0 at the lower end, 1 at the upper; what lies outside is moved to the nearer end.
    package func place(of value: Double) -> Double {
        func along(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }
        guard value > lower else { return 0 }
        guard value < upper else { return 1 }
        return (along(value) - along(lower)) / (along(upper) - along(lower))
    }

    // MARK: Which values it spans

    /// The least and the greatest of the finite values, none beyond 10³⁰⁰, and zero for what is nearer to it than 10⁻³⁰⁰:
    /// differences and quotients of them are finite.
    private static func extent(_ values: some Sequence<Double>) -> (Double, Double)? {
        let kept = values.lazy.filter(\.isFinite)
            .map { abs($0) < 1e-300 ? 0 : min(1e300, max(-1e300, $0)) }
        guard let low = kept.min(), let high = kept.max() else { return nil }
        return (low, high)
    }

    /// The same range, or one around it that is wide enough for labels to differ. What is not negative stays so.
    private static func widened(_ low: Double, _ high: Double, whole: Bool) -> (Double, Double) {
        let size = max(abs(low), abs(high))
        let least = max(size * 1e-6, whole ? 2 : 0)
        guard high - low <= least else { return (low, high) }
        if whole { return (low.rounded(.down), max(high, low.rounded(.down) + max(least, 2))) }
        if size == 0 { return (0, 1) }
        // One value, or as good as one: a tenth of it on both sides.
        let (from, to) = (low - size * 0.1, high + size * 0.1)
        return low >= 0 ? (max(0, from), to) : high <= 0 ? (from, min(0, to)) : (from, to)
    }

    // MARK: Ticks

    /// The least number of intervals between ticks, and the greatest.
    private static let intervals = 2...7

    private static func roundTicks(_ low: Double, _ high: Double, _ measure: Measure) -> [Tick] {
        // Begins well below what is needed, so that rounding of the logarithm does no harm.
        var exponent = Int(log10((high - low) / Double(intervals.upperBound)).rounded(.down)) - 1
        if measure == .count { exponent = max(0, exponent) }
        while true {
            for mantissa in [1, 2, 5] {
                let step = RoundNumber(mantissa, exponent: exponent)
                guard let range = multiples(of: step.value, low, high) else { continue }
                let numbers = range.map { RoundNumber($0 * mantissa, exponent: exponent) }
                return zip(numbers, labels(numbers, measure)).map { Tick(value: $0.value, label: $1) }
            }
            exponent += 1
        }
    }

    /// The multiples of `step` from the last that is not above `low` to the first that is not below `high`; nil where they
    /// are too many.
    ///
    /// What is nearer to a multiple than a millionth of a step is that multiple: 0.94 / 0.01 is 93.99….
    private static func multiples(of step: Double, _ low: Double, _ high: Double) -> ClosedRange<Int>? {
        guard (high - low) / step <= Double(intervals.upperBound) else { return nil }
        let from = (low / step + 1e-6).rounded(.down)
        var to = (high / step - 1e-6).rounded(.up)
        guard to - from <= Double(intervals.upperBound) else { return nil }
        to = max(to, from + Double(intervals.lowerBound))
        return Int(from)...Int(to)
    }

    private static func labels(_ numbers: [RoundNumber], _ measure: Measure) -> [String] {
        if measure == .bytes {
            // Up to 1000 B, not 1 kB: the ticks below would be fractions.
            let unit = byteUnit((numbers.map { abs($0.value) }.max() ?? 0) * 0.999)
            return numbers.map { bytes($0, unit: unit) }
        }
        let largest = numbers.map { abs($0.value) }.max() ?? 0
        let exponent = numbers[0].exponent
        guard largest < 1e6, exponent >= -4 else { return numbers.map(\.text) }
        // As many digits for all, and no more than any needs.
        let digits = numbers.allSatisfy { $0.coefficient % 10 == 0 } ? max(0, -exponent - 1) : max(0, -exponent)
        return numbers.map { $0.fixed(digits: digits) }
    }

    private static let byteUnits: [(exponent: Int, name: String)] = [
        (0, "B"), (3, "kB"), (6, "MB"), (9, "GB"), (12, "TB"), (15, "PB"),
    ]

    private static func byteUnit(_ size: Double) -> (exponent: Int, name: String) {
        byteUnits.last { size >= RoundNumber(1, exponent: $0.exponent).value } ?? byteUnits[0]
    }

    private static func bytes(_ number: RoundNumber, unit: (exponent: Int, name: String)? = nil) -> String {
        guard number.coefficient != 0 else { return "0" }
        let unit = unit ?? byteUnit(abs(number.value))
        return RoundNumber(number.coefficient, exponent: number.exponent - unit.exponent).text + " " + unit.name
    }

    /// Steps of time that people count in, in seconds.
    private static let timeSteps = [
        1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
        432_000,
    ]

    private static func timeTicks(_ low: Double, _ high: Double) -> [Tick] {
        let step = timeSteps.lazy.filter { high - low > 2 && multiples(of: Double($0), low, high) != nil }.first
        guard let step, let range = multiples(of: Double(step), low, high) else {
            // Below seconds and above weeks there are no steps but round numbers.
            let isLong = high - low > 2
            let unit = isLong ? 86_400.0 : 1
            return roundTicks(low / unit, high / unit, .number).map { tick in
                Tick(value: tick.value * unit, label: tick.label == "0" ? "0" : tick.label + (isLong ? " d" : " s"))
            }
        }
        let (unit, name) =
            step % 86_400 == 0
            ? (86_400, "d") : step % 3600 == 0 ? (3600, "h") : step % 60 == 0 ? (60, "min") : (1, "s")
        return range.map { place in
            let count = RoundNumber(place * (step / unit))
            return Tick(value: Double(place * step), label: count.coefficient == 0 ? "0" : count.text + " " + name)
        }
    }

    /// Round numbers on a logarithmic axis from `low` to `high`.
    private static func powers(_ low: Double, _ high: Double) -> [RoundNumber] {
        let first = Int(log10(low).rounded(.down)) - 1
        let last = Int(log10(high).rounded(.up)) + 1
        func cut(_ numbers: [RoundNumber]) -> [RoundNumber] {
            var from = numbers.lastIndex { $0.value <= low } ?? 0
            var to = numbers.firstIndex { $0.value >= high } ?? numbers.count - 1
            while to - from < intervals.lowerBound {
                if to < numbers.count - 1 { to += 1 } else { from -= 1 }
            }
            return Array(numbers[from...to])
        }
        let fine = cut((first...last).flatMap { power in [1, 2, 5].map { RoundNumber($0, exponent: power) } })
        if fine.count <= 6 { return fine }
        let decades = cut((first...last).map { RoundNumber(1, exponent: $0) })
        // So many powers apart that there are not too many; the upper end moves up to a tick.
        let apart = (decades.count - 1 + intervals.upperBound - 1) / intervals.upperBound
        let count = (decades.count - 1 + apart - 1) / apart
        return (0...max(count, intervals.lowerBound)).map {
            RoundNumber(1, exponent: decades[0].exponent + $0 * apart)
        }
    }
}
