/// Counters since the endpoint was made. They only grow.
package struct WireStatistics: Sendable, Hashable {
    /// Datagrams handed to the network.
    package var datagramsSent: UInt64 = 0
    /// Their bytes.
    package var bytesSent: UInt64 = 0
    /// Bytes of the longest packet that was sent, tries of a longer size not counted.
    package var longestDatagram = 0
    /// Datagrams taken from the network, dropped ones included.
    package var datagramsReceived: UInt64 = 0
    /// Their bytes.
    package var bytesReceived: UInt64 = 0
    /// Sent packets that were declared lost.
    package var packetsLost: UInt64 = 0
    /// Chunks and control frames that were sent again.
    package var framesRetransmitted: UInt64 = 0
    /// Handshakes that led to a session.
    package var handshakesCompleted: UInt64 = 0
    /// Addresses of peers that changed in mid-session and were validated.
    package var pathsChanged: UInt64 = 0
    /// Objects received whole.
    package var objectsReceived: UInt64 = 0
    /// Payload bytes of received objects.
    package var payloadBytesReceived: UInt64 = 0
    /// Datagrams, and frames within authentic packets, that were dropped in silence, by reason.
    package var dropped: [DropReason: UInt64] = [:]

    package init() {}

    /// All that was dropped.
    package var droppedTotal: UInt64 { dropped.values.reduce(0, +) }

    /// Datagrams that fit neither key, secret nor swarm.
    package var strangers: UInt64 {
        dropped[.badCode, default: 0] + dropped[.badHandshake, default: 0] + dropped[.unknownSuite, default: 0]
    }

    /// Datagrams that were dropped whole, without those of whose frames only some were.
    package var datagramsDropped: UInt64 {
        dropped.reduce(0) { sum, entry in
            switch entry.key {
            case .badFrame, .badManifest, .badPush, .badRecord, .unwantedChunk: sum
            default: sum + entry.value
            }
        }
    }

    mutating func drop(_ reason: DropReason) {
        dropped[reason, default: 0] += 1
    }
}

/// Why something that arrived was dropped.
package enum DropReason: String, Sendable, Hashable, CaseIterable {
    /// Too short, too long, or of no known type.
    case malformed
    /// A handshake message whose first code is not made for us.
    case badCode
    /// An initiation under a cipher suite that is not spoken here.
    case unknownSuite
    /// A handshake message that does not decrypt, or from a key that is not on the allow list.
    case badHandshake
    /// An initiation that is not newer than the newest of this peer.
    case staleInitiation
    /// An initiation whose timestamp is further ahead than clocks are wrong.
    case futureInitiation
    /// More initiations in a second than are looked at.
    case initiationRate
    /// An initiation without a cookie while there are many: a cookie was sent.
    case cookieAsked
    /// A cookie that answers no initiation of ours.
    case unexpectedCookie
    /// An initiation that crossed ours, where ours goes first.
    case crossedInitiation
    /// A response to no initiation of ours.
    case unexpectedResponse
    /// A data packet of no session that stands.
    case unknownSession
    /// A data packet whose tag is not right.
    case badTag
    /// A data packet that was there before, or is older than the replay window.
    case replayed
    /// A frame that does not keep to the format, or breaks a limit.
    case badFrame
    /// An offer whose signature, swarm, origin or sizes are not right.
    case badManifest
    /// A pushed object that is not what its manifest says, or a piece of none.
    case badPush
    /// A record whose signature, swarm, key or expiry is not right, or of a peer whose last one was just taken.
    case badRecord
    /// A chunk of no transfer that is under way, or one that is already there.
    case unwantedChunk
}
