package import Foundation

/// Cuts a stream of bytes into lines. A line longer than `limit` bytes is dropped whole, so that whoever writes without an
/// end fills nobody's memory.
package struct LineCutter: Sendable {
    private let limit: Int
    private var pending = Data()
    /// Whether the line that has begun is too long: it is passed over to its end.
    private var isSkipping = false

    package init(limit: Int = 1 << 20) {
        self.limit = limit
    }

    /// The lines that `data` completes, without their ends.
    package mutating func append(_ data: Data) -> [Data] {
        var lines: [Data] = []
        var rest = data[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if !isSkipping, pending.count + (end - rest.startIndex) <= limit {
                lines.append(pending + rest[rest.startIndex..<end])
            }
            (pending, isSkipping) = (Data(), false)
            rest = rest[(end + 1)...]
        }
        if !isSkipping, pending.count + rest.count <= limit {
            pending.append(contentsOf: rest)
        } else {
            (pending, isSkipping) = (Data(), true)
        }
        return lines
    }
}
