import Foundation
import Observability

/// Reads what is appended to a file of lines, as it comes. The file may not be there yet, end within a line, or be replaced
/// by another.
struct LineFollower: Sendable {
    /// What is new since the last look.
    struct News {
        var lines: [Data] = []
        /// Whether the file is another than before, or was cut: what was read of it before counts no more.
        var wasReplaced = false
        /// Whether there is more to be read at once.
        var hasMore = false
    }

    /// Which file it is, wherever its name leads.
    private struct Identity: Equatable {
        let device: UInt
        let number: UInt
    }

    private let path: String
    private var identity: Identity?
    private var offset = 0
    private var cutter = LineCutter()
    /// When the file was changed last, in seconds since 1970; nil where there is none.
    private(set) var changed: Double?

    /// Bytes that one look reads at most.
    private static let most = 4 << 20

    init(_ url: URL) {
        path = url.path
    }

    /// Looks what has come since the last time; nothing where the file cannot be read.
    mutating func look() -> News {
        var news = News()
        // Something that is no plain file could keep the reader waiting for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return news }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return news }
        changed = Double(facts.st_mtim.tv_sec) + Double(facts.st_mtim.tv_nsec) / 1e9
        let found = Identity(device: UInt(facts.st_dev), number: UInt(facts.st_ino))
        if let identity, identity != found || facts.st_size < offset {
            news.wasReplaced = true
            (offset, cutter) = (0, LineCutter())
        }
        identity = found
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        guard (try? handle.seek(toOffset: UInt64(offset))) != nil,
            let data = try? handle.read(upToCount: Self.most)
        else { return news }
        offset += data.count
        news.lines = cutter.append(data)
        news.hasMore = data.count == Self.most
        return news
    }
}
