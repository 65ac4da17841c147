/// What is due at certain times, the earliest first; of the same time what came first. A binary heap.
package struct DueQueue<Element> {
    private var entries: [(due: Duration, number: Int, element: Element)] = []
    private var inserted = 0

    package init() {}

    /// How much waits.
    package var count: Int { entries.count }

    /// When the first is due; nil if nothing waits.
    package var nextDue: Duration? { entries.first?.due }

    /// Adds an element.
    package mutating func insert(_ element: Element, due: Duration) {
        entries.append((due, inserted, element))
        inserted += 1
        var place = entries.count - 1
        while place > 0, isBefore(place, (place - 1) / 2) {
            entries.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// Takes out the first if it is due at `time`.
    package mutating func removeFirst(upTo time: Duration) -> Element? {
        guard let first = entries.first, first.due <= time else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first.element }
        entries[0] = last
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count && isBefore(child, least) {
                least = child
            }
            guard least != place else { return first.element }
            entries.swapAt(place, least)
            place = least
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (entries[left].due, entries[left].number) < (entries[right].due, entries[right].number)
    }
}
