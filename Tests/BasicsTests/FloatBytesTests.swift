import Basics
import Testing

@Suite struct FloatBytesTests {
    /// Numbers whose bits are easily lost: zeros of both signs, subnormals, infinities, NaN with a payload.
    static let floats: [Float] = [
        1, -2.5, 0, -0.0, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity,
        Float(bitPattern: 0x7fc1_2345),
    ]
    static let doubles: [Double] = [
        1, -2.5, 0, -0.0, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity,
        Double(bitPattern: 0x7ff8_0123_4567_89ab),
    ]

    /// Behind bytes that are there, of a slice that does not begin at zero, and back from the middle of others.
    @Test(arguments: 0...9) func numbersAreTheirBitsLeastSignificantFirst(count: Int) {
        let floats = [9] + Self.floats.prefix(count)
        var bytes: [UInt8] = [7, 7, 7]
        bytes.append(floats: floats[1...])
        var expected: [UInt8] = [7, 7, 7]
        for value in floats[1...] { expected.append(integer: value.bitPattern) }
        #expect(bytes == expected)
        #expect([Float](littleEndian: bytes[3...]).map(\.bitPattern) == floats[1...].map(\.bitPattern))

        let doubles = [9] + Self.doubles.prefix(count)
        bytes = [7, 7, 7]
        bytes.append(doubles: doubles[1...])
        expected = [7, 7, 7]
        for value in doubles[1...] { expected.append(integer: value.bitPattern) }
        #expect(bytes == expected)
        #expect([Double](littleEndian: bytes[3...]).map(\.bitPattern) == doubles[1...].map(\.bitPattern))
    }

    @Test func aReaderGivesNoMoreThanThereIs() {
        var bytes: [UInt8] = [1]
        bytes.append(floats: [3, 4])
        bytes.append(doubles: [5])
        var reader = ByteReader(bytes)
        #expect(reader.byte() == 1)
        #expect(reader.floats(count: 5) == nil && reader.doubles(count: 3) == nil)
        #expect(reader.floats(count: .max) == nil && reader.doubles(count: -1) == nil && reader.position == 1)
        #expect(reader.floats(count: 2) == [3, 4])
        #expect(reader.doubles(count: 1) == [5] && reader.isAtEnd)
        #expect(reader.floats(count: 0) == [] && reader.doubles(count: 1) == nil)
    }

    /// The seed adapter's values hang on these.
    @Test func floatsAreDrawnOneByOne() {
        var (one, other) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
        let values = one.floats(count: 100, within: 0.25)
        #expect(values == (0..<100).map { _ in Float((2 * other.uniform() - 1) * 0.25) })
        #expect(one == other && values.allSatisfy { abs($0) <= 0.25 })
    }
}
