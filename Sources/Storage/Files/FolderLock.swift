import Glibc

/// A folder that one process writes into, and that others leave alone as long as it lives.
///
/// The lock is the system's (flock) on a small file in the folder. It ends with the process, however that ends, so that
/// no stale lock is left; the file stays, and says which command made the folder.
package final class FolderLock: Sendable {
    /// The name of the file.
    package static let fileName = ".murmur.json"

    /// Who has a folder, and who made it.
    package struct Holder: Sendable, Equatable {
        /// The command that made the folder, `murmur tune` for example.
        package var maker: String
        /// The command that has it, or had it last.
        package var user: String
        /// The process, on `host`.
        package var process: Int
        package var host: String
        /// When that process took it, as text of ISO 8601.
        package var since: String

        package init(maker: String, user: String, process: Int, host: String, since: String) {
            self.maker = maker
            self.user = user
            self.process = process
            self.host = host
            self.since = since
        }
    }

    /// Whether the file system knows locks; where it does not, nothing keeps a second process out.
    package let isExclusive: Bool
    private let descriptor: Int32

    private static let sizeLimit = 4096
    private static let attempts = 8

    /// Takes the folder at `path`, which is there, for `holder`. Throws `FolderLockError.held` where another process has
    /// it, or `FileError`.
    package init(folder path: String, for holder: Holder) throws {
        let file = "\(path)/\(Self.fileName)"
        var taken: (descriptor: Int32, isExclusive: Bool)?
        for _ in 0..<Self.attempts where taken == nil { taken = try Self.take(file, in: path) }
        guard let taken else { throw FileError.other(path: file, reason: "others take and remove it all the time") }
        (descriptor, isExclusive) = taken
        let content = holder.json.encoded(indented: true)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, content, content.count, 0) == content.count else {
            throw FileError(path: file, errorNumber: errno)
        }
    }

    deinit {
        _ = close(descriptor)
    }

    /// Opens and locks the file; nil where it was removed in between.
    private static func take(_ file: String, in folder: String) throws -> (descriptor: Int32, isExclusive: Bool)? {
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(path: file, errorNumber: errno) }
        let isExclusive = flock(descriptor, LOCK_EX | LOCK_NB) == 0
        if !isExclusive, errno == EWOULDBLOCK || errno == EINTR {
            _ = close(descriptor)
            throw FolderLockError.held(folder: folder, by: holder(of: folder))
        }
        var opened = stat()
        var named = stat()
        guard fstat(descriptor, &opened) == 0, stat(file, &named) == 0, opened.st_ino == named.st_ino else {
            _ = close(descriptor)
            return nil
        }
        return (descriptor, isExclusive)
    }

    /// Whether a process has the folder at `path` at this moment.
    package static func isHeld(_ path: String) -> Bool {
        let descriptor = open("\(path)/\(fileName)", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// What the file in the folder at `path` says; nil where there is none, or none that says it.
    package static func holder(of path: String) -> Holder? {
        guard let bytes = try? ReadableFile.contents(of: "\(path)/\(fileName)", limit: sizeLimit),
            let json = try? JSONValue.parse(bytes)
        else { return nil }
        return Holder(json: json)
    }
}

extension FolderLock.Holder {
    fileprivate var json: JSONValue {
        .object(
            JSONObject([
                ("made_by", .text(maker)), ("used_by", .text(user)), ("process", .integer(process)),
                ("host", .text(host)), ("since", .text(since)),
            ]))
    }

    fileprivate init?(json: JSONValue) {
        guard let maker = json["made_by"]?.text, let user = json["used_by"]?.text, let process = json["process"]?.int,
            let host = json["host"]?.text, let since = json["since"]?.text
        else { return nil }
        self.init(maker: maker, user: user, process: process, host: host, since: since)
    }
}

/// Why a folder cannot be taken.
package enum FolderLockError: Error, Equatable, CustomStringConvertible {
    /// Another process has it.
    case held(folder: String, by: FolderLock.Holder?)

    package var description: String {
        switch self {
        case .held(let folder, let holder?):
            "\(folder): `\(holder.user)` is at work in this folder (process \(holder.process) on \(holder.host), since "
                + "\(holder.since)); wait for its end, stop it, or name another folder"
        case .held(let folder, nil):
            "\(folder): another process is at work in this folder; wait for its end, stop it, or name another folder"
        }
    }
}
