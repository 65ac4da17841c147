import Basics

/// The first byte of a datagram.
enum PacketType: UInt8 {
    /// A handshake's first message.
    case initiation = 1
    /// A handshake's second message.
    case response = 2
    /// The answer of a peer under load to an initiation.
    case cookie = 3
    /// Frames under a session's keys.
    case data = 4
}

/// A data packet's layout: type, three reserved bytes, the receiver's index, the packet number; then the encrypted
/// frames and the tag.
enum DataPacket {
    /// Bytes of the header, which is authenticated and not encrypted.
    static let headerByteCount = 16
    /// Bytes that a packet is longer than its frames.
    static let overhead = 32

    /// The start of a packet, with room for all of it.
    static func header(receiverIndex: UInt32, number: UInt64, capacity: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(capacity)
        appendHeader(receiverIndex: receiverIndex, number: number, to: &bytes)
        return bytes
    }

    /// Appends the start of a packet.
    static func appendHeader(receiverIndex: UInt32, number: UInt64, to bytes: inout [UInt8]) {
        bytes.append(PacketType.data.rawValue)
        bytes.append(0)
        bytes.append(0)
        bytes.append(0)
        bytes.append(integer: receiverIndex)
        bytes.append(integer: number)
    }
}
