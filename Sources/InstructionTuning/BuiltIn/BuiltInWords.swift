import Foundation

/// The words and the instruction forms of `chores.json`, which the chores here and the pre-training text of the
/// fledgling (scripts/pretrain-fledgling) share.
struct BuiltInWords: Decodable, Sendable {
    /// Words by the name of their kind: animals, fruits, colours, tools, clothes, vehicles.
    var kinds: [String: [String]]
    /// First names of people.
    var names: [String]
    /// Places to be at.
    var places: [String]
    /// Pairs of adjectives that are each other's opposite.
    var opposites: [[String]]
    /// Pairs of a verb in the present and in the past.
    var verbs: [[String]]
    /// The largest number that a list, a row or a comparison holds.
    var largest: Int
    /// The instruction forms by category and task; `{key}` stands for what the instruction asks for.
    var forms: [String: [String: [String]]]

    /// Reads the words from the module's resources.
    static func load() throws(BuiltInError) -> BuiltInWords {
        guard let url = Bundle.module.url(forResource: "chores", withExtension: "json") else {
            throw .unreadableWords("it is not among the resources")
        }
        do {
            let words = try JSONDecoder().decode(BuiltInWords.self, from: Data(contentsOf: url))
            guard (words.opposites + words.verbs).allSatisfy({ $0.count == 2 }) else {
                throw BuiltInError.unreadableWords("an opposite or a verb is not a pair")
            }
            return words
        } catch let error as BuiltInError {
            throw error
        } catch {
            throw .unreadableWords("\(error)")
        }
    }

    /// Everything that can be listed, counted and owned: all kinds but the colours, the kinds by name.
    var things: [String] {
        kinds.keys.sorted().filter { $0 != "colours" }.flatMap { kinds[$0, default: []] }
    }

    /// What a person may have: tools, clothes and vehicles.
    var belongings: [String] {
        ["clothes", "tools", "vehicles"].flatMap { kinds[$0, default: []] }
    }
}
