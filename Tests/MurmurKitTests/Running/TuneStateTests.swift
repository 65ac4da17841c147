import Basics
import MurmurKit
import TestSupport
import Testing

@Suite struct TuneStateTests {
    static let state = TuneState(
        step: 70_000, values: [1.5, -0.0, .infinity, .leastNonzeroMagnitude], snapshot: [9, 8, 7])

    @Test func itIsReadAsItWasWritten() throws {
        let bytes = Self.state.encoded
        #expect(bytes.count == 8 + 16 + 3)
        let read = try #require(TuneState(encoded: bytes, valueCount: 4))
        #expect(read.step == 70_000 && read.snapshot == [9, 8, 7])
        #expect(read.values.map(\.bitPattern) == Self.state.values.map(\.bitPattern))
    }

    @Test func whatIsCutShortIsNone() {
        let bytes = Self.state.encoded
        for length in 0...24 { #expect(TuneState(encoded: Array(bytes[..<length]), valueCount: 4) == nil) }
        // From there on it is whole as far as this can tell: the snapshot's end is its own matter.
        #expect(TuneState(encoded: Array(bytes[..<25]), valueCount: 4) != nil)
        #expect(TuneState(encoded: bytes, valueCount: 40) == nil)
    }

    @Test func aNumberOfStepsThatNobodyTookIsNone() {
        var bytes = Self.state.encoded
        bytes[7] = 0x80
        #expect(TuneState(encoded: bytes, valueCount: 4) == nil)
    }

    @Test(arguments: 0..<50) func damageNeverTraps(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = Mutation.apply(to: Self.state.encoded, using: &generator)
        if let read = TuneState(encoded: bytes, valueCount: 4) { #expect(read.values.count == 4 && read.step >= 0) }
    }
}
