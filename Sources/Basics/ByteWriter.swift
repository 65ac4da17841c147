/// What is written to byte strings: integers, least significant byte first.
extension [UInt8] {
    /// Appends `value`, least significant byte first.
    package mutating func append(integer value: some FixedWidthInteger & UnsignedInteger) {
        var value = value
        for _ in 0..<value.bitWidth / 8 {
            append(UInt8(truncatingIfNeeded: value))
            value >>= 8
        }
    }
}
