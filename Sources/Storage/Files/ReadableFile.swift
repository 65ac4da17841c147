#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A regular file open for reading any part of it, from any thread.
///
/// It reads and does not map: a mapped file that another process shortens ends this one with a signal, a read reports an
/// error.
package final class ReadableFile: Sendable {
    package let path: String
    /// Its size in bytes when it was opened.
    package let size: Int
    private let descriptor: Int32

    /// The most that one call asks of the kernel, which itself moves at most 2 GiB less a page.
    private static let readLimit = 1 << 30
    private static let pieceSize = 1 << 20
    private static let attemptLimit = 64

    /// Opens the regular file at `path`, which is no pointer of Git LFS. Throws `FileError`.
    package init(path: String) throws(FileError) {
        // O_NONBLOCK: opening a named pipe in the file's place must not wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(path: path, errorNumber: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let reason = errno
            _ = close(descriptor)
            throw FileError(path: path, errorNumber: reason)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            _ = close(descriptor)
            throw .notAFile(path: path)
        }
        self.path = path
        self.size = Int(status.st_size)
        self.descriptor = descriptor
        // Here, so that no reader takes a pointer for a damaged file of its own kind.
        guard !isLargeFilePointer else { throw .largeFilePointer(path: path) }
    }

    /// Git LFS keeps pointers below this size.
    private static let pointerLimit = 1024
    private static let pointerHead = Array("version https://git-lfs.github.com/spec/".utf8)

    /// Whether the file is a pointer that Git LFS left: a few lines of text that begin so.
    private var isLargeFilePointer: Bool {
        guard size < Self.pointerLimit, size > Self.pointerHead.count else { return false }
        var head = [UInt8](repeating: 0, count: Self.pointerHead.count)
        return pread(descriptor, &head, head.count, 0) == head.count && head == Self.pointerHead
    }

    deinit {
        _ = close(descriptor)
    }

    /// All bytes of the file at `path`, which may have at most `limit`. Throws `FileError`.
    package static func contents(of path: String, limit: Int = .max) throws(FileError) -> [UInt8] {
        let file = try ReadableFile(path: path)
        guard file.size <= limit else {
            throw .other(path: path, reason: "the file has \(file.size) bytes, more than the \(limit) allowed")
        }
        return try file.bytes(0..<file.size)
    }

    /// The bytes at `range`, which lies within the size. Throws `FileError`.
    package func bytes(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: range.count)
        if range.count <= Self.readLimit, pread(descriptor, &result, range.count, range.lowerBound) == range.count {
            return result
        }
        // Larger than one call, interrupted, or cut short: piece by piece.
        result.removeAll(keepingCapacity: true)
        try forEachPiece(of: range) { result.append(contentsOf: $0) }
        return result
    }

    /// The little-endian 32-bit floats at `range`, whose length is a multiple of four. Throws `FileError`.
    package func floats(_ range: Range<Int>) throws(FileError) -> [Float] {
        precondition(range.count.isMultiple(of: 4), "floats have four bytes")
        var result = [Float](repeating: 0, count: range.count / 4)
        if Self.isLittleEndian, range.count <= Self.readLimit,
            pread(descriptor, &result, range.count, range.lowerBound) == range.count
        {
            return result
        }
        result.removeAll(keepingCapacity: true)
        try forEachPiece(of: range) { FloatEncoding.float32.decode($0, into: &result) }
        return result
    }

    /// Calls `body` with consecutive parts of `range`; all but the last have the same length, a multiple of four.
    package func forEachPiece(of range: Range<Int>, _ body: (ArraySlice<UInt8>) -> Void) throws(FileError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "a read lies within the file")
        var piece = [UInt8](repeating: 0, count: min(Self.pieceSize, range.count))
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = min(piece.count, range.upperBound - position)
            let got = try fill(&piece, wanted: wanted, at: position)
            body(piece[..<got])
            position += got
        }
    }

    /// Reads `wanted` bytes into the front of `piece`; asks again for all of them when fewer came, so that pieces stay
    /// aligned.
    private func fill(_ piece: inout [UInt8], wanted: Int, at position: Int) throws(FileError) -> Int {
        for _ in 0..<Self.attemptLimit {
            let got = pread(descriptor, &piece, wanted, position)
            if got == wanted { return got }
            if got < 0, errno != EINTR { throw FileError(path: path, errorNumber: errno) }
        }
        // Only interruptions and the end of the file make a read of a regular file short.
        throw .cutShort(path: path)
    }

    private static var isLittleEndian: Bool { UInt32(1).littleEndian == 1 }
}
