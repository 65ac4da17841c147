import Foundation
import MurmurKit
import Testing

@Suite struct SeedStatisticsTests {
    /// By R's t.test(c(0.1, 0.2, 0.3, 0.4, 0.6)): mean 0.32, from 0.0812 to 0.5588.
    @Test func studentsInterval() throws {
        let interval = try #require(SeedInterval([0.1, 0.2, 0.3, 0.4, 0.6]))
        #expect(abs(interval.mean - 0.32) < 1e-12 && abs(try #require(interval.half) - 0.2388) < 1e-4)
        #expect(interval.verdict == .worse)
        #expect(SeedInterval([0.5])?.half == nil && SeedInterval([0.5])?.verdict == .oneSeed)
        #expect(SeedInterval([]) == nil)
    }

    @Test func intervalsNarrowWithTheNumberOfSeeds() throws {
        var last = Double.infinity
        for count in 2...60 {
            let half = try #require(SeedInterval((0..<count).map { $0 % 2 == 0 ? 1 : -1 })?.half)
            if count % 2 == 0 {
                #expect(half < last)
                last = half
            }
        }
        // 2.0010 with 59 degrees of freedom.
        #expect(abs(last - 2.0010 * (60.0 / 59 / 60).squareRoot()) < 1e-4)
    }

    @Test func differencesArePaired() throws {
        // Far apart, and the second always better by about as much.
        let interval = try #require(SeedInterval.difference([1, 5, 9, nil], [1.1, 5.12, 9.11, 3]))
        #expect(interval.count == 3 && interval.verdict == .better)
        let noise = try #require(SeedInterval.difference([1, 2, 3], [1.2, 1.9, 2.95]))
        #expect(noise.verdict == .noise && SeedInterval.Verdict.noise.rawValue == "within noise")
        #expect(SeedInterval.difference([nil], [1]) == nil)
    }

    @Test func theBestRateIsWhereTheValidationLossIsLeast() throws {
        let choice = try #require(
            RateChoice([("2e-2", [0.5, 0.4]), ("4e-3", [0.9, 0.8]), ("8e-3", [0.3, 0.5]), ("0.1", [0.1, nil])]))
        #expect(choice.rate == "8e-3" && choice.place == .inside && choice.remark == nil)
        #expect(choice.losses.map(\.rate) == ["4e-3", "8e-3", "2e-2", "0.1"])
        #expect(choice.losses.last?.mean == nil, "where a seed has none, there is no mean of the others")
    }

    @Test(arguments: [
        ([3.0, 2, 1], RateChoice.Place.highest), ([1, 2, 3], .lowest), ([2, 1, 2], .inside), ([2, 2, 2], .lowest),
        ([1], .only), ([Double.nan, 2, 1], .highest),
    ])
    func anOptimumAtTheEdgeIsSaid(losses: [Double], place: RateChoice.Place) throws {
        let rates = ["1e-3", "2e-3", "4e-3"]
        let choice = try #require(RateChoice(zip(rates, losses).map { ($0, [$1]) }))
        #expect(choice.place == place)
        #expect((choice.remark == nil) == (place == .inside))
        if place == .highest { #expect(choice.remark?.contains("highest of the grid") == true) }
    }

    @Test func noRateWithoutFigures() {
        #expect(RateChoice([("1e-3", [nil]), ("2e-3", [.nan])]) == nil)
        #expect(RateChoice([]) == nil)
    }
}
