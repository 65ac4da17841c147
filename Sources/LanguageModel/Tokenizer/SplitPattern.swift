/// The regular expressions by which byte-level tokenizers cut text into words, as hand-written scanners.
///
/// The expressions are tokenizer.json's own; a test compares every scanner with the `tokenizers` library.
enum SplitPattern: Sendable, Equatable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    /// with at most D digits: 3 for Llama 3, 1 for Qwen2.
    case lineAware(digits: Int)

    /// The scanner for an expression as a tokenizer.json spells it; nil for one that is not known.
    init?(expression: String) {
        let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
        let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        switch expression {
        case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: self = .gpt2
        case contractions + #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"# + rest: self = .lineAware(digits: 3)
        case contractions + #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + rest: self = .lineAware(digits: 1)
        default: return nil
        }
    }

    /// The words of `piece`, which together are the whole piece.
    func split(_ piece: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        let text = ScalarText(piece)
        var words: [ArraySlice<UInt8>] = []
        var start = 0
        while start < text.count {
            let end: Int
            switch self {
            case .gpt2: end = Self.endOfGPT2Word(text, start)
            case .lineAware(let digits): end = Self.endOfLineAwareWord(text, start, digits: digits)
            }
            words.append(text.slice(start..<end))
            start = end
        }
        return words
    }

    private static func endOfGPT2Word(_ text: ScalarText, _ start: Int) -> Int {
        if let end = endOfContraction(text, start, ignoringCase: false) { return end }
        let first = text.ascii(start) == 0x20 && start + 1 < text.count ? start + 1 : start
        if let kind = text.kind(first), kind != .space { return text.endOfRun(of: kind, from: first) }
        return endOfSpace(text, start)
    }

    private static func endOfLineAwareWord(_ text: ScalarText, _ start: Int, digits: Int) -> Int {
        if let end = endOfContraction(text, start, ignoringCase: true) { return end }
        switch text.kind(start) {
        case .letter: return text.endOfRun(of: .letter, from: start)
        case .number: return min(text.endOfRun(of: .number, from: start), start + digits)
        default: break
        }
        if !text.isLineBreak(start), text.kind(start + 1) == .letter {
            return text.endOfRun(of: .letter, from: start + 1)
        }
        let first = text.ascii(start) == 0x20 ? start + 1 : start
        if text.kind(first) == .other {
            var end = text.endOfRun(of: .other, from: first)
            while text.isLineBreak(end) { end += 1 }
            return end
        }
        let spaceEnd = text.endOfRun(of: .space, from: start)
        if let lastBreak = (start..<spaceEnd).last(where: text.isLineBreak) { return lastBreak + 1 }
        return endOfSpace(text, start)
    }

    /// `\s+(?!\S)|\s+`: a run of spaces, less the last one when something else follows and that is not the only one.
    private static func endOfSpace(_ text: ScalarText, _ start: Int) -> Int {
        let end = text.endOfRun(of: .space, from: start)
        return end < text.count && end - start > 1 ? end - 1 : end
    }

    /// Where a contraction that begins at `start` ends; nil when there is none.
    private static func endOfContraction(_ text: ScalarText, _ start: Int, ignoringCase: Bool) -> Int? {
        guard text.ascii(start) == UInt8(ascii: "'") else { return nil }
        func letter(_ index: Int) -> UInt8? {
            guard let byte = text.ascii(index) else {
                // The long s is an s to an expression that ignores case.
                let isLongS =
                    ignoringCase && index < text.count && text.slice(index..<index + 1).elementsEqual([0xc5, 0xbf])
                return isLongS ? UInt8(ascii: "s") : nil
            }
            return ignoringCase && (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
        }
        switch (letter(start + 1), letter(start + 2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }
}

/// A piece of text as the split patterns see it: where each Unicode scalar begins and what kind it is.
struct ScalarText {
    /// The kinds that the patterns tell apart.
    enum Kind: UInt8 {
        /// \p{L}
        case letter
        /// \p{N}
        case number
        /// \s: the White_Space property.
        case space
        case other
    }

    /// The UTF-8 bytes; valid.
    let bytes: ArraySlice<UInt8>
    /// The index in `bytes` at which each scalar begins, and the end.
    private(set) var starts: [Int] = []
    /// The kind of each scalar.
    private(set) var kinds: [Kind] = []

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        starts.reserveCapacity(bytes.count + 1)
        kinds.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            starts.append(index)
            let lead = bytes[index]
            if lead < 0x80 {
                kinds.append(Self.asciiKinds[Int(lead)])
                index += 1
                continue
            }
            // Cut at the end, so that even a piece that ends within a character is read within its bounds.
            let length = min(Self.length(lead: lead), bytes.endIndex - index)
            kinds.append(Self.kind(Self.scalar(bytes[index..<index + length])))
            index += length
        }
        starts.append(bytes.endIndex)
    }

    /// The number of scalars.
    var count: Int { kinds.count }

    /// The kind of scalar `index`; nil at the end.
    func kind(_ index: Int) -> Kind? { index < kinds.count ? kinds[index] : nil }

    /// The scalar at `index` if it is ASCII; nil for others and at the end.
    func ascii(_ index: Int) -> UInt8? {
        guard index < kinds.count, bytes[starts[index]] < 0x80 else { return nil }
        return bytes[starts[index]]
    }

    /// Whether the scalar at `index` is a carriage return or a line feed.
    func isLineBreak(_ index: Int) -> Bool {
        let byte = ascii(index)
        return byte == 0x0a || byte == 0x0d
    }

    /// Where the run of `kind` that begins at `index` ends; `index` when there is none.
    func endOfRun(of kind: Kind, from index: Int) -> Int {
        var end = index
        while end < kinds.count, kinds[end] == kind { end += 1 }
        return end
    }

    /// The bytes of the scalars at `range`.
    func slice(_ range: Range<Int>) -> ArraySlice<UInt8> {
        bytes[starts[range.lowerBound]..<starts[range.upperBound]]
    }

    /// The number of bytes of the UTF-8 sequence that `lead` begins.
    static func length(lead: UInt8) -> Int {
        switch lead {
        case ..<0xc0: 1
        case ..<0xe0: 2
        case ..<0xf0: 3
        default: 4
        }
    }

    private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.first ?? "\u{fffd}"
    }

    private static let asciiKinds: [Kind] = (0..<128).map { kind(Unicode.Scalar(UInt8($0))) }

    /// The kind of a scalar by its general category.
    static func kind(_ scalar: Unicode.Scalar) -> Kind {
        if scalar.properties.isWhitespace { return .space }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }
}
