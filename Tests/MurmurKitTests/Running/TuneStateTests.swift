import Basics
import Cryptography
import Federation
import MurmurKit
import TestSupport
import Testing

@Suite struct TuneStateTests {
    static let state = TuneState(
        step: 70_000,
        settings: SettingsFingerprint([.init("tuning.batch", "8"), .init("data.own", digest: [1, 2, 3])]),
        values: [1.5, -0.0, .infinity, .leastNonzeroMagnitude], snapshot: [9, 8, 7])

    @Test func itIsReadAsItWasWritten() throws {
        let read = try #require(TuneState(encoded: Self.state.encoded))
        #expect(read.step == 70_000 && read.snapshot == [9, 8, 7] && read.settings == Self.state.settings)
        #expect(read.values.map(\.bitPattern) == Self.state.values.map(\.bitPattern))
    }

    @Test func whatIsCutShortIsNone() {
        let bytes = Self.state.encoded
        for length in bytes.indices { #expect(TuneState(encoded: Array(bytes[..<length])) == nil) }
    }

    @Test(arguments: 0..<50) func damageIsFoundAndNeverTraps(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = Mutation.apply(to: Self.state.encoded, using: &generator)
        #expect(bytes == Self.state.encoded || TuneState(encoded: bytes) == nil)
        // The digest is right and the content is anything.
        let body = Mutation.apply(to: Array(Self.state.encoded.dropLast(32)), using: &generator)
        if let read = TuneState(encoded: body + Digest.blake2b256(body, personalisation: "murmur-tune")) {
            #expect(read.step >= 0)
        }
    }
}
