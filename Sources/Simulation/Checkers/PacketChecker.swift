/// Looks at packets from outside: no packet number is used twice under one key, and of no packet two copies are taken.
///
/// A data packet (docs/protocol.md, "Packets") has its type in the first byte, the receiver's index in bytes 4 to 7 and
/// the packet number in bytes 8 to 15, least significant byte first.
package struct PacketChecker: Sendable {
    /// The last number of each session, by sender, receiver and the receiver's index, and the packet's digest.
    private var lastNumbers: [Session: (number: UInt64, digest: UInt64)] = [:]
    /// What each running process was given, and how many copies.
    private var given: [Set<UInt64>]
    private var copies: [UInt64]

    private struct Session: Hashable {
        var from: Int
        var to: Int
        var index: UInt32
    }

    package init(count: Int) {
        given = Array(repeating: [], count: count)
        copies = Array(repeating: 0, count: count)
    }

    /// A peer hands a datagram to the network; what is wrong with it, or nil. Numbers only grow; the same packet may go out
    /// again, as goodbyes do.
    package mutating func sent(_ bytes: [UInt8], digest: UInt64, from: Int, to: Int) -> String? {
        // Only data packets have numbers.
        guard bytes.count >= 16, bytes[0] == 4 else { return nil }
        let index = bytes[4..<8].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let number = bytes[8..<16].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let session = Session(from: from, to: to, index: index)
        if let last = lastNumbers[session], number <= last.number, digest != last.digest {
            return "packet number \(number) to peer \(to) comes after \(last.number) under the same key"
        }
        lastNumbers[session] = (number, digest)
        return nil
    }

    /// A process of the peer starts.
    package mutating func starts(_ peer: Int) {
        given[peer].removeAll(keepingCapacity: true)
        copies[peer] = 0
    }

    /// A running process takes a datagram from the network.
    package mutating func arrived(digest: UInt64, at peer: Int) {
        if !given[peer].insert(digest).inserted { copies[peer] += 1 }
    }

    /// A process ends after it has dropped so many datagrams; what is wrong with that, or nil: of a datagram that was given
    /// twice one copy at least was dropped.
    package func ends(_ peer: Int, dropped: UInt64) -> String? {
        dropped < copies[peer] ? "was given \(copies[peer]) copies of datagrams and dropped \(dropped)" : nil
    }
}
