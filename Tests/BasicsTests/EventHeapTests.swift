import Basics
import Testing

@Suite struct EventHeapTests {
    @Test(arguments: [UInt64(1), 2, 3]) func comesOutByTimeAndThenByOrder(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var heap = EventHeap<Int>()
        var expected: [(time: Int64, number: Int)] = []
        var taken: [(time: Int64, number: Int)] = []
        for number in 0..<2000 {
            let time = Int64.random(in: 0..<50, using: &generator) + Int64(taken.last?.time ?? 0)
            heap.push(MonotonicTime(nanoseconds: time), number)
            expected.append((time, number))
            if generator.uniform() < 0.4, let due = heap.firstTime, let first = heap.pop() {
                taken.append((due.nanoseconds, first))
            }
        }
        while let due = heap.firstTime, let first = heap.pop() { taken.append((due.nanoseconds, first)) }
        let sorted = expected.sorted { ($0.time, $0.number) < ($1.time, $1.number) }
        #expect(taken.map(\.number).sorted() == sorted.map(\.number).sorted())
        let isOrdered = zip(taken, taken.dropFirst()).allSatisfy { $0.time <= $1.time }
        #expect(isOrdered)
        #expect(heap.count == 0)
    }

    @Test func equalTimesKeepTheirOrder() {
        var heap = EventHeap<Int>()
        for number in 0..<100 { heap.push(.zero, number) }
        var taken: [Int] = []
        while let next = heap.pop() { taken.append(next) }
        #expect(taken == Array(0..<100))
    }
}
