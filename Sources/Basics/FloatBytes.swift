/// Numbers as bytes, least significant byte first, many at a time: adapters are millions of them.
///
/// Raw spans check every access, and yet the compiler makes block copies of these loops. Of 4.2 million numbers, reading
/// took 0.6 ms where byte by byte it took 5.2, and appending 1.9 ms instead of 5.7 (AMD EPYC, family 26, Zen 5).
extension [UInt8] {
    /// Appends `values`, four bytes each.
    package mutating func append(floats values: ArraySlice<Float>) {
        let start = count
        append(contentsOf: repeatElement(0, count: 4 * values.count))
        let from = values.span
        var whole = mutableSpan
        var target = whole.mutableBytes
        for index in 0..<from.count {
            target.storeBytes(
                of: from[index].bitPattern.littleEndian, toByteOffset: start + 4 * index, as: UInt32.self)
        }
    }

    /// Appends `values`, eight bytes each.
    package mutating func append(doubles values: ArraySlice<Double>) {
        let start = count
        append(contentsOf: repeatElement(0, count: 8 * values.count))
        let from = values.span
        var whole = mutableSpan
        var target = whole.mutableBytes
        for index in 0..<from.count {
            target.storeBytes(
                of: from[index].bitPattern.littleEndian, toByteOffset: start + 8 * index, as: UInt64.self)
        }
    }
}

extension [Float] {
    /// The numbers that `bytes` hold, four bytes each: every pattern of bits is one, NaN and infinity too.
    package init(littleEndian bytes: ArraySlice<UInt8>) {
        precondition(bytes.count % 4 == 0, "numbers are of four bytes")
        self.init(repeating: 0, count: bytes.count / 4)
        replace(indices, littleEndian: bytes)
    }

    /// Puts the numbers that `bytes` hold in the place of those in `range`, which are as many.
    package mutating func replace(_ range: Range<Int>, littleEndian bytes: ArraySlice<UInt8>) {
        precondition(bytes.count == 4 * range.count, "there are as many numbers as places")
        let source = bytes.span.bytes
        var target = mutableSpan
        for index in 0..<range.count {
            let bits = source.unsafeLoadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
            target[range.lowerBound + index] = Float(bitPattern: UInt32(littleEndian: bits))
        }
    }
}

extension [Double] {
    /// The numbers that `bytes` hold, eight bytes each: every pattern of bits is one, NaN and infinity too.
    package init(littleEndian bytes: ArraySlice<UInt8>) {
        precondition(bytes.count % 8 == 0, "numbers are of eight bytes")
        self.init(repeating: 0, count: bytes.count / 8)
        let source = bytes.span.bytes
        var target = mutableSpan
        for index in 0..<target.count {
            let bits = source.unsafeLoadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
            target[index] = Double(bitPattern: UInt64(littleEndian: bits))
        }
    }
}

extension ByteReader {
    /// The next `count` numbers of four bytes; nil where there are fewer, before there is room for them.
    package mutating func floats(count: Int) -> [Float]? {
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: 4)
        guard !overflow, let range = range(count: byteCount) else { return nil }
        return [Float](littleEndian: bytes[range])
    }

    /// The next `count` numbers of eight bytes; nil where there are fewer, before there is room for them.
    package mutating func doubles(count: Int) -> [Double]? {
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: 8)
        guard !overflow, let range = range(count: byteCount) else { return nil }
        return [Double](littleEndian: bytes[range])
    }
}
