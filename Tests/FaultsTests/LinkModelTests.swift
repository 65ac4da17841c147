import Faults
import Testing

@Suite struct LinkModelTests {
    /// What becomes of `count` datagrams sent a millisecond apart.
    private func carry(
        _ count: Int, seed: UInt64 = 1, under conditions: LinkConditions
    ) -> [[LinkModel.Delivery]] {
        var link = LinkModel(seed: seed, from: 0, to: 1)
        return (0..<count).map {
            link.carry(
                [UInt8](repeating: 7, count: 100), at: .milliseconds($0), under: conditions, released: .seconds(9))
        }
    }

    private func expectAll(_ fates: [[LinkModel.Delivery]], _ holds: ([LinkModel.Delivery]) -> Bool) {
        let kept = fates.allSatisfy(holds)
        #expect(kept)
    }

    @Test(arguments: [0.05, 0.3]) func independentLossIsAsOftenAsSaid(share: Double) {
        let lost = carry(20_000, under: LinkConditions(loss: .independent(share))).count { $0.isEmpty }
        #expect(abs(Double(lost) / 20_000 - share) < 0.01)
    }

    @Test func burstsAreLongerThanIndependentLoss() {
        let model = LossModel.gilbertElliott(toBad: 0.01, toGood: 0.1, goodLoss: 0, badLoss: 1)
        let fates = carry(50_000, under: LinkConditions(loss: model)).map(\.isEmpty)
        let lost = fates.count { $0 }
        let bursts = zip(fates, fates.dropFirst()).count { !$0 && $1 }
        // Stationary share of the bad state 1/11; mean length of a burst 10.
        #expect(abs(Double(lost) / 50_000 - 1 / 11) < 0.02)
        #expect(abs(Double(lost) / Double(bursts) - 10) < 1.5)
    }

    @Test func aLinkRepeatsItselfAndIsItsOwn() {
        let conditions = LinkConditions(
            delay: .normal(mean: .milliseconds(20), deviation: .milliseconds(5)), loss: .independent(0.2),
            duplicate: 0.1, reorder: 0.2, corrupt: 0.1, truncate: 0.1)
        let first = carry(500, under: conditions)
        let again = carry(500, under: conditions)
        let other = carry(500, seed: 2, under: conditions)
        #expect(first == again)
        #expect(first != other)
    }

    @Test func aRateDelaysAndThenDrops() {
        // 100 bytes a millisecond arrive, 50 leave; the queue holds ten datagrams.
        let fates = carry(200, under: LinkConditions(rate: 50_000, queue: 1000))
        let arrivals = fates.flatMap { $0 }.map(\.time)
        #expect(fates[0][0].time == .milliseconds(2))
        let isPaced = zip(arrivals, arrivals.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(2) }
        #expect(isPaced)
        let dropped = fates.count { $0.isEmpty }
        #expect(dropped > 80)
        let waits = zip(fates.indices, fates).map { ($1.first?.time ?? .zero) - .milliseconds($0) }
        let longest = waits.max() ?? .zero
        #expect(longest <= .milliseconds(20))
    }

    @Test func corruptionTurnsOneBitAndTruncationCuts() {
        for fate in carry(300, under: LinkConditions(corrupt: 1)) {
            let turned = fate[0].bytes.map { ($0 ^ 7).nonzeroBitCount }.reduce(0, +)
            #expect(turned == 1)
        }
        expectAll(carry(300, under: LinkConditions(truncate: 1))) { $0[0].bytes.count < 100 }
    }

    @Test func longDatagramsVanishInABlackHoleAndAClogHoldsAll() {
        expectAll(carry(3, under: LinkConditions(maximumDatagram: 99))) { $0.isEmpty }
        expectAll(carry(3, under: LinkConditions(maximumDatagram: 100))) { $0.count == 1 }
        expectAll(carry(3, under: LinkConditions(isClogged: true))) { $0[0].time >= .seconds(9) }
    }
}
