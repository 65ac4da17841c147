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
