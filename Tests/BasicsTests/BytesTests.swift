import Basics
import Testing

@Suite struct BytesTests {
    @Test func whatIsWrittenIsRead() {
        var bytes: [UInt8] = []
        bytes.append(integer: UInt8(1))
        bytes.append(integer: UInt16(0x0302))
        bytes.append(integer: UInt32(0x0706_0504))
        bytes.append(integer: UInt64(0x0f0e_0d0c_0b0a_0908))
        #expect(bytes == Array(1...15))
        var reader = ByteReader(bytes)
        #expect(reader.byte() == 1)
        #expect(reader.integer(UInt16.self) == 0x0302)
        #expect(reader.integer(UInt32.self) == 0x0706_0504)
        #expect(reader.integer(UInt64.self) == 0x0f0e_0d0c_0b0a_0908)
        #expect(reader.isAtEnd && reader.byte() == nil && reader.integer(UInt8.self) == nil)
    }

    @Test func nothingIsReadBeyondTheEnd() {
        var reader = ByteReader([1, 2, 3, 4, 5], range: 1..<4)
        #expect(reader.integer(UInt32.self) == nil && reader.range(count: 4) == nil && reader.range(count: -1) == nil)
        #expect(reader.position == 1 && reader.remaining == 3)
        #expect(reader.bytes(count: 2) == [2, 3])
        #expect(reader.range(count: 1) == 3..<4)
        #expect(reader.isAtEnd && reader.bytes(count: 1) == nil)
        // A range that leaves the bytes is cut to them.
        var beyond = ByteReader([1], range: 0..<9)
        #expect(beyond.byte() == 1 && beyond.byte() == nil)
        var behind = ByteReader([1], range: 5..<9)
        #expect(behind.byte() == nil && behind.bytes(count: 1) == nil && behind.integer(UInt8.self) == nil)
    }

    @Test(arguments: [("", [UInt8]()), ("00ff", [0, 255]), ("0aB9", [10, 0xb9])])
    func hexadecimalIsRead(text: String, bytes: [UInt8]) {
        #expect([UInt8](hexadecimal: text) == bytes)
        #expect(bytes.hexadecimal == text.lowercased())
    }

    @Test(arguments: ["0", "0g", "+1", "0x", "１1"]) func otherTextIsNot(text: String) {
        #expect([UInt8](hexadecimal: text) == nil)
    }

    /// The published values of the 64-bit hash.
    @Test(arguments: [
        ("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c),
        ("foobar", 0x8594_4171_f739_67e8) as (String, UInt64),
    ]) func hashesAreThePublishedOnes(text: String, value: UInt64) {
        var hash = FNV1a()
        hash.add(Array(text.utf8))
        #expect(hash.value == value)
        var parts = FNV1a()
        let bytes = Array(text.utf8)
        parts.add(bytes, range: 0..<bytes.count / 2)
        parts.add(bytes, range: bytes.count / 2..<bytes.count)
        #expect(parts.value == value)
    }
}
