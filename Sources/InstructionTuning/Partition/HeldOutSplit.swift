import Basics

/// The records that no peer trains on, apart from those to deal out; both as places in the list of records.
package struct HeldOutSplit: Sendable, Equatable {
    /// The places of the records to train on, ascending.
    package let training: [Int]
    /// The places of the records that measure: category after category by name, each category's ascending.
    package let heldOut: [Int]

    /// Takes `perCategory` random records of every category out, but never more than half of a category (rounded down),
    /// so that every category stays in training.
    package init(records: [InstructionRecord], perCategory: Int, seed: UInt64, label: String = "held-out") {
        precondition(perCategory >= 0, "a number of held-out records is not negative")
        var generator = SeededGenerator(seed: seed, label: label)
        var isHeldOut = [Bool](repeating: false, count: records.count)
        var heldOut: [Int] = []
        for (_, places) in CategoryGroups.of(records, at: Array(records.indices)) {
            let chosen = places.shuffled(using: &generator).prefix(min(perCategory, places.count / 2)).sorted()
            for place in chosen { isHeldOut[place] = true }
            heldOut.append(contentsOf: chosen)
        }
        self.heldOut = heldOut
        training = records.indices.filter { !isHeldOut[$0] }
    }
}

/// Records by category.
enum CategoryGroups {
    /// The places among `places` of each category's records, in the order given; categories by the bytes of their names.
    static func of(_ records: [InstructionRecord], at places: [Int]) -> [(category: String, places: [Int])] {
        var groups: [String: [Int]] = [:]
        for place in places { groups[records[place].category, default: []].append(place) }
        return groups.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { (category: $0.key, places: $0.value) }
    }
}
