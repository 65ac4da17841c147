/// A binary heap of elements by time, and by the order in which they were put in where times are equal.
///
/// The elements stay where they are; what moves in the heap are their keys, plain numbers.
package struct EventHeap<Element> {
    private struct Key {
        var time: Int64
        var order: UInt64
        var slot: Int

        static func < (left: Key, right: Key) -> Bool {
            left.time != right.time ? left.time < right.time : left.order < right.order
        }
    }

    private var keys: [Key] = []
    private var elements: [Element?] = []
    private var free: [Int] = []
    private var order: UInt64 = 0

    package init() {}

    /// How many elements wait.
    package var count: Int { keys.count }

    /// When the first element is due; nil without any.
    package var firstTime: MonotonicTime? { keys.first.map { MonotonicTime(nanoseconds: $0.time) } }

    /// Puts an element in: O(log n).
    package mutating func push(_ time: MonotonicTime, _ element: Element) {
        order += 1
        let slot: Int
        if let last = free.popLast() {
            slot = last
            elements[slot] = element
        } else {
            slot = elements.count
            elements.append(element)
        }
        keys.append(Key(time: time.nanoseconds, order: order, slot: slot))
        var child = keys.count - 1
        while child > 0, keys[child] < keys[(child - 1) / 2] {
            keys.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the first element out; nil without any. O(log n).
    package mutating func pop() -> Element? {
        guard let last = keys.indices.last else { return nil }
        keys.swapAt(0, last)
        let slot = keys.removeLast().slot
        let element = elements[slot].take()
        free.append(slot)
        var parent = 0
        while true {
            var smallest = parent
            for child in 2 * parent + 1..<2 * parent + 3 where child < keys.count && keys[child] < keys[smallest] {
                smallest = child
            }
            if smallest == parent { return element }
            keys.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
