import LanguageModel

extension EncodedRecords {
    /// Throws `TuningError.foreignTokenizer` for a token that a model of this vocabulary does not know.
    func check(vocabularySize: Int) throws(TuningError) {
        for sequence in sequences {
            if let token = sequence.tokens.first(where: { $0 < 0 || $0 >= vocabularySize }) {
                throw .foreignTokenizer(token: token, vocabularySize: vocabularySize)
            }
        }
    }
}
