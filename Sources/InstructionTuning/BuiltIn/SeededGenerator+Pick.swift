import Basics

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
