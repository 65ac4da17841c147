/// A step that cuts normalised text into the words to which merges are applied.
indirect enum PreTokenizer: Sendable {
    /// A known regular expression; every match is a word.
    case split(SplitPattern)
    /// Numbers apart from other text, one by one or as runs.
    case digits(individual: Bool)
    /// GPT-2's step: an optional leading space, then the words of `SplitPattern.gpt2` where `splits`. The spelling of
    /// bytes by characters belongs to the vocabulary here.
    case byteLevel(prefixesSpace: Bool, splits: Bool)
    /// SentencePiece's step: spaces become `replacement`, one is put in front, and each begins a word where `splits`.
    case metaspace(replacement: [UInt8], prefix: MetaspacePrefix, splits: Bool)
    case sequence([PreTokenizer])

    /// When a metaspace is put in front of text.
    enum MetaspacePrefix: Sendable, Equatable {
        case always
        /// Only for text at the very beginning, not behind an added token.
        case first
        case never
    }

    /// Whether the words' bytes are spelled by GPT-2's alphabet.
    var isByteLevel: Bool {
        switch self {
        case .byteLevel: true
        case .sequence(let steps): steps.contains { $0.isByteLevel }
        default: false
        }
    }

    /// The words of `pieces`; `atStart` says whether the first of them begins the text.
    func apply(to pieces: [ArraySlice<UInt8>], atStart: Bool) -> [ArraySlice<UInt8>] {
        switch self {
        case .split(let pattern): pieces.flatMap { pattern.split($0) }
        case .digits(let individual): pieces.flatMap { Self.splitDigits($0, individual: individual) }
        case .byteLevel(let prefixesSpace, let splits):
            pieces.flatMap { piece in
                let isPrefixed = prefixesSpace && piece.first != 0x20
                let text = isPrefixed ? ([0x20] + piece)[...] : piece
                return splits ? SplitPattern.gpt2.split(text) : [text]
            }
        case .metaspace(let replacement, let prefix, let splits):
            pieces.enumerated().flatMap { index, piece in
                let isPrefixed = prefix == .always || (prefix == .first && atStart && index == 0)
                return Self.metaspaceWords(piece, replacement, isPrefixed: isPrefixed, splits: splits)
            }
        case .sequence(let steps): steps.reduce(pieces) { $1.apply(to: $0, atStart: atStart) }
        }
    }

    private static func splitDigits(_ piece: ArraySlice<UInt8>, individual: Bool) -> [ArraySlice<UInt8>] {
        let text = ScalarText(piece)
        var words: [ArraySlice<UInt8>] = []
        var start = 0
        while start < text.count {
            let isNumber = text.kinds[start] == .number
            var end = start + 1
            if !(isNumber && individual) {
                while end < text.count, (text.kinds[end] == .number) == isNumber { end += 1 }
            }
            words.append(text.slice(start..<end))
            start = end
        }
        return words
    }

    private static func metaspaceWords(
        _ piece: ArraySlice<UInt8>, _ replacement: [UInt8], isPrefixed: Bool, splits: Bool
    ) -> [ArraySlice<UInt8>] {
        var text: [UInt8] = []
        for byte in piece {
            if byte == 0x20 { text.append(contentsOf: replacement) } else { text.append(byte) }
        }
        // One in front is enough: text that begins with a space has its own.
        if isPrefixed, !text.starts(with: replacement) { text.insert(contentsOf: replacement, at: 0) }
        guard splits else { return text.isEmpty ? [] : [text[...]] }
        var words: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index < text.count {
            if text[index...].starts(with: replacement) {
                if index > start { words.append(text[start..<index]) }
                start = index
                index += replacement.count
            } else {
                index += 1
            }
        }
        if start < text.count { words.append(text[start...]) }
        return words
    }
}
