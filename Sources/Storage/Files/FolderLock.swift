#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder that one process writes into, and that others leave alone as long as it lives.
///
/// The lock is the system's (flock) on a small file in the folder. It ends with the process, however that ends, so that
/// no stale lock is left. The file stays, and says which command made the folder; process and host it forgets when the
/// lock is let go, so that nobody publishes them with an adapter.
package final class FolderLock: Sendable {
    /// The name of the file.
    package static let fileName = ".murmur.json"

    /// Who has a folder, and who made it.
    package struct Holder: Sendable, Equatable {
        /// The command that made the folder, `murmur tune` for example.
        package var maker: String
        /// The command that has it.
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
    private let maker: String

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
        maker = holder.maker
        guard Self.write(holder.json, to: descriptor) else { throw FileError(path: file, errorNumber: errno) }
    }

    deinit {
        // What cannot be written stays as it is, which does no harm.
        _ = Self.write(.object(JSONObject([("made_by", .text(maker))])), to: descriptor)
        // By name: a process that another thread starts has a copy of the descriptor until it runs its program.
        _ = flock(descriptor, LOCK_UN)
        _ = close(descriptor)
    }

    /// Replaces the content of the open file; false where that fails.
    private static func write(_ json: JSONValue, to descriptor: Int32) -> Bool {
        let content = json.encoded(indented: true)
        return ftruncate(descriptor, 0) == 0 && pwrite(descriptor, content, content.count, 0) == content.count
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

    /// Who has the folder at `path`, or had it and was killed; nil where the file does not say.
    package static func holder(of path: String) -> Holder? { content(of: path).flatMap { Holder(json: $0) } }

    /// The command that made the folder at `path`; nil where no file says it.
    package static func maker(of path: String) -> String? { content(of: path)?["made_by"]?.text }

    private static func content(of path: String) -> JSONValue? {
        guard let bytes = try? ReadableFile.contents(of: "\(path)/\(fileName)", limit: sizeLimit) else { return nil }
        return try? JSONValue.parse(bytes)
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
