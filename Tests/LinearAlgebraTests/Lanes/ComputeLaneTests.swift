import LinearAlgebra
import Synchronization
import Testing

@Suite struct ComputeLaneTests {
    private struct Failure: Error {}

    @Test func workRunsInOrderAndReturns() async throws {
        let lane = ComputeLane()
        let order = Mutex<[Int]>([])
        for index in 0..<200 {
            let result = try await lane.run {
                order.withLock { $0.append(index) }
                return index * 2
            }
            #expect(result == index * 2)
        }
        #expect(order.withLock { $0 } == Array(0..<200))
    }

    @Test func errorsComeBack() async {
        let lane = ComputeLane()
        await #expect(throws: Failure.self) { try await lane.run { throw Failure() } }
    }

    @Test func manyCallersShareOneLane() async throws {
        let lane = ComputeLane()
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<500 { group.addTask { try await lane.run { index } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 500 * 499 / 2)
    }

    @Test func aFullLaneRefuses() async throws {
        let lane = ComputeLane(limit: 1)
        let gate = Mutex(false)
        let started = Mutex(false)
        let blocking = Task {
            try await lane.run {
                started.withLock { $0 = true }
                while !gate.withLock({ $0 }) {}
            }
        }
        while !started.withLock({ $0 }) { await Task.yield() }
        // The running piece has left the queue, which holds one more.
        let results = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do {
                        try await lane.run {}
                        return true
                    } catch {
                        return (error as? LaneError) != .full(limit: 1)
                    }
                }
            }
            var refused = 0
            while let taken = await group.next() {
                if !taken { refused += 1 }
                if refused == 4 { gate.withLock { $0 = true } }
            }
            return refused
        }
        #expect(results == 4)
        try await blocking.value
    }
}
