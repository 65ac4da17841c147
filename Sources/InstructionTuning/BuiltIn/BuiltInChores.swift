import Basics

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
