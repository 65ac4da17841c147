import LinearAlgebra
import Testing

@Suite("Vectors of bfloat16 values")
struct ShortFloatsTests {
    private static func bytes(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in
            let bits = UInt16(value.bitPattern >> 16)
            return [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
        }
    }

    @Test("Averages are rounded to the nearest value, ties to even")
    func rounding() {
        // Between 1 and its successor 1 + 2^-7 lies 1 + 2^-8; between that and 1 + 2^-6 lies 1 + 3 * 2^-8.
        let one: [Float] = [1, 1, 1 + 0x1p-6, 1, -1, 3, 0]
        let other: [Float] = [1, 1 + 0x1p-7, 1 + 0x1p-7, 1 + 0x1p-6, -1 - 0x1p-7, -1, 0]
        let average: [Float] = [1, 1, 1 + 0x1p-6, 1 + 0x1p-7, -1, 1, 0]
        #expect(ShortFloats.average([Self.bytes(one), Self.bytes(other)]) == Self.bytes(average))
        #expect(ShortFloats.average([Self.bytes(one)]) == Self.bytes(one))
        #expect(ShortFloats.average([[], []]) == [])
    }

    @Test("Long vectors are averaged to their ends", arguments: [1, 1023, 1024, 1025, 5000])
    func lengths(count: Int) {
        let vectors = (0..<8).map { vector in (0..<count).map { Float(($0 + vector * 8) % 64) } }
        let expected = (0..<count).map { position in
            vectors.reduce(Float(0)) { $0 + $1[position] } / 8
        }
        // Averages of eight whole numbers below 64 need 9 bits: what the last one says is rounded.
        let rounded = expected.map { value -> Float in
            let bits = value.bitPattern
            return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
        }
        #expect(ShortFloats.average(vectors.map(Self.bytes)) == Self.bytes(rounded))
    }
}
