import CGzip

/// Unpacks gzip (RFC 1952) piece by piece with the system's zlib; a file may have several members.
///
/// No more than a limit is unpacked: a kilobyte can say a megabyte of zeros, and a file of them fills any memory.
package final class GzipReader {
    /// What a gzip file begins with.
    package static let mark: [UInt8] = [0x1f, 0x8b]

    /// Whether `bytes` begin as a gzip file does.
    package static func isMarked(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: mark) }

    private static let roomSize = 1 << 18

    private let limit: Int
    private let state: UInt64
    private var unpacked = 0
    private var isInMember = false
    private var isPadding = false
    private var room = [UInt8](repeating: 0, count: roomSize)

    /// A reader that unpacks at most `limit` bytes.
    package init(limit: Int) {
        self.limit = limit
        state = murmur_gunzip_begin()
        isInMember = true
    }

    deinit {
        murmur_gunzip_end(state)
    }

    /// Unpacks the next bytes of the file and calls `body` with what they hold, a part at a time.
    ///
    /// Throws a `GzipError`, and what `body` throws.
    package func take(_ piece: [UInt8], _ body: (ArraySlice<UInt8>) throws -> Void) throws {
        guard state != 0 else { throw GzipError.noMemory }
        var start = 0
        while true {
            if !isInMember {
                // Tapes and some programs fill up with zeros behind the last member.
                while start < piece.count, piece[start] == 0 {
                    isPadding = true
                    start += 1
                }
                guard start < piece.count else { return }
                guard !isPadding else { throw GzipError.damaged }
                isInMember = true
            }
            let step = murmur_gunzip(state, piece, Int64(start), Int64(piece.count), &room, Int64(room.count))
            guard step.status != -2 else { throw GzipError.noMemory }
            guard step.status >= 0 else { throw GzipError.damaged }
            start += Int(step.consumed)
            unpacked += Int(step.produced)
            guard unpacked <= limit else { throw GzipError.tooLarge(limit: limit) }
            if step.produced > 0 { try body(room[..<Int(step.produced)]) }
            if step.status == 1 {
                isInMember = false
            } else if step.produced < room.count {
                // zlib stops where there is nothing more to read, or no room.
                guard start == piece.count else { throw GzipError.damaged }
                return
            }
        }
    }

    /// Takes the end of the file, which must be that of a member.
    package func finish() throws(GzipError) {
        guard !isInMember else { throw .cutShort }
    }
}

/// Why a gzip file cannot be unpacked.
package enum GzipError: Error, Equatable, CustomStringConvertible {
    /// The packed bytes are not gzip's, or their checksum is wrong.
    case damaged
    /// The file ends inside a member.
    case cutShort
    /// The file unpacks to more than may be.
    case tooLarge(limit: Int)
    /// zlib has no memory.
    case noMemory

    package var description: String {
        switch self {
        case .damaged: "the gzip data is damaged; gzip -t FILE says more"
        case .cutShort: "the gzip file is cut short; fetch or pack it anew"
        case .tooLarge(let limit):
            "the gzip file unpacks to more than \(limit >> 20) MiB, far more than text packed so small comes to; unpack "
                + "it yourself (gunzip) if it is what it should be"
        case .noMemory: "there is no memory to unpack gzip"
        }
    }
}
