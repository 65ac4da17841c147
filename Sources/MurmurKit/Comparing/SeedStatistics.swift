/// Mean and 95 % interval of what several seeds gave.
package struct SeedInterval: Sendable, Hashable {
    package let mean: Double
    /// Half the width of Student's interval; nil for fewer than two seeds.
    package let half: Double?
    package let count: Int

    init(mean: Double, half: Double?, count: Int) {
        self.mean = mean
        self.half = half
        self.count = count
    }

    /// From where to where; nil for one seed.
    package var range: ClosedRange<Double>? {
        half.flatMap { $0.isFinite && mean.isFinite ? mean - $0...mean + $0 : nil }
    }

    /// Nil for no values.
    package init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let (n, mean) = (Double(values.count), values.reduce(0, +) / Double(values.count))
        self.mean = mean
        count = values.count
        guard values.count > 1 else {
            half = nil
            return
        }
        let variance = values.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        half = Self.quantile(values.count - 1) * (variance / n).squareRoot()
    }

    /// Of the differences of what the same seeds gave: only seeds that both have count.
    package static func difference(_ one: [Double?], _ other: [Double?]) -> SeedInterval? {
        SeedInterval(zip(one, other).compactMap { pair in pair.0.flatMap { a in pair.1.map { a - $0 } } })
    }

    /// What a difference of losses says.
    package enum Verdict: String, Sendable, Hashable {
        case better, worse
        case noise = "within noise"
        /// Two seeds at least make an interval.
        case oneSeed = "one seed"
    }

    package var verdict: Verdict {
        guard let half else { return .oneSeed }
        return mean + half < 0 ? .better : mean - half > 0 ? .worse : .noise
    }

    /// The 97.5 % quantile of Student's distribution; beyond 30 degrees of freedom by the first two terms of its expansion
    /// about the normal one (Abramowitz and Stegun, 26.7.5).
    static func quantile(_ degrees: Int) -> Double {
        let table = [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
            2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
        ]
        guard degrees > table.count else { return table[max(0, degrees - 1)] }
        let z = 1.959964
        return z + (z * z * z + z) / (4 * Double(degrees))
    }
}

/// A learning rate chosen among several by the loss on the validation part.
package struct RateChoice: Sendable, Hashable {
    /// Where in the grid the best rate lies.
    package enum Place: String, Sendable, Hashable {
        case inside, lowest, highest
        /// There was no other.
        case only
    }

    package let rate: String
    package let place: Place
    /// The rates with their mean validation losses, nil where a seed has none; ascending.
    package let losses: [Loss]

    package struct Loss: Sendable, Hashable {
        package let rate: String
        package let mean: Double?
    }

    /// The best of `rates`, where every seed has a loss; nil where none has.
    package init?(_ rates: [(rate: String, losses: [Double?])]) {
        let sorted = rates.map { rate, losses in
            let known = losses.compactMap(\.self).filter(\.isFinite)
            return Loss(
                rate: rate,
                mean: known.isEmpty || known.count < losses.count ? nil : known.reduce(0, +) / Double(known.count))
        }.sorted { (Double($0.rate) ?? 0) < (Double($1.rate) ?? 0) }
        // Of equal ones the lowest.
        var best: Int?
        for (index, loss) in sorted.enumerated() {
            guard let mean = loss.mean else { continue }
            if let known = best.flatMap({ sorted[$0].mean }), known <= mean { continue }
            best = index
        }
        guard let best else { return nil }
        rate = sorted[best].rate
        losses = sorted
        place =
            sorted.count == 1 ? .only : best == 0 ? .lowest : best == sorted.count - 1 ? .highest : .inside
    }

    /// What is to be said where the best rate is not inside the grid; nil where it is.
    package var remark: String? {
        switch place {
        case .inside: nil
        case .only: "the one rate \(rate): it was not swept"
        case .lowest: "its best rate \(rate) is the lowest of the grid: a lower one may be better"
        case .highest: "its best rate \(rate) is the highest of the grid: a higher one may be better"
        }
    }
}
