import Overlay
import Testing

@Suite struct ParticipationTests {
    @Test(arguments: [(0.1, 100, 10), (0.05, 100, 5), (0.5, 7, 4), (0.01, 20, 1), (1, 9, 9)])
    func soManyTrain(share: Double, count: Int, wanted: Int) {
        let participation = Participation(share: share, seed: 3)
        var rounds = [Int](repeating: 0, count: count)
        for round in 0..<200 {
            let drawn = participation.participants(of: count, in: round)
            #expect(drawn.count == wanted)
            #expect(drawn.allSatisfy { (0..<count).contains($0) })
            for place in 0..<count {
                #expect(participation.trains(place, of: count, in: round) == drawn.contains(place))
            }
            for place in drawn { rounds[place] += 1 }
        }
        // 200 draws with a share p have a standard deviation of √(200 p (1 − p)); nobody is six of them away.
        let expected = 200 * Double(wanted) / Double(count)
        let deviation = (expected * (1 - Double(wanted) / Double(count))).squareRoot()
        #expect(rounds.allSatisfy { abs(Double($0) - expected) <= 6 * deviation + 1e-9 })
    }

    @Test func seedsAndRoundsDrawDifferently() {
        let one = Participation(share: 0.2, seed: 1), other = Participation(share: 0.2, seed: 2)
        #expect(one.participants(of: 50, in: 0) == one.participants(of: 50, in: 0))
        #expect(one.participants(of: 50, in: 0) != one.participants(of: 50, in: 1))
        #expect(one.participants(of: 50, in: 0) != other.participants(of: 50, in: 0))
    }
}
