import Adapters
import Aggregation
import Basics
import Federation
import Testing

/// Which of the adapters that neighbours have finished with is no part of the agreement.
@Suite struct FinalAdaptersTests {
    private static let schema = AdapterSchema(tensors: [.init(name: "w", rows: 1, columns: 4)])

    private static func id(_ number: UInt8) -> PeerID {
        PeerID(bytes: [UInt8](repeating: number, count: PeerID.byteCount))!
    }

    private func share(_ number: UInt8, _ value: Float) -> HeardShare {
        HeardShare(
            origin: Self.id(number), round: 9, weight: 1,
            delta: AdapterDelta(schema: Self.schema, values: [value, -value, 1, 0]))
    }

    private func strangers(_ values: [Float]) -> Set<PeerID> {
        FinalAdapters.strangers(
            among: values.enumerated().map { share(UInt8($0.offset), $0.element) }, bound: 1e-3)
    }

    /// Wherever the one stands that is apart, and however far.
    @Test(arguments: [[Float(1.02), 1, 1], [1, 1.02, 1], [1, 1, 1.02], [1, -1, 1.001], [1, 0, 1], [5, 5, 1e30]])
    func oneOfThreeIsPassedOver(values: [Float]) {
        let apart = values.firstIndex { value in values.count { abs($0 - value) > 0.01 } > 1 }!
        #expect(strangers(values) == [Self.id(UInt8(apart))])
    }

    @Test(arguments: [[], [Float(1)], [1, 2], [1, 1.001, 1.002], [1, 1, 2, 2], [1, 2, 3], [0, 0, 0]])
    func whereMostDoNotAgreeNobodyIs(values: [Float]) { #expect(strangers(values).isEmpty) }

    @Test func severalMayBe() { #expect(strangers([3, 1, 1, 1, 2]) == [Self.id(0), Self.id(4)]) }
}
