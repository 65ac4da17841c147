import InstructionTuning
import Testing

@Suite struct BuiltInChoresTests {
    @Test func oneSeedReplays() throws {
        let chores = try BuiltInChores()
        let first = try chores.records(count: 500, seed: 42)
        #expect(try BuiltInChores().records(count: 500, seed: 42) == first)
        #expect(try chores.records(count: 500, seed: 43) != first)
    }

    @Test(arguments: [0, 1, 9, 25, 3_000, BuiltInChores.limit]) func categoriesAreInBalance(count: Int) throws {
        let chores = try BuiltInChores()
        #expect(chores.categories.count >= 8)
        let records = try chores.records(count: count, seed: 7)
        #expect(records.count == count)
        let counts = chores.categories.map { name in records.count { $0.category == name } }
        #expect(counts.reduce(0, +) == count)
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }

    @Test func noInstructionAndContextComeTwice() throws {
        let records = try BuiltInChores().records(count: BuiltInChores.limit, seed: 11)
        let questions = Set(records.map { "\($0.instruction)\n\($0.context)" })
        #expect(questions.count == records.count)
    }

    @Test func moreThanTheLimitIsRefused() throws {
        let chores = try BuiltInChores()
        let count = BuiltInChores.limit + 1
        #expect(throws: BuiltInError.tooManyRecords(asked: count, limit: BuiltInChores.limit)) {
            try chores.records(count: count, seed: 1)
        }
    }

    @Test func everyCategoryHasSeveralForms() throws {
        let chores = try BuiltInChores()
        let records = try chores.records(count: 8_000, seed: 5)
        for category in chores.categories {
            let mine = records.filter { $0.category == category }
            // A form with a key is many instructions; the first three words tell forms apart.
            let forms = Set(mine.map { $0.instruction.split(separator: " ").prefix(3) })
            #expect(forms.count >= 4, "\(category)")
        }
    }

    @Test func everyAnswerIsRight() throws {
        for record in try BuiltInChores().records(count: 6_000, seed: 3) {
            #expect(ChoreSolver.solve(record) == record.response, "\(record)")
        }
    }

    @Test func contextAloneDoesNotTell() throws {
        // The same context has different answers under different instructions of some categories, so that the
        // instruction must be read.
        let records = try BuiltInChores().records(count: BuiltInChores.limit, seed: 9)
        let comparisons = records.filter { $0.category == "comparison" }
        let answers = Dictionary(grouping: comparisons, by: \.context).mapValues { Set($0.map(\.response)).count }
        #expect(answers.values.contains(2))
    }
}
