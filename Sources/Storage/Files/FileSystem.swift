#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What keeping checkpoints asks of a file system. The real one is `LocalFileSystem`; simulations have one that fails.
package protocol FileSystem: Sendable {
    /// Creates a folder and those above it where they do not exist.
    mutating func createFolder(_ folder: String) throws(FileError)
    /// The bytes of a file; nil where there is no file.
    func contents(of path: String) throws(FileError) -> [UInt8]?
    /// Calls `take` with the bytes of a file, part after part; false where there is no file.
    func forEachPiece(of path: String, _ take: (ArraySlice<UInt8>) -> Void) throws(FileError) -> Bool
    /// Writes a file, in the place of what it held if it was there. On return its content is durable; its name is not
    /// before its folder is synchronised. After an error the file may be there in part.
    mutating func write(_ bytes: [UInt8], to path: String) throws(FileError)
    /// Gives a file a second name, which no file may have.
    mutating func link(_ path: String, as other: String) throws(FileError)
    /// Gives a file another name, in the place of the file that had it.
    mutating func rename(_ path: String, to other: String) throws(FileError)
    /// Removes a name if it is there.
    mutating func remove(_ path: String) throws(FileError)
    /// Makes the names in a folder durable.
    mutating func synchronise(folder: String) throws(FileError)
}

extension FileSystem {
    package func forEachPiece(of path: String, _ take: (ArraySlice<UInt8>) -> Void) throws(FileError) -> Bool {
        guard let bytes = try contents(of: path) else { return false }
        take(bytes[...])
        return true
    }
}

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

    package func forEachPiece(of path: String, _ take: (ArraySlice<UInt8>) -> Void) throws(FileError) -> Bool {
        do {
            let file = try ReadableFile(path: path)
            try file.forEachPiece(of: 0..<file.size, take)
            return true
        } catch .notFound {
            return false
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

/// Why a file could not be read or written. Every case carries the path and says what to do.
package enum FileError: Error, Equatable, CustomStringConvertible {
    /// There is no such file or folder.
    case notFound(path: String)
    /// The file's or folder's permissions forbid it.
    case noPermission(path: String)
    /// The disk, or the quota on it, is full.
    case diskFull(path: String)
    /// The file is not a regular file, for example a folder.
    case notAFile(path: String)
    /// The file has become shorter since it was opened.
    case cutShort(path: String)
    /// The file is what Git LFS leaves in the place of a large one that was not fetched.
    case largeFilePointer(path: String)
    /// The process, or the system, has as many files open as it may.
    case tooManyFiles(path: String)
    /// Any other failure; `reason` is the operating system's.
    case other(path: String, reason: String)

    /// The error for a failed system call on `path`.
    package init(path: String, errorNumber: Int32) {
        switch errorNumber {
        case ENOENT, ENOTDIR: self = .notFound(path: path)
        case EACCES, EPERM, EROFS: self = .noPermission(path: path)
        case ENOSPC, EDQUOT: self = .diskFull(path: path)
        case EISDIR: self = .notAFile(path: path)
        case EMFILE, ENFILE: self = .tooManyFiles(path: path)
        default: self = .other(path: path, reason: String(cString: strerror(errorNumber)))
        }
    }

    package var description: String {
        switch self {
        case .notFound(let path): "\(path): there is no such file; check the path"
        case .noPermission(let path): "\(path): no permission; check the owner and mode of the file and its folder"
        case .diskFull(let path): "\(path): the disk is full; free some space and try again"
        case .notAFile(let path): "\(path): not a regular file"
        case .largeFilePointer(let path):
            "\(path): this is a Git LFS pointer, not the file itself; fetch it: git lfs pull (in the folder of the clone)"
        case .tooManyFiles(let path):
            "\(path): too many files are open; let the process open more (ulimit -n 1024) and try again"
        case .cutShort(let path): "\(path): the file became shorter while it was read; do not change it in use"
        case .other(let path, let reason): "\(path): \(reason)"
        }
    }
}
