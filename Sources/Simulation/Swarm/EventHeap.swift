package import Overlay

/// A binary heap of elements by time, and by the order in which they were put in where times are equal.
package struct EventHeap<Element> {
    private var items: [(time: MonotonicTime, order: UInt64, element: Element)] = []
    private var order: UInt64 = 0

    package init() {}

    /// How many elements wait.
    package var count: Int { items.count }

    /// When the first element is due; nil without any.
    package var firstTime: MonotonicTime? { items.first?.time }

    /// Puts an element in: O(log n).
    package mutating func push(_ time: MonotonicTime, _ element: Element) {
        order += 1
        items.append((time, order, element))
        var child = items.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the first element out; nil without any. O(log n).
    package mutating func pop() -> Element? {
        guard let last = items.indices.last else { return nil }
        items.swapAt(0, last)
        let first = items.removeLast()
        var parent = 0
        while true {
            var smallest = parent
            for child in 2 * parent + 1..<2 * parent + 3 where child < items.count && precedes(child, smallest) {
                smallest = child
            }
            if smallest == parent { return first.element }
            items.swapAt(parent, smallest)
            parent = smallest
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (items[left].time, items[left].order) < (items[right].time, items[right].order)
    }
}
