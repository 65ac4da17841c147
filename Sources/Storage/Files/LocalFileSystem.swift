internal import Glibc

/// The machine's file system.
package struct LocalFileSystem: FileSystem {
    package init() {}

    package func createFolder(_ folder: String) throws(FileError) { try AtomicFile.createFolder(folder) }

    package func contents(of path: String) throws(FileError) -> [UInt8]? {
        do {
            let file = try ReadableFile(path: path)
            return try file.bytes(0..<file.size)
        } catch .notFound {
            return nil
        }
    }

    package func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(path: path, errorNumber: errno) }
        defer { _ = close(descriptor) }
        try PartialFile.append(bytes, to: descriptor, of: path)
        guard fsync(descriptor) == 0 else { throw FileError(path: path, errorNumber: errno) }
    }

    package func link(_ path: String, as other: String) throws(FileError) {
        guard Glibc.link(path, other) == 0 else { throw FileError(path: other, errorNumber: errno) }
    }

    package func rename(_ path: String, to other: String) throws(FileError) {
        guard Glibc.rename(path, other) == 0 else { throw FileError(path: other, errorNumber: errno) }
    }

    package func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw FileError(path: path, errorNumber: errno) }
    }

    package func synchronise(folder: String) throws(FileError) { try AtomicFile.synchronise(folder: folder) }
}
