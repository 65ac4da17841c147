import Basics
import MurmurKit
import Testing

@Suite struct DueQueueTests {
    @Test(arguments: 0..<10) func theEarliestComesFirst(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var queue = DueQueue<Int>()
        let due = (0..<200).map { _ in Duration.milliseconds(Int.random(in: 0..<50, using: &generator)) }
        for (index, time) in due.enumerated() { queue.insert(index, due: time) }
        #expect(queue.count == 200 && queue.nextDue == due.min())
        #expect(queue.removeFirst(upTo: .milliseconds(-1)) == nil)
        var order: [Int] = []
        while let next = queue.removeFirst(upTo: .seconds(1)) { order.append(next) }
        #expect(order == due.indices.sorted { (due[$0], $0) < (due[$1], $1) })
        #expect(queue.nextDue == nil)
    }
}
