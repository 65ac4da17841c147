package import InstructionTuning
package import LanguageModel
import SwarmFile

/// What somebody who uses a model should know, though nothing fails: sentences for standard error.
package enum ModelWarnings {
    /// A cutoff, or sequences, beyond the length that the model was made for. `longest` is the longest sequence there is,
    /// where it is known.
    package static func length(_ model: ModelConfiguration, cutoff: Int, longest: Int = 0) -> [String] {
        guard let limit = model.longestSequence else { return [] }
        // The cutoff that nobody chose is worth a word only where records are really so long.
        let isChosen = cutoff != SwarmTopology.Tuning().cutoff
        guard longest > limit || (cutoff > limit && isChosen) else { return [] }
        let what = longest > limit ? "records have up to \(longest) tokens" : "the cutoff is \(cutoff) tokens"
        return [
            "\(what), and the model was made for \(limit) (max_position_embeddings): what lies beyond has positions that it "
                + "never saw; a cutoff of \(limit) or less is safe"
        ]
    }

    /// Answers that may pass the length that the model was made for.
    package static func generation(_ model: ModelConfiguration, promptTokens: Int, newTokens: Int) -> [String] {
        guard let limit = model.longestSequence, promptTokens + newTokens > limit else { return [] }
        // Without the prompt's length: said once, not for every prompt.
        return [
            "a prompt with up to \(newTokens) new tokens passes the \(limit) that the model was made for "
                + "(max_position_embeddings): what it writes beyond them is worth little"
        ]
    }

    /// A template whose mark at the end of an answer is no token of this tokenizer.
    package static func template(_ encoder: RecordEncoder) -> [String] {
        guard let count = encoder.endMarkTokens, count != 1 else { return [] }
        return [
            "the template \(encoder.template.name) ends answers with \(encoder.endMark), which is \(count) tokens in this "
                + "tokenizer: generation cannot stop at it, and the model was not made with it; choose a template whose "
                + "marks the tokenizer has"
        ]
    }
}
