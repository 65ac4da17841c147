/// Which of the last 16,384 packet numbers have been seen, as in RFC 6479: blocks of bits in a ring, so that the window
/// moves without shifting.
package struct ReplayWindow: Sendable {
    /// Packet numbers that are told apart behind the greatest.
    package static let size: UInt64 = 16_384

    // One block more than the window, so that the block that is being cleared is never one that still counts.
    private static let blocks = Int(size / 64) + 1
    // As long as few packets have come, which is so for most of the sessions of a simulation, the ring's end is not there.
    private var bits: [UInt64] = []
    /// The greatest number so far; nil before the first.
    package private(set) var greatest: UInt64?

    package init() {}

    /// Whether `number` is neither seen nor too old.
    package func accepts(_ number: UInt64) -> Bool {
        guard let greatest, number <= greatest else { return true }
        if greatest - number >= Self.size { return false }
        let block = Self.block(number)
        return block >= bits.count || bits[block] & Self.bit(number) == 0
    }

    /// Marks `number` as seen; to be called after the packet has proved authentic.
    ///
    /// - Returns: false if it was seen before or is too old; then nothing changes.
    package mutating func insert(_ number: UInt64) -> Bool {
        guard accepts(number) else { return false }
        if let greatest {
            if number > greatest {
                let steps = number / 64 - greatest / 64
                for step in 0..<min(steps, UInt64(Self.blocks)) {
                    let block = Self.block((greatest / 64 + 1 + step) * 64)
                    if block < bits.count { bits[block] = 0 }
                }
                self.greatest = number
            }
        } else {
            greatest = number
        }
        let block = Self.block(number)
        while bits.count <= block { bits.append(0) }
        bits[block] |= Self.bit(number)
        return true
    }

    private static func block(_ number: UInt64) -> Int { Int(number / 64 % UInt64(blocks)) }
    private static func bit(_ number: UInt64) -> UInt64 { 1 << (number % 64) }
}
