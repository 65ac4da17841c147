package import Cryptography

/// The protocol's constants and limits. Only tests and simulations have a reason to change them; those under "Format"
/// must be the same at every peer of a swarm.
package struct WireConfiguration: Sendable, Hashable {
    // Format
    /// Bytes of the longest datagram that every path takes, and the exact size of a handshake's first message.
    package var datagramByteCount = 1200
    /// Bytes of the longest datagram that is sent where the path takes it.
    package var datagramByteLimit = 8952
    /// Bytes of a chunk, the unit in which objects are asked for; the last of an object may have fewer.
    package static let chunkByteCount = 128
    /// Bytes of a leaf, the unit that is verified.
    package static let leafByteCount = 65_536
    /// Bytes of chunks that a request lets come before the receiver has to give more credit.
    package var creditByteCount = 32 << 20
    /// The same in chunks.
    var creditChunkCount: Int { creditByteCount / Self.chunkByteCount }
    /// Bytes of a payload, at most: rank 16 on all projections of a model of 7 billion parameters takes 160 MB in single
    /// precision.
    package static let payloadByteLimit = 1 << 30
    /// Bytes of the payload of a pushed object, at most.
    package static let pushedByteLimit = 16_384
    /// Bytes of the body of a PUSH frame, at most: it fits into the shortest datagram beside an acknowledgement.
    static let pushFrameByteCount = 1100
    /// Bytes of a manifest's status field, at most.
    package static let statusByteLimit = 512
    /// Bytes of a message, at most.
    package static let messageByteLimit = 1000

    // Sessions
    /// The cipher suites that are spoken, the preferred first. Only the first by default, so that a simulation does the same
    /// on every machine; real peers take `CipherSuite.ofThisMachine`.
    package var suites: [CipherSuite] = [.chaCha20Poly1305]
    /// Tries of a handshake under one suite before the next one is tried.
    package var triesPerSuite = 2
    /// After this a session is replaced by a new handshake.
    package var rekeyAfter: Duration = .seconds(120)
    /// After this a session carries nothing any more.
    package var rejectAfter: Duration = .seconds(180)
    /// After this many packets a session is replaced.
    package var rekeyAfterPackets: UInt64 = 1 << 22
    /// The first handshake is repeated after this; the pause doubles from try to try.
    package var handshakeRetry: Duration = .milliseconds(250)
    /// The longest pause between two tries of a handshake.
    package var handshakeRetryLimit: Duration = .seconds(5)
    /// Without any packet from the other side for this long, the association ends.
    package var idleTimeout: Duration = .seconds(30)
    /// Without any packet from the other side for this long, a new handshake is tried: it may have begun anew.
    package var staleAfter: Duration = .seconds(12)
    /// Nothing sent for this long: a PING is.
    package var keepaliveInterval: Duration = .seconds(10)
    /// Initiations that are looked at in a second without further ado; beyond them a cookie is asked for.
    package var initiationsWithoutCookie = 50
    /// Initiations whose codes are checked in a second whoever sends them; beyond them one in eight from unknown addresses.
    package var initiationsChecked = 1000
    /// Initiations with a cookie that are looked at in a second, at most: their key agreements cost a fraction of a
    /// millisecond each.
    package var initiationsPerSecond = 500
    /// Of these, from one address.
    package var initiationsPerAddress = 20

    // Recovery
    /// What decides how much may be under way.
    package var congestion = CongestionControl.cubic
    /// Longer datagrams are tried when at least this many bytes of objects wait to be sent.
    package var sizeProbeThreshold = 65_536
    /// An acknowledgement is due after this many packets. A burst that is taken in before the next `pollTransmit` is
    /// acknowledged at once.
    package var acknowledgeAfterPackets = 2
    /// An acknowledgement is sent after this long at the latest.
    package var acknowledgementDelay: Duration = .milliseconds(10)
    /// The round-trip time that is assumed before one is measured.
    package var initialRoundTrip: Duration = .milliseconds(100)

    // Memory
    /// Objects that are being received from one peer, at most.
    package var inboundObjectsPerPeer = 8
    /// Objects that are being received, at most.
    package var inboundObjects = 64
    /// Objects with payloads of so many bytes are pushed, larger ones offered; at most `pushedByteLimit`.
    package var pushByteLimit = WireConfiguration.pushedByteLimit
    /// Pushed objects of one peer that wait to be asked for, at most; the oldest is forgotten, and fetched when it is asked for.
    package var pushedObjectsPerPeer = 4
    /// Objects that are being sent to one peer, at most.
    package var outboundObjectsPerPeer = 32
    /// Bytes of objects that are being received, at most. Whoever takes larger objects raises it.
    package var inboundByteLimit = 512 << 20
    /// Bytes of objects that have arrived whole and were not taken by the layer above, from which on no credit is given.
    package var undeliveredByteLimit = 256 << 20
    /// Control frames (messages, offers, requests) that wait for one peer's acknowledgement, at most.
    package var controlQueueLimit = 256
    /// Offers of one peer that are remembered, at most; the oldest is forgotten.
    package var offersPerPeer = 16
    /// An object that makes no progress for this long is given up.
    package var transferTimeout: Duration = .seconds(30)
    /// An object that makes no progress for this long is asked for again.
    package var transferRepeat: Duration = .seconds(3)

    package init() {}
}

/// Which congestion controller an endpoint uses.
package enum CongestionControl: String, Sendable, Hashable, CaseIterable {
    /// RFC 9438, the default.
    case cubic
    /// RFC 9002, section 7.
    case newReno
}
