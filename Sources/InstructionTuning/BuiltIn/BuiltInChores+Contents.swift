import Basics

/// The contents of the chores. `scripts/fledgling_text.py` makes the same kinds of contents for the pre-training text.
extension BuiltInChores {
    /// A random content of `chore` with its exact answer.
    func content(of chore: BuiltInChore, using generator: inout SeededGenerator) -> BuiltInContent {
        switch chore {
        case .sum, .difference: arithmetic(chore, using: &generator)
        case .larger, .smaller: comparison(chore, using: &generator)
        case .classification: classification(using: &generator)
        case .completion:
            Bool.random(using: &generator) ? series(using: &generator) : pattern(using: &generator)
        case .counting: counting(using: &generator)
        case .findAnimal, .findColour, .findPerson, .findPlace: extraction(chore, using: &generator)
        case .thingOfOwner, .ownerOfThing: lookup(chore, using: &generator)
        case .reversing: reversing(using: &generator)
        case .past: past(using: &generator)
        case .opposite: opposite(using: &generator)
        case .sorting: sorting(using: &generator)
        }
    }

    private func arithmetic(_ chore: BuiltInChore, using generator: inout SeededGenerator) -> BuiltInContent {
        if chore == .sum {
            let a = Int.random(in: 1...15, using: &generator)
            let b = Int.random(in: 1...15, using: &generator)
            return BuiltInContent(context: "\(a) and \(b)", answer: "\(a + b)")
        }
        let a = Int.random(in: 2...20, using: &generator)
        let b = Int.random(in: 1..<a, using: &generator)
        return BuiltInContent(context: "\(a) and \(b)", answer: "\(a - b)")
    }

    private func comparison(_ chore: BuiltInChore, using generator: inout SeededGenerator) -> BuiltInContent {
        let pair = generator.pick(2, of: Array(0...words.largest))
        let answer = chore == .larger ? max(pair[0], pair[1]) : min(pair[0], pair[1])
        return BuiltInContent(context: "\(pair[0]) or \(pair[1])", answer: "\(answer)")
    }

    private func classification(using generator: inout SeededGenerator) -> BuiltInContent {
        // Sorted, as a dictionary's order differs from process to process.
        let kind = generator.pick(words.kinds.keys.sorted())
        let members = generator.pick(3, of: words.kinds[kind, default: []])
        return BuiltInContent(context: members.joined(separator: ", "), answer: kind)
    }

    /// Three numbers at equal steps, up or down; the fourth is the answer.
    private func series(using generator: inout SeededGenerator) -> BuiltInContent {
        let step = generator.pick([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5])
        // Neither the first number nor the fourth leaves the range that the model was shown.
        let start = Int.random(in: max(0, -3 * step)...(words.largest - max(0, 3 * step)), using: &generator)
        return BuiltInContent(
            context: (0..<3).map { "\(start + $0 * step)" }.joined(separator: " "), answer: "\(start + 3 * step)")
    }

    /// A pattern of two words without its last word, which is the answer.
    private func pattern(using generator: inout SeededGenerator) -> BuiltInContent {
        let pair = generator.pick(2, of: words.things)
        let places = generator.pick([[0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 0, 1], [0, 1, 1, 0, 1, 1]])
        let row = places.map { pair[$0] }
        return BuiltInContent(context: row.dropLast().joined(separator: " "), answer: row[row.count - 1])
    }

    private func counting(using generator: inout SeededGenerator) -> BuiltInContent {
        let count = Int.random(in: 2...7, using: &generator)
        return BuiltInContent(
            context: generator.pick(count, of: words.things).joined(separator: " "), answer: "\(count)")
    }

    private func extraction(_ chore: BuiltInChore, using generator: inout SeededGenerator) -> BuiltInContent {
        let person = generator.pick(words.names)
        let colour = generator.pick(words.kinds["colours", default: []])
        let animal = generator.pick(words.kinds["animals", default: []])
        let place = generator.pick(words.places)
        let answer =
            switch chore {
            case .findAnimal: animal
            case .findColour: colour
            case .findPerson: person
            default: place
            }
        return BuiltInContent(context: "\(person) met the \(colour) \(animal) at the \(place).", answer: answer)
    }

    private func lookup(_ chore: BuiltInChore, using generator: inout SeededGenerator) -> BuiltInContent {
        let count = Int.random(in: 2...3, using: &generator)
        let owners = generator.pick(count, of: words.names)
        let things = generator.pick(count, of: words.belongings)
        let asked = Int.random(in: 0..<count, using: &generator)
        let context = zip(owners, things).map { "\($0) has the \($1)." }.joined(separator: " ")
        return chore == .thingOfOwner
            ? BuiltInContent(context: context, answer: things[asked], key: owners[asked])
            : BuiltInContent(context: context, answer: owners[asked], key: things[asked])
    }

    private func reversing(using generator: inout SeededGenerator) -> BuiltInContent {
        let list = generator.pick(Int.random(in: 3...4, using: &generator), of: words.things)
        return BuiltInContent(
            context: list.joined(separator: " "), answer: list.reversed().joined(separator: " "))
    }

    private func past(using generator: inout SeededGenerator) -> BuiltInContent {
        let name = generator.pick(words.names)
        let verb = generator.pick(words.verbs)
        let place = generator.pick(words.places)
        return BuiltInContent(
            context: "\(name) \(verb[0]) to the \(place).", answer: "\(name) \(verb[1]) to the \(place).")
    }

    private func opposite(using generator: inout SeededGenerator) -> BuiltInContent {
        let pair = generator.pick(2, of: generator.pick(words.opposites))
        let thing = generator.pick(words.things)
        return BuiltInContent(context: "the \(pair[0]) \(thing)", answer: "the \(pair[1]) \(thing)")
    }

    private func sorting(using generator: inout SeededGenerator) -> BuiltInContent {
        let numbers = generator.pick(3, of: Array(0...words.largest))
        return BuiltInContent(
            context: numbers.map(String.init).joined(separator: " "),
            answer: numbers.sorted().map(String.init).joined(separator: " "))
    }
}

/// The tasks that the built-in chores set, each with one exact answer. The names of categories and tasks are those of
/// `chores.json`.
enum BuiltInChore: String, CaseIterable, Sendable {
    case sum = "arithmetic.sum"
    case difference = "arithmetic.difference"
    case classification = "classification.kind"
    case larger = "comparison.larger"
    case smaller = "comparison.smaller"
    case completion = "completion.next"
    case counting = "counting.words"
    case findAnimal = "extraction.animal"
    case findColour = "extraction.colour"
    case findPerson = "extraction.person"
    case findPlace = "extraction.place"
    case thingOfOwner = "lookup.thing"
    case ownerOfThing = "lookup.owner"
    case reversing = "reversing.words"
    case past = "rewriting.past"
    case opposite = "rewriting.opposite"
    case sorting = "sorting.ascending"

    /// The category, for example `arithmetic`.
    var category: String { String(rawValue.prefix { $0 != "." }) }

    /// The task within the category, for example `sum`.
    var task: String { String(rawValue.drop { $0 != "." }.dropFirst()) }
}

/// What one chore is about.
struct BuiltInContent: Sendable, Hashable {
    /// The text that the instruction speaks of.
    var context: String
    /// The one right answer.
    var answer: String
    /// What the instruction asks for by name, where its form has a place for it.
    var key = ""
}

extension SeededGenerator {
    /// One of `choices`, each as likely as any other. There is at least one: the built-in lists are never empty.
    mutating func pick<Element>(_ choices: [Element]) -> Element {
        precondition(!choices.isEmpty, "there is something to choose from")
        return choices[Int.random(in: 0..<choices.count, using: &self)]
    }

    /// `count` different places of `choices`, in random order.
    mutating func pick<Element>(_ count: Int, of choices: [Element]) -> [Element] {
        precondition(count <= choices.count, "there are as many to choose from as are chosen")
        var pool = choices
        for place in 0..<count {
            pool.swapAt(place, Int.random(in: place..<pool.count, using: &self))
        }
        return Array(pool.prefix(count))
    }
}
