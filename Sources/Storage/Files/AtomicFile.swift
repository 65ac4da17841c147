internal import Glibc

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
    /// - Throws: what `body` throws, or `FileError`.
    package static func write(to path: String, _ body: (_ append: ([UInt8]) throws -> Void) throws -> Void) throws {
        let file = try PartialFile(for: path)
        try body { try file.append($0) }
        try file.commit()
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
