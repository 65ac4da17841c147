#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

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

extension [UInt8] {
    /// Bytes from which on a buffer is asked to lie in large pages.
    private static let largeByteCount = 4 << 20
    /// Bytes of a large page.
    private static let pageByteCount = 2 << 20

    /// `count` bytes that hold whatever was there: for buffers of which no byte is read before it was written. Memory that is
    /// fresh from the system is taken as it is written to, in large pages where there is much of it (Linux), and is not
    /// zeroed a second time: for an object of 100 MB that took a quarter of the receiver's time.
    package init(unwrittenCount count: Int) {
        self.init(unsafeUninitializedCapacity: count) { buffer, initializedCount in
            initializedCount = count
            #if os(Linux)
            guard count >= Self.largeByteCount, let base = buffer.baseAddress else { return }
            // Only whole pages: the rest of one at either end would be resident without being written to.
            let address = Int(bitPattern: base)
            let skipped = -address & (Self.pageByteCount - 1)
            let size = (count - skipped) & ~(Self.pageByteCount - 1)
            guard size > 0 else { return }
            _ = madvise(UnsafeMutableRawPointer(base) + skipped, size, MADV_HUGEPAGE)
            #endif
        }
    }
}
