internal import Glibc

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
    /// Any other failure; `reason` is the operating system's.
    case other(path: String, reason: String)

    /// The error for a failed system call on `path`.
    package init(path: String, errorNumber: Int32) {
        switch errorNumber {
        case ENOENT, ENOTDIR: self = .notFound(path: path)
        case EACCES, EPERM, EROFS: self = .noPermission(path: path)
        case ENOSPC, EDQUOT: self = .diskFull(path: path)
        case EISDIR: self = .notAFile(path: path)
        default: self = .other(path: path, reason: String(cString: strerror(errorNumber)))
        }
    }

    package var description: String {
        switch self {
        case .notFound(let path): "\(path): there is no such file; check the path"
        case .noPermission(let path): "\(path): no permission; check the owner and mode of the file and its folder"
        case .diskFull(let path): "\(path): the disk is full; free some space and try again"
        case .notAFile(let path): "\(path): not a regular file"
        case .cutShort(let path): "\(path): the file became shorter while it was read; do not change it in use"
        case .other(let path, let reason): "\(path): \(reason)"
        }
    }
}
