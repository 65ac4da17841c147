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
