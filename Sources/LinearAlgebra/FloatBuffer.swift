internal import Glibc

/// A block of 32-bit floats, zero at first, aligned to cache lines; large blocks ask for huge pages.
///
/// Not sendable: whoever owns one hands out `Matrix` views of it, all used from one place at a time.
package final class FloatBuffer {
    let base: UnsafeMutablePointer<Float>
    /// The number of floats.
    package let count: Int

    private static let alignment = 64
    private static let hugePage = 2 << 20
    // Some kernels read whole registers, up to 31 floats beyond a matrix's end, and ignore what is there.
    private static let slack = 256

    /// A block of `count` zeros.
    package init(count: Int) {
        precondition(count >= 0 && count < 1 << 46, "a buffer's size is sensible")
        let size = count * MemoryLayout<Float>.stride + Self.slack
        let isLarge = size >= 2 * Self.hugePage
        let alignment = isLarge ? Self.hugePage : Self.alignment
        var memory: UnsafeMutableRawPointer?
        let status = posix_memalign(&memory, alignment, max(size, Self.alignment))
        guard status == 0, let memory else {
            preconditionFailure("there is no memory for a buffer of \(size) bytes")
        }
        if isLarge { _ = madvise(memory, size, MADV_HUGEPAGE) }
        memset(memory, 0, max(size, Self.alignment))
        base = memory.bindMemory(to: Float.self, capacity: max(count, Self.alignment / 4))
        self.count = count
    }

    deinit {
        free(base)
    }
}
