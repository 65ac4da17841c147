/// The probability that a binary decision is "no", learned from those that were made: in 2048ths.
struct AdaptiveBit: Sendable, Hashable {
    static let scale: UInt32 = 2048
    private static let rate: UInt32 = 5

    private(set) var no: UInt32 = scale / 2

    /// Takes note of a decision.
    mutating func learn(_ bit: Bool) {
        if bit { no -= no >> Self.rate } else { no += (Self.scale - no) >> Self.rate }
    }
}

/// A binary range coder with carries (Martin, 1979; the form with a 32-bit range and adaptive bits is that of LZMA). It
/// writes a decision of probability p in −log₂ p bits.
struct RangeEncoder {
    private var low: UInt64 = 0
    private var range: UInt32 = .max
    /// The byte that a carry can still change, and how many bytes of ones follow it.
    private var cache: UInt8 = 0
    private var pending = 0
    private var isFirst = true
    private(set) var bytes: [UInt8] = []

    /// A decision whose probability is learned.
    mutating func encode(_ bit: Bool, _ model: inout AdaptiveBit) {
        let bound = range / AdaptiveBit.scale * model.no
        if bit {
            low += UInt64(bound)
            range -= bound
        } else {
            range = bound
        }
        model.learn(bit)
        normalise()
    }

    /// A decision that is as likely as not.
    mutating func encode(even bit: Bool) {
        range >>= 1
        if bit { low += UInt64(range) }
        normalise()
    }

    private mutating func normalise() {
        while range < 1 << 24 {
            range <<= 8
            shift()
        }
    }

    private mutating func shift() {
        // A byte of ones waits: a carry from below would still change it and the byte before it.
        if low >> 24 != 0xff {
            let carry = UInt8(truncatingIfNeeded: low >> 32)
            // Nothing stands in the cache before the first byte; LZMA writes a zero for it.
            if !isFirst { bytes.append(cache &+ carry) }
            isFirst = false
            for _ in 0..<pending { bytes.append(0xff &+ carry) }
            pending = 0
            cache = UInt8(truncatingIfNeeded: low >> 24)
        } else {
            pending += 1
        }
        low = (low & 0x00ff_ffff) << 8
    }

    /// All bytes, after the last decision.
    mutating func finished() -> [UInt8] {
        // The byte that waits, and the four of `low`.
        for _ in 0..<5 { shift() }
        return bytes
    }
}

/// Reads what `RangeEncoder` wrote. What is missing at the end reads as zeros, and shows in `isComplete`.
struct RangeDecoder {
    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private var code: UInt32 = 0
    private var range: UInt32 = .max
    private var isShort = false

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
        for _ in 0..<4 { code = code << 8 | next() }
    }

    private mutating func next() -> UInt32 {
        guard place < bytes.endIndex else {
            isShort = true
            return 0
        }
        defer { place += 1 }
        return UInt32(bytes[place])
    }

    /// Whether the bytes ended with the last decision, neither before nor after it.
    var isComplete: Bool { !isShort && place == bytes.endIndex }

    mutating func decode(_ model: inout AdaptiveBit) -> Bool {
        let bound = range / AdaptiveBit.scale * model.no
        let bit = code >= bound
        if bit {
            code -= bound
            range -= bound
        } else {
            range = bound
        }
        model.learn(bit)
        normalise()
        return bit
    }

    mutating func decodeEven() -> Bool {
        range >>= 1
        let bit = code >= range
        if bit { code -= range }
        normalise()
        return bit
    }

    private mutating func normalise() {
        while range < 1 << 24 {
            range <<= 8
            code = code << 8 | next()
        }
    }
}
