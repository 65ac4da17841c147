/// Reads a byte string from front to back. Every read is checked against the end: what is not there is nil, never a
/// trap. Integers lie least significant byte first.
package struct ByteReader: Sendable {
    private let bytes: [UInt8]
    package private(set) var position: Int
    private let end: Int

    /// A reader of `bytes` at `range`, or of all of them.
    package init(_ bytes: [UInt8], range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        end = min(range?.upperBound ?? bytes.count, bytes.count)
    }

    /// How many bytes are left.
    package var remaining: Int { end - position }

    /// Whether everything was read.
    package var isAtEnd: Bool { remaining == 0 }

    /// The next byte.
    package mutating func byte() -> UInt8? {
        guard position < end else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next integer of type `Integer`.
    package mutating func integer<Integer: FixedWidthInteger & UnsignedInteger>(_ type: Integer.Type) -> Integer? {
        let width = Integer.bitWidth / 8
        guard remaining >= width else { return nil }
        var value: Integer = 0
        for index in 0..<width {
            value |= Integer(truncatingIfNeeded: bytes[position + index]) << Integer(index * 8)
        }
        position += width
        return value
    }

    /// Where the next `count` bytes lie; they count as read.
    package mutating func range(count: Int) -> Range<Int>? {
        guard count >= 0, remaining >= count else { return nil }
        defer { position += count }
        return position..<position + count
    }

    /// The next `count` bytes, copied.
    package mutating func bytes(count: Int) -> [UInt8]? {
        range(count: count).map { Array(bytes[$0]) }
    }
}
