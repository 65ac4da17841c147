internal import Glibc

/// The new content of a file on its way to disk: a temporary file that vanishes unless it is committed.
struct PartialFile: ~Copyable {
    private let path: String
    private let folder: String
    private let temporary: String
    private let descriptor: Int32

    /// Opens a new file beside `path`.
    init(for path: String) throws(FileError) {
        let (folder, name) = Self.split(path)
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

    /// Makes the content durable and puts the file in its place.
    func commit() throws(FileError) {
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw FileError(path: path, errorNumber: errno)
        }
        try AtomicFile.synchronise(folder: folder)
    }

    /// The folder and the last part of `path`.
    private static func split(_ path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), path[path.index(after: slash)...])
    }
}
