/// Reads a byte string from front to back. Every read is checked against the end: what is not there is nil, never a
/// trap. Integers lie least significant byte first.
///
/// Public, so that other modules can inline it: packets are read with it, and a call for each field cost the protocol some
/// percent of its processor time (docs/decisions/0057-what-is-inlined-is-public.md).
public struct ByteReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var place: Int
    @usableFromInline let end: Int

    /// A reader of `bytes` at `range`, or of all of them.
    @inlinable
    public init(_ bytes: [UInt8], range: Range<Int>? = nil) {
        self.bytes = bytes
        place = range?.lowerBound ?? 0
        end = min(range?.upperBound ?? bytes.count, bytes.count)
    }

    /// Where the next byte lies.
    @inlinable public var position: Int { place }

    /// How many bytes are left.
    @inlinable public var remaining: Int { end - place }

    /// Whether everything was read.
    @inlinable public var isAtEnd: Bool { remaining == 0 }

    /// The next byte.
    @inlinable @inline(__always)
    public mutating func byte() -> UInt8? {
        guard place < end else { return nil }
        let byte = bytes[place]
        place += 1
        return byte
    }

    /// The next integer of type `Integer`, of at most eight bytes.
    @inlinable @inline(__always)
    public mutating func integer<Integer: FixedWidthInteger & UnsignedInteger>(_ type: Integer.Type) -> Integer? {
        guard let word = word(byteCount: MemoryLayout<Integer>.size) else { return nil }
        return Integer(truncatingIfNeeded: word)
    }

    /// The next `byteCount` bytes as a number. Not generic, so that it is compiled for what it does: byte by byte in a
    /// type that the compiler does not know, reading a packet's header cost more than deciphering it.
    @inlinable @inline(__always)
    public mutating func word(byteCount: Int) -> UInt64? {
        precondition((1...8).contains(byteCount), "a word has one to eight bytes")
        guard remaining >= byteCount else { return nil }
        var word: UInt64 = 0
        for index in 0..<byteCount { word |= UInt64(bytes[place + index]) << UInt64(8 * index) }
        place += byteCount
        return word
    }

    /// Where the next `count` bytes lie; they count as read.
    @inlinable @inline(__always)
    public mutating func range(count: Int) -> Range<Int>? {
        guard count >= 0, remaining >= count else { return nil }
        let range = place..<place + count
        place = range.upperBound
        return range
    }

    /// The next `count` bytes, copied.
    @inlinable
    public mutating func bytes(count: Int) -> [UInt8]? {
        range(count: count).map { Array(bytes[$0]) }
    }
}

/// What is written to byte strings: integers, least significant byte first.
extension [UInt8] {
    /// Appends `value`, of at most eight bytes, least significant byte first.
    @inlinable @inline(__always)
    public mutating func append(integer value: some FixedWidthInteger & UnsignedInteger) {
        append(word: UInt64(truncatingIfNeeded: value), byteCount: value.bitWidth / 8)
    }

    /// Appends the low `byteCount` bytes of `word`. Not generic for the reason that reading is not.
    @inlinable
    public mutating func append(word: UInt64, byteCount: Int) {
        for index in 0..<byteCount { append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
    }
}

extension [UInt8] {
    /// The bytes that `text` spells in hexadecimal digits of either case; nil unless it is whole pairs of digits.
    package init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(ofDigit: digits[index]), let low = Self.value(ofDigit: digits[index + 1]) else {
                return nil
            }
            append(high << 4 | low)
        }
    }

    /// Two lower-case hexadecimal digits a byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
