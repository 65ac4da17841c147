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

    @Test("The bytes are those of version 1, one by one")
    func layout() async throws {
        let rig = TuningRig()
        let tuner = try rig.workbench().tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        func little(_ word: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        func hash(_ bytes: [UInt8]) -> UInt64 {
            bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        }
        let fingerprint = hash(tuner.schema.encoded + Array("a|5|10|4".utf8))
        // Before the first step: no steps, the first epoch's start, moments of zero.
        var expected = Array("MURMTUNE".utf8)
        for word in [1, fingerprint, 0, 0, 0, UInt64(tuner.schema.count)] { expected += little(word) }
        expected += [UInt8](repeating: 0, count: 8 * tuner.schema.count)
        expected += little(hash(expected))
        #expect(try await tuner.snapshot() == expected)
    }
}
