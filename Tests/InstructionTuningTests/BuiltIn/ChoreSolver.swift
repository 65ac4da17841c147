import InstructionTuning

/// Answers a chore from its text alone, by other means than the generator: the answers of `BuiltInChores` are held
/// against it.
enum ChoreSolver {
    /// The answer that a careful reader would give, or nil where the text makes no sense.
    static func solve(_ record: InstructionRecord) -> String? {
        let words = record.context.split { " .,".contains($0) }.map(String.init)
        switch record.category {
        case "arithmetic": return arithmetic(record.instruction, words.compactMap(Int.init))
        case "classification": return classification(words)
        case "comparison": return comparison(record.instruction, words.compactMap(Int.init))
        case "completion": return completion(words)
        case "counting": return "\(1 + record.context.count { $0 == " " })"
        case "extraction": return extraction(record.instruction, words)
        case "lookup": return lookup(record.instruction, record.context)
        case "reversing": return words.indices.map { words[words.count - 1 - $0] }.joined(separator: " ")
        case "rewriting": return rewriting(record.context)
        case "sorting": return sorting(words.compactMap(Int.init))
        default: return nil
        }
    }

    private static func contains(_ text: String, anyOf marks: [String]) -> Bool {
        marks.contains { text.contains($0) }
    }

    private static func arithmetic(_ instruction: String, _ numbers: [Int]) -> String? {
        guard numbers.count == 2 else { return nil }
        if contains(instruction, anyOf: ["Add", "sum", "in all", "total"]) { return "\(numbers[0] + numbers[1])" }
        guard contains(instruction, anyOf: ["difference", "Take", "left", "Subtract"]) else { return nil }
        return numbers[0] > numbers[1] ? "\(numbers[0] - numbers[1])" : nil
    }

    private static func classification(_ words: [String]) -> String? {
        let samples: KeyValuePairs = [
            "animals": "cat dog hen cow pig fox bee owl rat goat duck frog",
            "fruits": "fig plum pear apple lemon peach melon grape lime mango",
            "colours": "red blue green pink black white brown gold",
            "tools": "saw axe rope drill rake spade brush knife pin nail",
            "clothes": "hat coat sock shoe scarf boot shirt belt glove cap",
            "vehicles": "car bus van bike boat ship train cart sled tram",
        ]
        return samples.first { sample in
            let members = sample.value.split(separator: " ").map(String.init)
            return words.allSatisfy(members.contains)
        }?.key
    }

    private static func comparison(_ instruction: String, _ numbers: [Int]) -> String? {
        guard numbers.count == 2, numbers[0] != numbers[1] else { return nil }
        let ordered = numbers[0] < numbers[1] ? numbers : [numbers[1], numbers[0]]
        if contains(instruction, anyOf: ["larger", "greater", "bigger", "more"]) { return "\(ordered[1])" }
        return contains(instruction, anyOf: ["smaller", "lesser", "less"]) ? "\(ordered[0])" : nil
    }

    private static func completion(_ words: [String]) -> String? {
        let numbers = words.compactMap(Int.init)
        if numbers.count == 3 {
            return numbers[1] - numbers[0] == numbers[2] - numbers[1] ? "\(2 * numbers[2] - numbers[1])" : nil
        }
        guard words.count == 5 else { return nil }
        // A pattern of period two or three, whichever the five words keep to.
        let period = (2...3).first { period in
            words.indices.dropLast(period).allSatisfy { words[$0] == words[$0 + period] }
        }
        return period.map { words[5 - $0] }
    }

    private static func extraction(_ instruction: String, _ words: [String]) -> String? {
        // NAME met the COLOUR ANIMAL at the PLACE
        guard words.count == 8, words[1] == "met", words[5] == "at" else { return nil }
        if contains(instruction, anyOf: ["person", "Who"]) { return words[0] }
        if contains(instruction, anyOf: ["colour"]) { return words[3] }
        if contains(instruction, anyOf: ["animal"]) { return words[4] }
        return contains(instruction, anyOf: ["place", "Where"]) ? words[7] : nil
    }

    private static func lookup(_ instruction: String, _ context: String) -> String? {
        let asked = instruction.split { " .?".contains($0) }.map(String.init)
        let answers = context.split(separator: ".").compactMap { fact -> String? in
            let parts = fact.split(separator: " ").map(String.init)
            guard parts.count == 4, parts[1] == "has", parts[2] == "the" else { return nil }
            if asked.contains(parts[0]) { return parts[3] }
            return asked.contains(parts[3]) ? parts[0] : nil
        }
        return answers.count == 1 ? answers[0] : nil
    }

    private static func rewriting(_ context: String) -> String? {
        let changes = [
            "walks": "walked", "runs": "ran", "looks": "looked", "jumps": "jumped", "comes": "came",
            "drives": "drove", "turns": "turned", "rides": "rode",
            "big": "small", "small": "big", "hot": "cold", "cold": "hot", "old": "new", "new": "old", "wet": "dry",
            "dry": "wet", "fast": "slow", "slow": "fast", "hard": "soft", "soft": "hard", "clean": "dirty",
            "dirty": "clean", "full": "empty", "empty": "full",
        ]
        var words = context.split(separator: " ").map(String.init)
        guard let place = words.firstIndex(where: { changes[$0] != nil }) else { return nil }
        words[place] = changes[words[place], default: ""]
        return words.joined(separator: " ")
    }

    private static func sorting(_ numbers: [Int]) -> String? {
        guard numbers.count == 3 else { return nil }
        let least = numbers.reduce(Int.max) { $0 < $1 ? $0 : $1 }
        let most = numbers.reduce(Int.min) { $0 > $1 ? $0 : $1 }
        return "\(least) \(numbers.reduce(0, +) - least - most) \(most)"
    }
}
