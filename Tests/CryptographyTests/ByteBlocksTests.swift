import Cryptography
import Testing

@Suite("Blocks of bytes")
struct ByteBlocksTests {
    @Test("A buffer that is not written to at first keeps what is written", arguments: [0, 1, 70_000, 9_000_001])
    func unwritten(count: Int) {
        var buffer = [UInt8](unwrittenCount: count)
        #expect(buffer.count == count)
        let piece = [UInt8](repeating: 7, count: 4096)
        for start in stride(from: 0, to: count, by: 4096) {
            let end = min(count, start + 4096)
            buffer.overwrite(at: start, with: piece, range: 0..<end - start)
        }
        #expect(buffer.allSatisfy { $0 == 7 })
    }
}
