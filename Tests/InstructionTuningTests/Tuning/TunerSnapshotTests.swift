import Adapters
import Basics
import InstructionTuning
import LinearAlgebra
import TestSupport
import Testing

@Suite("Saved trainer states") struct TunerSnapshotTests {
    private let lane = ComputeLane()

    @Test("A damaged or foreign state is refused and changes nothing")
    func refused() async throws {
        let rig = TuningRig()
        let bench = try rig.workbench()
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        _ = try await tuner.train(.init(round: 0, steps: 2, delta: AdapterDelta(zeroOf: tuner.schema)))
        let good = try await tuner.snapshot()
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<60 {
            let bad = Mutation.apply(to: good, using: &generator)
            guard bad != good else { continue }
            await #expect(throws: TuningError.self) { try await tuner.restore(bad) }
        }
        for length in [0, 7, 8, 55, 56, good.count - 1] {
            await #expect(throws: TuningError.self) { try await tuner.restore(Array(good.prefix(length))) }
        }
        #expect(try await tuner.snapshot() == good)
        for (peer, count) in [("b", 10), ("a", 9)] {
            let other = try bench.tuner(peer: peer, records: TuningRig.records(count), lane: lane)
            await #expect(throws: TuningError.self) { try await other.restore(good) }
        }
        try await tuner.restore(good)
    }
}
