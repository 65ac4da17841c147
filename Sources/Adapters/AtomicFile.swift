internal import Glibc

/// Replaces files so that a crash at any moment leaves either the old or the new content whole.
package enum AtomicFile {
    /// Writes `bytes` to a new file beside `path`, makes them durable, and renames the file to `path`.
    ///
    /// On return the content and the folder entry are on disk. On an error the old file, if any, is intact and the new
    /// one is removed. A file that a crash left over begins with `.` and ends with `.partial`.
    /// - Throws: `FileError`.
    package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let (folder, name) = split(path)
        let temporary = "\(folder)/.\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(path: path, errorNumber: errno) }
        do throws(FileError) {
            defer { _ = close(descriptor) }
            try writeAll(bytes, to: descriptor, path: path)
            guard fsync(descriptor) == 0 else { throw FileError(path: path, errorNumber: errno) }
        } catch {
            _ = unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let reason = errno
            _ = unlink(temporary)
            throw FileError(path: path, errorNumber: reason)
        }
        try synchronise(folder: folder)
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

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
        var written = Glibc.write(descriptor, bytes, bytes.count)
        if written == bytes.count { return }
        // The kernel took a part: go on in pieces.
        let pieceSize = 1 << 20
        var position = max(written, 0)
        if written < 0, errno != EINTR { throw FileError(path: path, errorNumber: errno) }
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

    /// The folder and the last part of `path`.
    private static func split(_ path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), path[path.index(after: slash)...])
    }
}
