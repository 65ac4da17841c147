/// All values of one metric at one moment, as Prometheus counts them: a name, what kind it is, what it says, and a value for
/// each set of labels.
package struct MetricFamily: Sendable, Hashable {
    /// What a value does over time.
    package enum Kind: String, Sendable, Hashable {
        /// It only grows, but for a process that begins anew.
        case counter
        /// It goes up and down.
        case gauge
        /// A number of observations and their sum.
        case summary
    }

    /// A label and its value.
    package struct Label: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A value with its labels. `suffix` stands behind the family's name, as `_sum` of a summary does.
    package struct Sample: Sendable, Hashable {
        package var suffix = ""
        package var labels: [Label]
        package var value: Double

        package init(_ labels: [Label] = [], _ value: Double, suffix: String = "") {
            self.suffix = suffix
            self.labels = labels
            self.value = value
        }
    }

    package var name: String
    package var kind: Kind
    /// One sentence.
    package var help: String
    package var samples: [Sample]

    package init(name: String, kind: Kind, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }
}

/// Prometheus' text format, version 0.0.4.
package enum PrometheusText {
    /// What the text is called in the header of an answer.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The lines for `families`; those without a value have none.
    package static func of(_ families: [MetricFamily]) -> String {
        families.filter { !$0.samples.isEmpty }.map { family in
            "# HELP \(family.name) \(escaped(family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
                + family.samples.map { line(family.name, $0) }.joined()
        }.joined()
    }

    private static func line(_ name: String, _ sample: MetricFamily.Sample) -> String {
        let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value, within: "\""))\"" }
        return name + sample.suffix + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
            + " \(number(sample.value))\n"
    }

    /// `text` with what would end a line, or a label's value between quotes, written as the format has it.
    private static func escaped(_ text: String, within quote: Unicode.Scalar? = nil) -> String {
        var result = String.UnicodeScalarView()
        for character in text.unicodeScalars {
            switch character {
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quote == "\"": result.append(contentsOf: "\\\"".unicodeScalars)
            default: result.append(character)
            }
        }
        return String(result)
    }

    /// A value as the format has it: whole numbers without a point, `NaN`, `+Inf`, `-Inf`.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }

    /// Whether `name` may be the name of a metric, or of a label where `isLabel`.
    package static func isName(_ name: String, isLabel: Bool = false) -> Bool {
        guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
        return name.unicodeScalars.allSatisfy { character in
            switch character {
            case "a"..."z", "A"..."Z", "0"..."9", "_": true
            case ":": !isLabel
            default: false
            }
        }
    }
}
