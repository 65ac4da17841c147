import Basics
import Cryptography

/// The keys that one handshake gave, and what is needed to use them.
struct Session: Sendable {
    /// The number by which the other side addresses this session to us.
    let localIndex: UInt32
    /// The number by which we address it.
    let remoteIndex: UInt32
    let sendCipher: AuthenticatedCipher
    let receiveCipher: AuthenticatedCipher
    /// Whether our initiation led to it.
    let isInitiator: Bool
    let established: MonotonicTime
    /// The other side's incarnation, as the handshake said: a new one means that it has forgotten what was before.
    let remoteIncarnation: UInt64
    /// Where the other side was when it last proved itself.
    var address: NetworkAddress
    /// Packets sent under these keys.
    var packetsSent: UInt64 = 0
}
