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

    @Test("Sums are those of the values, from any even place on")
    func sums() {
        let values: [Float] = [1, -2.5, 0.15625, 3e38, -1e-38]
        var sums = [Double](repeating: 0.5, count: 4)
        ShortFloats.add(Self.bytes(values), from: 2, to: &sums)
        let expected = values.dropFirst().map { 0.5 + Double(Float(bitPattern: $0.bitPattern & 0xffff_0000)) }
        #expect(sums == expected)
    }

    @Test("Sums are rounded to the nearest value, ties to even")
    func rounding() {
        // Between 1 and its successor 1 + 2^-7 lies 1 + 2^-8; between that and 1 + 2^-6 lies 1 + 3 * 2^-8.
        let sums: [Double] = [1, 1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1.8p-8, -1 - 0x1p-8, 0]
        let rounded: [Float] = [1, 1, 1 + 0x1p-6, 1 + 0x1p-7, -1, 0]
        #expect(ShortFloats.rounded(sums, times: 1) == Self.bytes(rounded))
        #expect(ShortFloats.rounded([4, -6], times: 0.25) == Self.bytes([1, -1.5]))
    }
}
