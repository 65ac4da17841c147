import Adapters
import Aggregation
import Basics
import Foundation
import Testing

@Suite struct DifferenceCodingTests {
    static let schema = AdapterSchema(tensors: [
        .init(name: "a", rows: 40, columns: 25), .init(name: "b", rows: 30, columns: 100),
    ])

    static func drawn(_ scale: Float, using generator: inout SeededGenerator) -> AdapterDelta {
        AdapterDelta(schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) * scale })
    }

    static func coded(
        _ delta: AdapterDelta, after copy: AdapterDelta, step: Float
    ) -> (payload: [UInt8], read: AdapterDelta, mark: UInt64)? {
        DifferenceCoding.encoded(delta, after: copy, mark: DifferenceCoding.mark(of: copy), step: step)
    }

    @Test(arguments: [Float(1e-6), 1e-3, 0.01, 0.1, 1, 10, 1e30], 0..<3 as Range<UInt64>)
    func whatIsReadIsTheSameOnBothSides(step: Float, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (copy, delta) = (Self.drawn(1, using: &generator), Self.drawn(1, using: &generator))
        guard let coded = Self.coded(delta, after: copy, step: step) else {
            // Beyond a million steps, or longer than single precision.
            #expect(step < 1e-5)
            return
        }
        #expect(DifferenceCoding.byteCounts(for: Self.schema).contains(coded.payload.count))
        let read = try DifferenceCoding.decoded(coded.payload[...], after: copy)
        #expect(read.delta.values.map(\.bitPattern) == coded.read.values.map(\.bitPattern) && read.mark == coded.mark)
        for (value, wanted) in zip(read.delta.values, delta.values) {
            #expect(abs(value - wanted) <= 0.51 * step + 1e-6)
        }
    }

    /// The sizes that need every branch of the code: none, small, at the end of the unary part, and beyond.
    @Test func everySizeOfIntegerReadsBack() throws {
        let sizes: [Float] = [0, 1, 2, 13, 14, 15, 16, 17, 29, 30, 31, 1000, 65_535, 1_048_575]
        let copy = AdapterDelta(zeroOf: Self.schema)
        var delta = copy
        for index in delta.values.indices { delta[index] = sizes[index % sizes.count] * (index % 3 == 0 ? -1 : 1) }
        let coded = try #require(Self.coded(delta, after: copy, step: 1))
        #expect(try DifferenceCoding.decoded(coded.payload[...], after: copy).delta == delta)
        delta[0] = 1_048_576
        #expect(Self.coded(delta, after: copy, step: 1) == nil)
    }

    @Test func whatHasNotMovedCostsTheHeadAlone() throws {
        var generator = SeededGenerator(seed: 4)
        let copy = Self.drawn(1, using: &generator)
        let unmoved = try #require(Self.coded(copy, after: copy, step: 0))
        #expect(unmoved.payload.count == 20 && unmoved.read == copy)
        #expect(try DifferenceCoding.decoded(unmoved.payload[...], after: copy).delta == copy)
        // Nothing but zeros, said one by one.
        let zeros = try #require(Self.coded(copy, after: copy, step: 1))
        #expect(zeros.payload.count < 60)
    }

    /// Within five hundredths of a bit a value, and the cost of learning, of the entropy of what is written.
    @Test(arguments: [Float(0.25), 0.5, 1, 2, 4]) func theLengthIsThatOfTheEntropy(step: Float) throws {
        var generator = SeededGenerator(seed: 11)
        let copy = AdapterDelta(zeroOf: Self.schema)
        let delta = Self.drawn(1, using: &generator)
        let coded = try #require(Self.coded(delta, after: copy, step: step))
        var counts: [Int: Int] = [:]
        for value in delta.values { counts[Int((value / step).rounded()), default: 0] += 1 }
        let entropy = counts.values.reduce(0.0) { sum, count in
            let share = Double(count) / Double(Self.schema.count)
            return sum - share * log2(share)
        }
        let bits = 8 * Double(coded.payload.count - 20) / Double(Self.schema.count)
        #expect(bits < 1.06 * entropy + 0.15, "\(bits) bits where the entropy is \(entropy)")
    }

    @Test func hostileBytesAreRefused() throws {
        var generator = SeededGenerator(seed: 5)
        let copy = Self.drawn(1, using: &generator)
        let good = try #require(Self.coded(Self.drawn(1, using: &generator), after: copy, step: 0.1)).payload
        for length in [0, 7, 8, 16, 19, 20, 21, 30, good.count - 1] {
            #expect(throws: PayloadError.self) { try DifferenceCoding.decoded(good.prefix(length), after: copy) }
        }
        #expect(throws: PayloadError.self) { try DifferenceCoding.decoded((good + [0])[...], after: copy) }
        for _ in 0..<300 {
            var bad = good
            bad[Int.random(in: 8..<bad.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
            #expect(throws: PayloadError.self) { try DifferenceCoding.decoded(bad[...], after: copy) }
        }
        for step in [Float.nan, .infinity, -1] {
            var bad = good
            for byte in 0..<4 { bad[16 + byte] = UInt8(truncatingIfNeeded: step.bitPattern >> (8 * UInt32(byte))) }
            #expect(throws: PayloadError.self) { try DifferenceCoding.decoded(bad[...], after: copy) }
        }
        for _ in 0..<100 {
            let count = Int.random(in: 0...4 * Self.schema.count + 40, using: &generator)
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(throws: PayloadError.self) { try DifferenceCoding.decoded(noise[...], after: copy) }
        }
    }
}
