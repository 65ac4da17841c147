#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Replaces files so that a crash at any moment leaves either the old or the new content whole.
package enum AtomicFile {
    /// Writes `bytes` to a new file beside `path`, makes them durable, and renames the file to `path`.
    ///
    /// On return the content and the folder entry are on disk. On an error the old file, if any, is intact and the new
    /// one is removed. A file that a crash left over begins with `.` and ends with `.partial`.
    /// - Throws: `FileError`.
    package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let file = try PartialFile(for: path)
        try file.append(bytes)
        try file.commit()
    }

    /// The same for content that is too large to hold: `body` appends it part by part. When it throws, the old file is
    /// intact and the new one is removed.
    ///
    /// - Parameter isDurable: whether the content is on disk on return. If not, a crash of the process leaves the old file
    ///   or the new one whole, and one of the machine may leave neither: for what is of use to this process only.
    /// - Throws: what `body` throws, or `FileError`.
    package static func write(
        to path: String, isDurable: Bool = true, _ body: (_ append: ([UInt8]) throws -> Void) throws -> Void
    ) throws {
        let file = try PartialFile(for: path)
        try body { try file.append($0) }
        try file.commit(isDurable: isDurable)
    }

    /// Makes the entries of `folder` durable. Throws `FileError`.
    package static func synchronise(folder: String) throws(FileError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: folder, errorNumber: errno) }
        defer { _ = close(descriptor) }
        // Some file systems cannot synchronise a folder and say so by EINVAL; nothing more can be done there.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError(path: folder, errorNumber: errno) }
    }

    /// Creates `folder` and the folders above it where they do not exist. Throws `FileError`.
    package static func createFolder(_ folder: String) throws(FileError) {
        var prefix = folder.hasPrefix("/") ? "/" : ""
        for part in folder.split(separator: "/") {
            prefix += prefix.isEmpty || prefix == "/" ? String(part) : "/\(part)"
            if mkdir(prefix, 0o755) != 0, errno != EEXIST, errno != EISDIR {
                throw FileError(path: prefix, errorNumber: errno)
            }
        }
        var status = stat()
        guard stat(folder, &status) == 0 else { throw FileError(path: folder, errorNumber: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .other(path: folder, reason: "a file is in the place of the folder")
        }
    }
}

/// The new content of a file on its way to disk: a temporary file that vanishes unless it is committed.
struct PartialFile: ~Copyable {
    private let path: String
    private let folder: String
    private let temporary: String
    private let descriptor: Int32

    /// Opens a new file beside `path`.
    init(for path: String) throws(FileError) {
        let (folder, name) = Self.split(path)
        // In the same folder, as a rename does not reach from one file system to another.
        let temporary = "\(folder)/.\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(path: path, errorNumber: errno) }
        self.path = path
        self.folder = folder
        self.temporary = temporary
        self.descriptor = descriptor
    }

    deinit {
        _ = close(descriptor)
        // After a commit there is no file of this name any more.
        _ = unlink(temporary)
    }

    /// Writes `bytes` behind what has been written.
    func append(_ bytes: [UInt8]) throws(FileError) { try Self.append(bytes, to: descriptor, of: path) }

    /// Writes all of `bytes` to an open file; `path` is for what goes wrong.
    static func append(_ bytes: [UInt8], to descriptor: Int32, of path: String) throws(FileError) {
        var written = Glibc.write(descriptor, bytes, bytes.count)
        if written == bytes.count { return }
        if written < 0, errno != EINTR { throw FileError(path: path, errorNumber: errno) }
        // The kernel took a part: go on in pieces.
        let pieceSize = 1 << 20
        var position = max(written, 0)
        while position < bytes.count {
            let piece = Array(bytes[position..<min(position + pieceSize, bytes.count)])
            written = Glibc.write(descriptor, piece, piece.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw FileError(path: path, errorNumber: errno)
            }
            position += written
        }
    }

    /// Makes the content durable, if that is asked for, and puts the file in its place.
    func commit(isDurable: Bool = true) throws(FileError) {
        guard !isDurable || fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw FileError(path: path, errorNumber: errno)
        }
        guard isDurable else { return }
        // Without this the new name may be lost with the power, though the content is on disk.
        try AtomicFile.synchronise(folder: folder)
    }

    /// The folder and the last part of `path`.
    private static func split(_ path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), path[path.index(after: slash)...])
    }
}
