import Storage

/// Amounts as people write them: a number and its unit, `20MB`, `512 kbit/s`.
package struct QuantityUnits: Sendable {
    /// From the largest; the last is one.
    private let units: [(name: String, size: Double)]
    /// What is said of them.
    let example: String

    /// Bytes, in powers of ten.
    package static let bytes = QuantityUnits(
        units: [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1)], example: "20MB, 512kB")
    /// Bits a second.
    package static let bitRate = QuantityUnits(
        units: [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1)], example: "20Mbit/s, 512kbit/s")

    /// The amount that `text` means, above zero and at most 10¹⁵; nil for anything else.
    package func amount(_ text: String) -> Double? {
        for unit in units where text.lowercased().hasSuffix(unit.name.lowercased()) {
            var number = text.dropLast(unit.name.count)
            while number.last == " " { number.removeLast() }
            guard let value = Double(number), value > 0, value * unit.size <= 1e15 else { return nil }
            return value * unit.size
        }
        return nil
    }

    /// The largest unit that `amount` holds; the smallest for less than one.
    package func largest(in amount: Double) -> (name: String, size: Double) {
        units.first { amount >= $0.size } ?? units[units.count - 1]
    }

    /// `amount` in the largest unit in which it has a short text, so that reading the text gives it back
    /// to the last bit.
    package func text(_ amount: Double) -> String {
        for unit in units where amount >= unit.size {
            let text = ValueFormat<Double>.text(amount / unit.size) + unit.name
            if self.amount(text) == amount { return text }
        }
        return ValueFormat<Double>.text(amount) + (units.last?.name ?? "")
    }
}

extension ValueFormat where Value == Double {
    /// An amount of `units`, from `least` on.
    static func quantity(_ units: QuantityUnits, from least: Double) -> ValueFormat {
        let values = "\(units.text(least)) to \(units.text(1e15)), such as \(units.example)"
        return ValueFormat(
            values: values, schema: ["type": "string", "minLength": 1],
            read: { place in
                let text = try place.text()
                guard let amount = units.amount(text), amount >= least else {
                    throw place.error("\"\(text)\" is no such amount; \(values)")
                }
                return amount
            }, write: { units.text($0) }, json: { .text(units.text($0)) })
    }

    /// Bytes: `20MB`.
    package static var byteCount: ValueFormat { quantity(.bytes, from: 1000) }

    /// Bits a second: `20Mbit/s`.
    package static var bitRate: ValueFormat { quantity(.bitRate, from: 1000) }
}
