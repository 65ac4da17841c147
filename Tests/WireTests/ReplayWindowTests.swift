import Basics
import Testing
import Wire

@Suite("Replay window")
struct ReplayWindowTests {
    @Test func everyNumberOnce() {
        var window = ReplayWindow()
        #expect(window.greatest == nil)
        let inserted = [0, 1, 1, 0, 64, 63, 64, 16_384, 0, 1, 2, 16_383].map { window.insert(UInt64($0)) }
        // 16,384 pushes 0 out of the window; 1 is its last number and was seen, 2 was not.
        #expect(
            inserted == [true, true, false, false, true, true, false, true, false, false, true, true])
        #expect(window.greatest == 16_384)
    }

    @Test func jumpsForgetAll() {
        var window = ReplayWindow()
        for number in 0..<100 as Range<UInt64> { _ = window.insert(number) }
        #expect(window.accepts(1_000_000))
        let jumped = window.insert(1_000_000)
        #expect(jumped)
        #expect(!window.accepts(99))
        #expect(!window.accepts(1_000_000 - ReplayWindow.size))
        for number in (1_000_001 - ReplayWindow.size)..<1_000_000 where !window.accepts(number) {
            Issue.record("\(number) was never seen")
        }
        let last = window.insert(.max)
        #expect(last)
        #expect(!window.accepts(.max))
        #expect(window.accepts(.max - 1))
    }

    @Test("Agrees with a set of everything seen", arguments: 1...5 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var window = ReplayWindow()
        var seen: Set<UInt64> = []
        var greatest: UInt64 = 0
        for _ in 0..<50_000 {
            let spread: UInt64 = generator.uniform() < 0.01 ? 40_000 : 300
            let low = greatest > 17_000 && generator.uniform() < 0.3 ? greatest - 17_000 : greatest
            let number = UInt64.random(in: low..<(low + spread), using: &generator)
            let expected =
                !seen.contains(number) && (number > greatest || greatest - number < ReplayWindow.size || seen.isEmpty)
            if window.insert(number) != expected {
                Issue.record("\(number) after \(greatest)")
                return
            }
            seen.insert(number)
            greatest = max(greatest, number)
        }
    }
}
