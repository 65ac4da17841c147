import LinearAlgebra
import Synchronization
import Testing

@Suite struct ComputeTeamTests {
    @Test(arguments: [1, 2, 5]) func everyPartRunsOnceEachTime(count: Int) {
        let team = ComputeTeam(count: count)
        #expect(team.count == count)
        let calls = (0..<count).map { _ in Counter() }
        for _ in 0..<2000 { team.run { calls[$0].add() } }
        #expect(calls.map(\.value) == [Int](repeating: 2000, count: count))
    }

    @Test func aTeamThatSleptWakes() async throws {
        let team = ComputeTeam(count: 3)
        let calls = Counter()
        for _ in 0..<20 {
            team.run { _ in calls.add() }
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(calls.value == 60)
    }

    @Test func rowsAreWholeTilesThatCoverAll() {
        let team = ComputeTeam(count: 3)
        for rows in [0, 1, 11, 12, 13, 100, 256, 1000] {
            let parts = (0..<3).map { team.rows(rows, part: $0) }
            #expect(parts[0].lowerBound == 0 && parts[2].upperBound == rows)
            #expect(parts[0].upperBound == parts[1].lowerBound && parts[1].upperBound == parts[2].lowerBound)
            for part in parts where !part.isEmpty { #expect(part.lowerBound.isMultiple(of: WeightProducts.tileRows)) }
        }
    }

    private final class Counter: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .relaxed) }
        func add() { count.add(1, ordering: .relaxed) }
    }
}
