import Foundation

/// A step that rewrites text before it is cut into words.
indirect enum TextNormalizer: Sendable {
    /// Puts text in front of text that is not empty.
    case prepend([UInt8])
    /// Replaces every occurrence of a string that is not empty.
    case replace([UInt8], by: [UInt8])
    /// Unicode normalization form C.
    case composed
    /// Unicode normalization form KC.
    case compatibilityComposed
    case sequence([TextNormalizer])

    /// The rewritten text.
    func apply(to text: [UInt8]) -> [UInt8] {
        switch self {
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content): Self.replace(pattern, by: content, in: text)
        case .composed:
            Self.isASCII(text)
                ? text : Array(CanonicalComposition.composed(String(decoding: text, as: UTF8.self)).utf8)
        case .compatibilityComposed:
            Self.isASCII(text)
                ? text : Array(CanonicalComposition.compatibilityComposed(String(decoding: text, as: UTF8.self)).utf8)
        case .sequence(let steps): steps.reduce(text) { $1.apply(to: $0) }
        }
    }

    /// `text` with every occurrence of `pattern`, from the left, replaced.
    static func replace(_ pattern: [UInt8], by content: [UInt8], in text: [UInt8]) -> [UInt8] {
        guard let first = pattern.first else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == first, text[index...].starts(with: pattern) {
                result.append(contentsOf: content)
                index += pattern.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func isASCII(_ text: [UInt8]) -> Bool { text.allSatisfy { $0 < 0x80 } }
}

/// Unicode normalization forms C and KC.
///
/// Foundation's composition looks characters beyond the basic plane up by their low 16 bits and then makes one of U+1042D
/// and U+0308 that has nothing to do with either. So those characters and the marks behind them are composed here, by the
/// algorithm of Unicode Standard Annex 15; nothing before them composes with them.
///
/// Foundation also sorts the marks behind a character by moving each past those before it, so that a long run of marks in
/// disorder takes time with the square of its length. Marks are put in their canonical order here first, which changes no
/// normal form.
enum CanonicalComposition {
    /// Form C of `text`.
    static func composed(_ text: String) -> String { composedInOrder(inCanonicalOrder(text)) }

    /// Form C of `text`, whose marks are in canonical order.
    private static func composedInOrder(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value >= 0x10000 }) else {
            return text.precomposedStringWithCanonicalMapping
        }
        var result = String.UnicodeScalarView()
        var plain = String.UnicodeScalarView()
        var high = String.UnicodeScalarView()
        func flush() {
            result.append(contentsOf: String(plain).precomposedStringWithCanonicalMapping.unicodeScalars)
            result.append(contentsOf: composedHigh(String(high)))
            plain = .init()
            high = .init()
        }
        for scalar in text.unicodeScalars {
            let isStarter = scalar.properties.canonicalCombiningClass == .notReordered
            let goesOn = !isStarter && !(plain.isEmpty && high.isEmpty)
            if goesOn {
                if high.isEmpty { plain.append(scalar) } else { high.append(scalar) }
            } else if scalar.value >= 0x10000 {
                high.append(scalar)
            } else {
                if !high.isEmpty { flush() }
                plain.append(scalar)
            }
        }
        flush()
        return String(result)
    }

    /// Form KC of `text`.
    static func compatibilityComposed(_ text: String) -> String {
        composedInOrder(inCanonicalOrder(text).decomposedStringWithCompatibilityMapping)
    }

    /// `text` with the marks of each run ordered by their combining class, those of one class as they stand (the canonical
    /// ordering of Unicode Standard Annex 15).
    static func inCanonicalOrder(_ text: String) -> String {
        guard !isInCanonicalOrder(text) else { return text }
        var result = String.UnicodeScalarView()
        // One list for each combining class, and which of them the run has used.
        var marks = [[Unicode.Scalar]](repeating: [], count: 256)
        var used: Set<Int> = []
        var count = 0
        func flush() {
            for value in used.sorted() {
                result.append(contentsOf: marks[value])
                marks[value].removeAll(keepingCapacity: true)
            }
            used.removeAll(keepingCapacity: true)
            count = 0
        }
        for scalar in text.unicodeScalars {
            for part in tibetanVowels.contains(scalar.value) ? (marksOfVowels[scalar] ?? [scalar]) : [scalar] {
                let value = Int(part.properties.canonicalCombiningClass.rawValue)
                if value == 0 {
                    if count > 0 { flush() }
                    result.append(part)
                } else {
                    marks[value].append(part)
                    used.insert(value)
                    count += 1
                }
            }
        }
        flush()
        return String(result)
    }

    /// Whether no mark stands behind one of a higher combining class: so it is in almost every text.
    private static func isInCanonicalOrder(_ text: String) -> Bool {
        var last: UInt8 = 0
        for scalar in text.unicodeScalars {
            let value = scalar.properties.canonicalCombiningClass.rawValue
            if value < last && value > 0 || tibetanVowels.contains(scalar.value) { return false }
            last = value
        }
        return true
    }

    /// Where characters lie that are no marks themselves and decompose into marks alone.
    private static let tibetanVowels: ClosedRange<UInt32> = 0x0f73...0x0f81
    private static let marksOfVowels: [Unicode.Scalar: [Unicode.Scalar]] = [
        "\u{0f73}": ["\u{0f71}", "\u{0f72}"], "\u{0f75}": ["\u{0f71}", "\u{0f74}"],
        "\u{0f81}": ["\u{0f71}", "\u{0f80}"],
    ]

    /// The compositions beyond the basic plane.
    private static let pairs: [UInt64: Unicode.Scalar] = {
        let table: [(UInt32, UInt32, UInt32)] = [
            (0x11099, 0x110ba, 0x1109a), (0x1109b, 0x110ba, 0x1109c), (0x110a5, 0x110ba, 0x110ab),
            (0x11131, 0x11127, 0x1112e), (0x11132, 0x11127, 0x1112f), (0x11347, 0x1133e, 0x1134b),
            (0x11347, 0x11357, 0x1134c), (0x114b9, 0x114ba, 0x114bb), (0x114b9, 0x114b0, 0x114bc),
            (0x114b9, 0x114bd, 0x114be), (0x115b8, 0x115af, 0x115ba), (0x115b9, 0x115af, 0x115bb),
            (0x11935, 0x11930, 0x11938),
        ]
        var pairs: [UInt64: Unicode.Scalar] = [:]
        for (first, second, whole) in table {
            pairs[UInt64(first) << 32 | UInt64(second)] = Unicode.Scalar(whole)
        }
        return pairs
    }()

    /// Form C of text that begins with a character beyond the basic plane and holds only such and marks.
    private static func composedHigh(_ text: String) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in text.decomposedStringWithCanonicalMapping.unicodeScalars {
            let combiningClass = scalar.properties.canonicalCombiningClass.rawValue
            if let index = starter {
                let isBlocked = index + 1 < result.count && lastClass >= combiningClass
                if !isBlocked, let whole = pairs[UInt64(result[index].value) << 32 | UInt64(scalar.value)] {
                    result[index] = whole
                    continue
                }
            }
            result.append(scalar)
            lastClass = combiningClass
            if combiningClass == 0 { starter = result.count - 1 }
        }
        return result
    }
}
