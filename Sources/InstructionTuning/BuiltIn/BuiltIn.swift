import Basics
package import Foundation

/// `builtin:fledgling`: a Llama-architecture base of one million parameters, pre-trained on generated plain text and
/// never on instructions (docs/fledgling.md). It is small enough to be part of the package.
package enum BuiltInModel {
    /// The directory with config.json, tokenizer.json and model.safetensors.
    package static var fledglingDirectory: URL {
        Bundle.module.bundleURL.appending(path: "Fledgling", directoryHint: .isDirectory)
    }
}

/// `builtin:chores`: short instructions in ten categories, each with one exact answer and several instruction forms,
/// made from a seed. They are our own work and hold no one's data; `builtin:fledgling` knows their words.
package struct BuiltInChores: Sendable {
    /// How many records a list may have: up to here every category has enough different ones.
    package static let limit = 15_000

    let words: BuiltInWords

    /// Reads the words from the module's resources.
    package init() throws(BuiltInError) {
        words = try BuiltInWords.load()
    }

    /// The names of the categories, in alphabetical order.
    package var categories: [String] {
        Array(Set(BuiltInChore.allCases.map(\.category))).sorted()
    }

    /// `count` records, no two with the same instruction and context, in an order that depends on `seed` alone; the
    /// categories' counts differ by one at most. A list split in two has therefore no record in both parts.
    package func records(count: Int, seed: UInt64) throws(BuiltInError) -> [InstructionRecord] {
        precondition(count >= 0, "a count of records is not negative")
        guard count <= Self.limit else { throw .tooManyRecords(asked: count, limit: Self.limit) }
        var generator = SeededGenerator(seed: seed, label: "chores")
        // Sorted: the order of a Set differs from process to process.
        let categories = categories
        let tasks = Dictionary(grouping: BuiltInChore.allCases, by: \.category)
        var seen: Set<InstructionRecord> = []
        var records: [InstructionRecord] = []
        records.reserveCapacity(count)
        while records.count < count {
            let choices = tasks[categories[records.count % categories.count], default: []]
            // The answer follows from the instruction and the context, so that equal records are equal in these two.
            var record = makeRecord(of: choices, using: &generator)
            while !seen.insert(record).inserted {
                record = makeRecord(of: choices, using: &generator)
            }
            records.append(record)
        }
        records.shuffle(using: &generator)
        return records
    }

    private func makeRecord(of choices: [BuiltInChore], using generator: inout SeededGenerator) -> InstructionRecord {
        let chore = generator.pick(choices)
        let content = content(of: chore, using: &generator)
        let form = generator.pick(words.forms[chore.category, default: [:]][chore.task, default: []])
        return InstructionRecord(
            instruction: form.replacing("{key}", with: content.key), context: content.context,
            response: content.answer, category: chore.category)
    }
}

/// The words and the instruction forms of `chores.json`, which the chores here and the pre-training text of the
/// fledgling (scripts/pretrain-fledgling) share.
struct BuiltInWords: Decodable, Sendable {
    /// Words by the name of their kind: animals, fruits, colours, tools, clothes, vehicles.
    var kinds: [String: [String]]
    /// First names of people.
    var names: [String]
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

/// What may be wrong with a request for the built-in data.
package enum BuiltInError: Error, Hashable, CustomStringConvertible {
    /// `chores.json` of the package's resources does not read as it should.
    case unreadableWords(String)
    /// More records are asked for than there are different ones with the categories in balance.
    case tooManyRecords(asked: Int, limit: Int)

    package var description: String {
        switch self {
        case .unreadableWords(let reason):
            "the built-in chores.json cannot be read (\(reason)): build the package again"
        case .tooManyRecords(let asked, let limit):
            "builtin:chores makes at most \(limit) different records, \(asked) are asked for: ask for fewer, or read a file"
        }
    }
}
