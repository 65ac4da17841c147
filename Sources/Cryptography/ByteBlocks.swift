extension [UInt8] {
    /// Overwrites the bytes from `offset` on with those of `source` at `range`: one block copy, where element-wise
    /// replacement would be several times slower. Both ranges must lie in their arrays.
    package mutating func overwrite(at offset: Int, with source: [UInt8], range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= source.count, "the source range lies in the source")
        precondition(offset >= 0 && offset <= count - range.count, "the target range lies in the target")
        source.withUnsafeBytes { from in
            self.withUnsafeMutableBytes { to in
                guard !range.isEmpty, let target = to.baseAddress, let base = from.baseAddress else { return }
                (target + offset).copyMemory(from: base + range.lowerBound, byteCount: range.count)
            }
        }
    }
}
