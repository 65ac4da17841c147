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
