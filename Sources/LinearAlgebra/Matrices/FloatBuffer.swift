#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A block of 32-bit floats, zero at first, aligned to cache lines. A large block is memory of its own, in huge pages
/// where the system gives them: it becomes resident as it is first written, and goes back to the system at its end.
///
/// Not sendable: whoever owns one hands out `Matrix` views of it, all used from one place at a time.
package final class FloatBuffer {
    let base: UnsafeMutablePointer<Float>
    package let count: Int
    /// The bytes of a large block; nil of a small one.
    private let mappedSize: Int?

    private static let alignment = 64
    private static let hugePage = 2 << 20
    // Some kernels read whole registers, up to 31 floats beyond a matrix's end, and ignore what is there.
    private static let slack = 256

    /// A block of `count` zeros.
    package init(count: Int) {
        precondition(count >= 0 && count < 1 << 46, "a buffer's size is sensible")
        self.count = count
        let size = max(count * MemoryLayout<Float>.stride + Self.slack, Self.alignment)
        if size >= 2 * Self.hugePage {
            let page = max(1, sysconf(Int32(_SC_PAGESIZE)))
            let whole = (size + page - 1) / page * page
            base = Self.map(whole).bindMemory(to: Float.self, capacity: count)
            mappedSize = whole
            return
        }
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, Self.alignment, size) == 0, let memory else {
            Self.endWithoutMemory(for: size)
        }
        memset(memory, 0, size)
        base = memory.bindMemory(to: Float.self, capacity: max(count, Self.alignment / 4))
        mappedSize = nil
    }

    /// Fresh pages of `size` bytes that begin where a huge page can.
    private static func map(_ size: Int) -> UnsafeMutableRawPointer {
        let spare = hugePage
        guard
            let start = mmap(nil, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            Int(bitPattern: start) != -1
        else { endWithoutMemory(for: size) }
        let skipped = -Int(bitPattern: start) & (hugePage - 1)
        if skipped > 0 { munmap(start, skipped) }
        let base = start + skipped
        if spare > skipped { munmap(base + size, spare - skipped) }
        #if os(Linux)
        // The last piece stays in small pages: a huge one would be resident whole.
        _ = madvise(base, size & ~(hugePage - 1), MADV_HUGEPAGE)
        #endif
        return base
    }

    /// Ends the process in order where the system gives no more memory: nothing above could go on without the buffer, and a
    /// trap would say neither what was needed nor what to do. Checkpoints and adapters are whole at every moment.
    private static func endWithoutMemory(for size: Int) -> Never {
        let line =
            "murmur: there is no memory for \(size / 1_000_000 + 1) MB more; give the process more (ulimit -v, the container's "
            + "limit), or ask for less: --weights int8, --memory low, fewer --threads, a smaller batch or cutoff\n"
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        // Not by `exit`: what libraries do at the end of a process may need the memory that is not there.
        _exit(1)
    }

    deinit {
        if let mappedSize { munmap(base, mappedSize) } else { free(base) }
    }
}

/// One allocation from which matrices are cut when an engine is set up, so that a step allocates nothing.
package final class Arena {
    private let buffer: FloatBuffer
    /// Whether nothing is cut: the arena only counts what is asked of it.
    private let isCounting: Bool
    private var used = 0

    // Whole cache lines of 64 bytes: rows of different matrices never share one.
    private static let granule = 16

    private init(capacity: Int, isCounting: Bool) {
        buffer = FloatBuffer(count: capacity)
        self.isCounting = isCounting
    }

    /// What `make` makes of the matrices that it cuts from one allocation, which is exactly as large as they need.
    ///
    /// `make` is called twice and must ask for the same matrices each time. The first call only counts, and gets
    /// matrices without rows; what it returns is dropped. So one list of matrices gives their sizes as well.
    package static func planned<Result>(_ make: (Arena) -> Result) -> Result {
        let counter = Arena(capacity: 0, isCounting: true)
        _ = make(counter)
        let arena = Arena(capacity: counter.used, isCounting: false)
        let result = make(arena)
        precondition(arena.used == arena.buffer.count, "both calls ask for the same matrices")
        return result
    }

    /// Cuts a matrix of zeros.
    package func matrix(rows: Int, columns: Int) -> Matrix {
        let size = (rows * columns + Self.granule - 1) / Self.granule * Self.granule
        defer { used += size }
        if isCounting { return Matrix(buffer: buffer, offset: 0, rows: 0, columns: columns, stride: columns) }
        precondition(used + size <= buffer.count, "both calls ask for the same matrices")
        return Matrix(buffer: buffer, offset: used, rows: rows, columns: columns, stride: columns)
    }
}
