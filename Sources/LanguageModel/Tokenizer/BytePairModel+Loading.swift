import Storage

extension BytePairModel {
    /// What the `model` of a tokenizer.json says besides vocabulary and merges.
    struct Options {
        var unknown: [UInt8]?
        var fusesUnknown = false
        var hasByteFallback = false
        var ignoresMerges = false
    }

    /// Puts a model together and checks that every merge is of tokens, into a token. Throws `TokenizerError`.
    init(
        identifiers: [[UInt8]: Int32], merges pairs: [(left: [UInt8], right: [UInt8])], isByteLevel: Bool,
        options: Options, file: String
    ) throws(TokenizerError) {
        var merges: [UInt64: Merge] = [:]
        merges.reserveCapacity(pairs.count)
        for (rank, pair) in pairs.enumerated() {
            guard let left = identifiers[pair.left], let right = identifiers[pair.right],
                let result = identifiers[pair.left + pair.right], let rank = Int32(exactly: rank)
            else {
                let spelling = String(decoding: (pair.left + [0x20] + pair.right).prefix(120), as: UTF8.self)
                throw .invalid(file: file, reason: "the merge \(spelling) is not of tokens of the vocabulary into one")
            }
            // A pair that is listed twice has its later rank.
            merges[Self.key(left, right)] = Merge(rank: rank, result: result)
        }
        self.identifiers = identifiers
        self.merges = merges
        byteTokens = isByteLevel ? ByteAlphabet.spelling.map { identifiers[$0] ?? -1 } : nil
        fallbackTokens =
            options.hasByteFallback
            ? (UInt8.min...UInt8.max).map { identifiers[Self.fallbackSpelling($0)] ?? -1 } : nil
        if let unknown = options.unknown {
            guard let token = identifiers[unknown] else {
                throw .invalid(file: file, reason: "the unk_token is not in the vocabulary")
            }
            self.unknown = token
        } else {
            unknown = nil
        }
        fusesUnknown = options.fusesUnknown
        ignoresMerges = options.ignoresMerges
    }

    /// `<0x0A>` for ten.
    private static func fallbackSpelling(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
    }

    /// The vocabulary: an object of spellings and numbers. Throws `TokenizerError`.
    static func identifiers(_ value: JSONValue?, file: String) throws(TokenizerError) -> [[UInt8]: Int32] {
        guard let object = value?.object else { throw .invalid(file: file, reason: "the vocabulary is not an object") }
        let reader = TokenizerReader(file: file)
        var identifiers: [[UInt8]: Int32] = [:]
        identifiers.reserveCapacity(object.count)
        var seen: Set<Int32> = []
        for (spelling, number) in zip(object.keys, object.values) {
            let identifier = try reader.identifier(number)
            guard seen.insert(identifier).inserted else {
                throw reader.invalid("two tokens of the vocabulary have the number \(identifier)")
            }
            identifiers[spelling] = identifier
        }
        return identifiers
    }

    /// A merge spelled as two tokens with one space between. Throws `TokenizerError`.
    static func pair(
        spelled text: [UInt8], file: String
    ) throws(TokenizerError) -> (left: [UInt8], right: [UInt8]) {
        let parts = text.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            let shown = String(decoding: text.prefix(120), as: UTF8.self)
            throw .invalid(file: file, reason: "the merge \"\(shown)\" is not two tokens")
        }
        return (Array(parts[0]), Array(parts[1]))
    }
}

extension TokenizerReader {
    /// The model, which must be BPE.
    func model(_ value: JSONValue, isByteLevel: Bool) throws(TokenizerError) -> BytePairModel {
        // Old files leave the type out.
        if let type = value["type"]?.text, type != "BPE" { throw unsupported("model", type) }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = value[key]?.bytes, !affix.isEmpty { throw unsupported("model setting", key) }
        }
        if let dropout = value["dropout"]?.double, dropout != 0 { throw unsupported("model setting", "dropout") }
        let identifiers = try BytePairModel.identifiers(value["vocab"], file: file)
        guard let elements = value["merges"]?.array else { throw invalid("the model has no merges") }
        var pairs: [(left: [UInt8], right: [UInt8])] = []
        pairs.reserveCapacity(elements.count)
        for element in elements {
            if let text = element.bytes {
                pairs.append(try BytePairModel.pair(spelled: text, file: file))
            } else if let both = element.array, both.count == 2, let left = both[0].bytes, let right = both[1].bytes {
                pairs.append((left, right))
            } else {
                throw invalid("a merge is neither a string nor a pair of strings")
            }
        }
        var options = BytePairModel.Options()
        options.unknown = value["unk_token"]?.bytes
        options.fusesUnknown = value["fuse_unk"]?.bool ?? false
        options.hasByteFallback = value["byte_fallback"]?.bool ?? false
        options.ignoresMerges = value["ignore_merges"]?.bool ?? false
        return try BytePairModel(
            identifiers: identifiers, merges: pairs, isByteLevel: isByteLevel, options: options, file: file)
    }
}

/// GPT-2's spelling of arbitrary bytes by printable characters, in which byte-level vocabularies are written.
///
/// Printable bytes of Latin-1 stand for themselves; the 68 others are the characters from U+0100 on, in order.
enum ByteAlphabet {
    /// The UTF-8 spelling of each byte.
    static let spelling: [[UInt8]] = scalars.map { Array($0.utf8) }

    private static let scalars: [Unicode.Scalar] = {
        var scalars: [Unicode.Scalar] = []
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            if isPrintable(byte) {
                scalars.append(Unicode.Scalar(byte))
            } else if let scalar = Unicode.Scalar(next) {
                scalars.append(scalar)
                next += 1
            }
        }
        return scalars
    }()

    private static let byteOfScalar: [Unicode.Scalar: UInt8] = {
        var table: [Unicode.Scalar: UInt8] = [:]
        for (byte, scalar) in scalars.enumerated() { table[scalar] = UInt8(byte) }
        return table
    }()

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae
    }

    /// The bytes that `token` spells; `token` itself when it has a character outside the alphabet.
    static func bytes(of token: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
            guard let byte = byteOfScalar[scalar] else { return token }
            bytes.append(byte)
        }
        return bytes
    }
}
