import InstructionTuning
import Testing

@Suite("Batches") struct BatchSamplerTests {
    @Test("Every epoch holds each record once, in an order of its own")
    func epochs() {
        var sampler = BatchSampler(count: 10, batch: 4, seed: 1, stream: "a")
        let drawn = (0..<15).flatMap { _ in sampler.next() }
        let epochs = stride(from: 0, to: 60, by: 10).map { Array(drawn[$0..<($0 + 10)]) }
        #expect(epochs.allSatisfy { $0.sorted() == Array(0..<10) })
        #expect(Set(epochs).count == 6)
    }

    @Test("A batch may be larger than the list")
    func largeBatch() {
        var sampler = BatchSampler(count: 3, batch: 8, seed: 1, stream: "a")
        let batch = sampler.next()
        #expect(batch.count == 8 && Set(batch) == [0, 1, 2])
    }

    @Test("A sampler set to a saved state goes on as the one it was saved from")
    func resume() {
        var sampler = BatchSampler(count: 17, batch: 5, seed: 3, stream: "p")
        for step in 0..<40 {
            var other = BatchSampler(count: 17, batch: 5, seed: 3, stream: "p")
            let isRestored = other.restore(sampler.state)
            #expect(isRestored && other == sampler, "step \(step)")
            let (mine, theirs) = (sampler.next(), other.next())
            #expect(mine == theirs)
        }
    }

    @Test("Seeds and streams differ, and a foreign state is refused")
    func independence() {
        func first(_ seed: UInt64, _ stream: String) -> [Int] {
            var sampler = BatchSampler(count: 50, batch: 50, seed: seed, stream: stream)
            return sampler.next()
        }
        #expect(first(1, "a") == first(1, "a"))
        #expect(first(1, "a") != first(2, "a"))
        #expect(first(1, "a") != first(1, "b"))
        var sampler = BatchSampler(count: 5, batch: 2, seed: 1, stream: "a")
        let before = sampler
        for state in [(0, 6), (0, -1), (UInt64.max, 0)] {
            let isRestored = sampler.restore(.init(epoch: state.0, position: state.1))
            #expect(!isRestored)
        }
        #expect(sampler == before)
    }
}
