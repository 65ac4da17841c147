import Storage

extension Tokenizer {
    /// Loads the tokenizer of a model's folder, `tokenizer.json` or GPT-2's `vocab.json` with `merges.txt`, or that of a
    /// GGUF file.
    ///
    /// - Throws: `TokenizerError`, or `FileError` or `GGUFError` for a file that cannot be read.
    package static func load(directory: String) throws -> Tokenizer {
        // It stands here, as the tokenizer's own folder knows no container.
        if GGUFFile.isNamed(directory) { return try GGUFCheckpoint(path: directory).tokenizer() }
        return try load(folder: directory)
    }
}

extension GGUFCheckpoint {
    /// The tokenizer that the metadata describe: `gpt2`, byte-level BPE with merges, or `llama`, SentencePiece's BPE with
    /// scores. Throws `TokenizerError` for others, and for a way of cutting words (`tokenizer.ggml.pre`) that is not
    /// known.
    package func tokenizer() throws(TokenizerError) -> Tokenizer {
        guard let model = header["tokenizer.ggml.model"]?.text else {
            throw invalid("it has no tokenizer (tokenizer.ggml.model)")
        }
        guard let spellings = header["tokenizer.ggml.tokens"]?.texts?.map({ Array($0.utf8) }), !spellings.isEmpty,
            Int32(exactly: spellings.count) != nil
        else { throw invalid("tokenizer.ggml.tokens is missing or no list of strings") }
        var identifiers: [[UInt8]: Int32] = [:]
        identifiers.reserveCapacity(spellings.count)
        for (index, spelling) in spellings.enumerated() where identifiers[spelling] == nil {
            identifiers[spelling] = Int32(index)
        }
        var parts =
            switch model {
            case "gpt2": try byteLevelParts(identifiers)
            case "llama": try sentencePieceParts(spellings, identifiers)
            default: throw unsupported("tokenizer model", model)
            }
        parts.added = try addedTokens(spellings)
        let begin = try special("bos_token_id", of: spellings.count)
        let end = try special("eos_token_id", of: spellings.count)
        let isLlama3 = header["tokenizer.ggml.pre"]?.text == "llama-bpe"
        if let begin, header["tokenizer.ggml.add_bos_token"]?.flag ?? (model == "llama" || isLlama3) {
            parts.prefix = [begin]
        }
        if let end, header["tokenizer.ggml.add_eos_token"]?.flag ?? false { parts.suffix = [end] }
        return Tokenizer(parts, landmarks: SequenceLandmarks(begin: begin, end: end))
    }

    private func invalid(_ reason: String) -> TokenizerError { .invalid(file: path, reason: reason) }

    private func unsupported(_ part: String, _ name: String) -> TokenizerError {
        .unsupported(file: path, part: part, name: String(name.prefix(100)))
    }

    /// The number of a special token, if there is one.
    private func special(_ key: String, of count: Int) throws(TokenizerError) -> Int32? {
        guard let value = header["tokenizer.ggml.\(key)"] else { return nil }
        guard let number = value.integer, (0..<count).contains(number) else {
            throw invalid("tokenizer.ggml.\(key) is not the number of a token")
        }
        return Int32(number)
    }

    /// Tokens that are cut out of a text whole: control tokens and those that a user defined, by `token_type`.
    private func addedTokens(_ spellings: [[UInt8]]) throws(TokenizerError) -> [AddedToken] {
        guard let types = header["tokenizer.ggml.token_type"]?.integers else { return [] }
        guard types.count == spellings.count else { throw invalid("tokenizer.ggml.token_type has another length") }
        let unknown: Int64 = 2, control: Int64 = 3, userDefined: Int64 = 4
        var added: [AddedToken] = []
        for (index, type) in types.enumerated()
        where [unknown, control, userDefined].contains(type) && !spellings[index].isEmpty {
            added.append(
                AddedToken(
                    identifier: Int32(index), content: spellings[index], stripsLeft: false, stripsRight: false,
                    isNormalized: false, isSpecial: type != userDefined))
        }
        return added
    }

    /// Byte-level BPE, as GPT-2, Llama 3, Qwen2 and SmolLM have it.
    private func byteLevelParts(_ identifiers: [[UInt8]: Int32]) throws(TokenizerError) -> Tokenizer.Parts {
        guard let spelled = header["tokenizer.ggml.merges"]?.texts else {
            throw invalid("tokenizer.ggml.merges is missing or no list of strings")
        }
        var pairs: [(left: [UInt8], right: [UInt8])] = []
        pairs.reserveCapacity(spelled.count)
        for text in spelled { pairs.append(try BytePairModel.pair(spelled: Array(text.utf8), file: path)) }
        let kind = header["tokenizer.ggml.pre"]?.text ?? "default"
        var options = BytePairModel.Options()
        let bytes = PreTokenizer.byteLevel(prefixesSpace: false, splits: false)
        let preTokenizer: PreTokenizer
        var normalizer: TextNormalizer?
        switch kind {
        case "gpt-2": preTokenizer = .byteLevel(prefixesSpace: false, splits: true)
        case "smollm":
            preTokenizer = .sequence([.digits(individual: true), .byteLevel(prefixesSpace: false, splits: true)])
        case "llama-bpe":
            preTokenizer = .sequence([.split(.lineAware(digits: 3)), bytes])
            options.ignoresMerges = true
        case "qwen2":
            preTokenizer = .sequence([.split(.lineAware(digits: 1)), bytes])
            normalizer = .composed
        default:
            throw unsupported("way of cutting words (tokenizer.ggml.pre)", kind)
        }
        var parts = Tokenizer.Parts(
            model: try BytePairModel(
                identifiers: identifiers, merges: pairs, isByteLevel: true, options: options, file: path))
        parts.preTokenizer = preTokenizer
        parts.normalizer = normalizer
        parts.decoder = .byteLevel
        return parts
    }

    /// SentencePiece's BPE, as Llama 2, Mistral and Phi-3 have it.
    ///
    /// It joins the two neighbours whose joined token has the highest score. Merges in the order of those scores do the
    /// same: of each token all the ways to cut it in two, which is how transformers converts such a vocabulary.
    private func sentencePieceParts(
        _ spellings: [[UInt8]], _ identifiers: [[UInt8]: Int32]
    ) throws(TokenizerError) -> Tokenizer.Parts {
        guard let scores = header["tokenizer.ggml.scores"]?.numbers, scores.count == spellings.count else {
            throw invalid("tokenizer.ggml.scores is missing or has another length than the tokens")
        }
        let merges = Self.merges(of: spellings, identifiers, scores: scores)
        var options = BytePairModel.Options()
        options.hasByteFallback = true
        options.fusesUnknown = true
        if let unknown = try special("unknown_token_id", of: spellings.count) {
            options.unknown = spellings[Int(unknown)]
        }
        var parts = Tokenizer.Parts(
            model: try BytePairModel(
                identifiers: identifiers, merges: merges, isByteLevel: false, options: options, file: path))
        let space = Array("▁".utf8)
        let isPrefixed = header["tokenizer.ggml.add_space_prefix"]?.flag ?? true
        let replacing = TextNormalizer.replace([0x20], by: space)
        parts.normalizer = isPrefixed ? .sequence([.prepend(space), replacing]) : replacing
        parts.decoder = .sequence(
            [.replace(space, by: [0x20]), .byteFallback, .fuse]
                + (isPrefixed ? [.strip([0x20], start: 1, stop: 0)] : []))
        return parts
    }

    /// Spellings longer than this have no merges: cutting them in all ways takes the square of their length.
    private static let mergedSpellingLimit = 1024

    static func merges(
        of spellings: [[UInt8]], _ identifiers: [[UInt8]: Int32], scores: [Double]
    ) -> [(left: [UInt8], right: [UInt8])] {
        var candidates: [(token: Int, left: Int32, right: Int32)] = []
        for (token, spelling) in spellings.enumerated()
        where spelling.count <= mergedSpellingLimit && identifiers[spelling] == Int32(token) {
            var ways: [(left: Int32, right: Int32)] = []
            // Only between characters: a continuation byte begins with the bits 10.
            for cut in spelling.indices.dropFirst() where spelling[cut] & 0xc0 != 0x80 {
                if let left = identifiers[Array(spelling[..<cut])], let right = identifiers[Array(spelling[cut...])] {
                    ways.append((left, right))
                }
            }
            ways.sort { ($0.left, $0.right) < ($1.left, $1.right) }
            candidates += ways.map { (token, $0.left, $0.right) }
        }
        // Equal scores keep the order of the vocabulary: Swift's sort is stable, and the place decides where it is not.
        let order = candidates.indices.sorted {
            let one = scores[candidates[$0].token], other = scores[candidates[$1].token]
            return one != other ? one > other : $0 < $1
        }
        return order.map { (spellings[Int(candidates[$0].left)], spellings[Int(candidates[$0].right)]) }
    }
}
