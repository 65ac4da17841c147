import Storage

extension Tokenizer {
    private static let fileLimit = 256 << 20

    /// Loads the tokenizer of a model's folder: `tokenizer.json`, or GPT-2's `vocab.json` with `merges.txt`.
    ///
    /// - Throws: `TokenizerError`, or `FileError` for a file that cannot be read.
    static func load(folder directory: String) throws -> Tokenizer {
        let path = "\(directory)/tokenizer.json"
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try ReadableFile.contents(of: path, limit: fileLimit)
        } catch .notFound {
            return try loadTwoFiles(directory: directory)
        }
        let parts = try parts(json: bytes, file: path)
        let lookUp = spellingLookUp(parts)
        return Tokenizer(parts, landmarks: try SequenceLandmarks.find(in: directory, token: lookUp))
    }

    /// Reads a `tokenizer.json` that is already in memory; the ends of a text are found by their customary spellings.
    ///
    /// Throws `TokenizerError`.
    package convenience init(json: [UInt8], file: String = "tokenizer.json") throws(TokenizerError) {
        let parts = try Self.parts(json: json, file: file)
        let lookUp = Self.spellingLookUp(parts)
        // Without a folder only the spellings are asked.
        var landmarks = SequenceLandmarks()
        landmarks.find(token: lookUp)
        self.init(parts, landmarks: landmarks)
    }

    private static func spellingLookUp(_ parts: Parts) -> (String) -> Int32? {
        { text in
            let bytes = Array(text.utf8)
            return parts.added.first { $0.content == bytes }?.identifier ?? parts.model.identifiers[bytes]
        }
    }

    /// GPT-2's form: byte-level vocabulary and merges as two files, no special tokens put around a text.
    private static func loadTwoFiles(directory: String) throws -> Tokenizer {
        let vocabularyPath = "\(directory)/vocab.json"
        let mergesPath = "\(directory)/merges.txt"
        let vocabularyBytes: [UInt8]
        let mergesBytes: [UInt8]
        do throws(FileError) {
            vocabularyBytes = try ReadableFile.contents(of: vocabularyPath, limit: fileLimit)
            mergesBytes = try ReadableFile.contents(of: mergesPath, limit: fileLimit)
        } catch .notFound {
            throw TokenizerError.notFound(folder: directory)
        }
        let identifiers = try BytePairModel.identifiers(
            TokenizerReader(file: vocabularyPath).document(vocabularyBytes), file: vocabularyPath)
        var pairs: [(left: [UInt8], right: [UInt8])] = []
        for line in mergesBytes.split(separator: 0x0a) where !line.starts(with: "#version".utf8) {
            let text = line.last == 0x0d ? line.dropLast() : line
            if text.isEmpty { continue }
            pairs.append(try BytePairModel.pair(spelled: Array(text), file: mergesPath))
        }
        let model = try BytePairModel(
            identifiers: identifiers, merges: pairs, isByteLevel: true, options: .init(), file: mergesPath)
        var parts = Parts(model: model)
        parts.preTokenizer = .byteLevel(prefixesSpace: false, splits: true)
        parts.decoder = .byteLevel
        if let end = identifiers[Array("<|endoftext|>".utf8)] {
            parts.added = [
                AddedToken(
                    identifier: end, content: Array("<|endoftext|>".utf8), stripsLeft: false, stripsRight: false,
                    isNormalized: false, isSpecial: true)
            ]
        }
        return Tokenizer(parts, landmarks: try SequenceLandmarks.find(in: directory, token: spellingLookUp(parts)))
    }

    /// Reads all parts of a `tokenizer.json`.
    private static func parts(json: [UInt8], file: String) throws(TokenizerError) -> Parts {
        let reader = TokenizerReader(file: file)
        let document = try reader.document(json)
        guard let model = document["model"], model.object != nil else { throw reader.invalid("it has no model") }
        let preTokenizer = try reader.preTokenizer(document["pre_tokenizer"] ?? .null)
        var parts = Parts(
            model: try reader.model(model, isByteLevel: preTokenizer?.isByteLevel ?? false))
        parts.preTokenizer = preTokenizer
        parts.normalizer = try reader.normalizer(document["normalizer"] ?? .null)
        parts.decoder = try reader.decoder(document["decoder"] ?? .null)
        parts.added = try reader.addedTokens(document["added_tokens"] ?? .null)
        (parts.prefix, parts.suffix) = try reader.template(document["post_processor"] ?? .null)
        return parts
    }
}

/// Which tokens begin and end a text, gathered from the files beside a tokenizer.
struct SequenceLandmarks: Sendable, Equatable {
    var begin: Int32?
    var end: Int32?

    /// Asks, in this order: `tokenizer_config.json` and `special_tokens_map.json` for spellings,
    /// `generation_config.json` and `config.json` for numbers, and at last the customary spellings.
    ///
    /// A file that is absent or no JSON object says nothing; a pointer of Git LFS in its place is refused.
    static func find(in folder: String, token: (String) -> Int32?) throws(FileError) -> SequenceLandmarks {
        var found = SequenceLandmarks()
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            guard let document = try document("\(folder)/\(name)") else { continue }
            func spelled(_ key: String) -> Int32? {
                (document[key]?.text ?? document[key]?["content"]?.text).flatMap(token)
            }
            found.begin = found.begin ?? spelled("bos_token")
            found.end = found.end ?? spelled("eos_token")
        }
        for name in ["generation_config.json", "config.json"] {
            guard let document = try document("\(folder)/\(name)") else { continue }
            func numbered(_ key: String) -> Int32? {
                // Several ends of a text are a list; the first is the one that training appends.
                let value = document[key]?.array?.first ?? document[key]
                return value?.int.flatMap { Int32(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
            }
            found.begin = found.begin ?? numbered("bos_token_id")
            found.end = found.end ?? numbered("eos_token_id")
        }
        found.find(token: token)
        return found
    }

    /// Asks for the customary spellings of what is not found yet.
    fileprivate mutating func find(token: (String) -> Int32?) {
        begin = begin ?? ["<s>", "<|begin_of_text|>", "<bos>"].lazy.compactMap(token).first
        end = end ?? ["</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>"].lazy.compactMap(token).first
    }

    private static let limit = 16 << 20

    private static func document(_ path: String) throws(FileError) -> JSONValue? {
        do throws(FileError) {
            let bytes = try ReadableFile.contents(of: path, limit: limit)
            return try? JSONValue.parse(bytes)
        } catch {
            if case .largeFilePointer = error { throw error }
            return nil
        }
    }
}
