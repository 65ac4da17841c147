/// A whole number times a power of ten: a tick's value without the rounding of binary fractions.
package struct RoundNumber: Sendable, Hashable {
    /// The whole number.
    package var coefficient: Int
    /// The power of ten.
    package var exponent: Int

    package init(_ coefficient: Int, exponent: Int = 0) {
        self.coefficient = coefficient
        self.exponent = exponent
    }

    /// The nearest floating-point number.
    package var value: Double { Double("\(coefficient)e\(exponent)") ?? 0 }

    /// As people write it in the least space: `0`, `2.5`, `1500`, and `2·10⁻⁷` where the digits would be many.
    package var text: String {
        guard coefficient != 0 else { return "0" }
        var (digits, power) = (coefficient.magnitude, exponent)
        while digits % 10 == 0 { (digits, power) = (digits / 10, power + 1) }
        let written = String(digits)
        // Where its first digit stands.
        let leading = written.count - 1 + power
        guard leading > 5 || leading < -3 else { return fixed(digits: max(0, -power)) }
        let mantissa = written.count == 1 ? written : "\(written.prefix(1)).\(written.dropFirst())"
        return (coefficient < 0 ? "−" : "") + (mantissa == "1" ? "" : mantissa + "·") + "10"
            + Self.superscript(leading)
    }

    /// With `digits` digits after the point, at least as many as `exponent` asks for; zero stays `0`.
    package func fixed(digits: Int) -> String {
        guard coefficient != 0 else { return "0" }
        var written = String(coefficient.magnitude)
        // What an exponent of less than `digits` has behind is zeros.
        let zeros = digits + exponent
        if zeros >= 0 {
            written += String(repeating: "0", count: zeros)
        } else {
            written = String(written.dropLast(-zeros))
        }
        if written.count <= digits { written = String(repeating: "0", count: digits + 1 - written.count) + written }
        let sign = coefficient < 0 ? "−" : ""
        guard digits > 0 else { return sign + written }
        return sign + written.dropLast(digits) + "." + written.suffix(digits)
    }

    private static let superscripts: [Character] = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")

    private static func superscript(_ number: Int) -> String {
        (number < 0 ? "⁻" : "")
            + String("\(number.magnitude)".compactMap { $0.wholeNumberValue.map { superscripts[$0] } })
    }
}
