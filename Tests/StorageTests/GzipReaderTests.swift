import Basics
import Storage
import Testing

@Suite struct GzipReaderTests {
    /// `{"instruction":"i","response":"r"}` and a line feed, packed.
    private static let packed: [UInt8] =
        [UInt8](
            hexadecimal: "1f8b0800000000000203ab56cacc2b2e292a4d2ec9cccf53b252ca54d251"
                + "2a4a2d2ec8cf2b4e05728b946ab900e7873ad423000000") ?? []
    private static let text = Array("{\"instruction\":\"i\",\"response\":\"r\"}\n".utf8)

    private func unpacked(_ bytes: [UInt8], inPiecesOf size: Int, limit: Int = 1 << 20) throws -> [UInt8] {
        let reader = GzipReader(limit: limit)
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            try reader.take(Array(bytes[start..<min(bytes.count, start + size)])) { result += $0 }
        }
        try reader.finish()
        return result
    }

    @Test(arguments: [1, 2, 7, 1000]) func whatIsPackedComesBackInWhateverPieces(size: Int) throws {
        #expect(GzipReader.isMarked(Self.packed))
        #expect(try unpacked(Self.packed, inPiecesOf: size) == Self.text)
        #expect(try unpacked(Self.packed + Self.packed + [0, 0, 0], inPiecesOf: size) == Self.text + Self.text)
    }

    @Test func noMoreIsUnpackedThanIsAllowed() {
        #expect(throws: GzipError.tooLarge(limit: Self.text.count - 1)) {
            try unpacked(Self.packed, inPiecesOf: 9, limit: Self.text.count - 1)
        }
        #expect(throws: Never.self) { try unpacked(Self.packed, inPiecesOf: 9, limit: Self.text.count) }
    }

    @Test func everyDamagedByteIsFoundOrDoesNoHarm() throws {
        for place in Self.packed.indices {
            for bit in 0..<8 {
                var bytes = Self.packed
                bytes[place] ^= 1 << UInt8(bit)
                do {
                    #expect(try unpacked(bytes, inPiecesOf: 5) == Self.text)
                    // The header's flags, time and system are not covered by the checksum.
                    #expect((3..<10).contains(place))
                } catch { #expect(error is GzipError) }
            }
            #expect(throws: GzipError.cutShort) { try unpacked(Array(Self.packed[..<place]), inPiecesOf: 5) }
        }
    }
}
