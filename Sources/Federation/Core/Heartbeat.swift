import Basics
import Wire

/// What a peer at work tells its neighbours when it has had nothing else to tell them for a while, so that a slow peer is
/// not taken for a mute one. A message of the protocol (docs/protocol.md, "Heartbeats").
///
/// It is a claim and nothing more: it makes others wait no longer than for a slow peer.
struct Heartbeat: Sendable, Hashable {
    /// What the peer does.
    enum Activity: UInt8, Sendable {
        /// Local steps.
        case training = 0
        /// Its contribution is published; it waits for others.
        case waiting = 1
    }

    /// The first byte of such a message.
    static let type: UInt8 = 2
    static let byteCount = 6

    var activity: Activity
    var round: UInt32

    /// Type (1 byte), activity (1), round (4).
    var encoded: [UInt8] {
        var bytes = [Self.type, activity.rawValue]
        bytes.append(integer: round)
        return bytes
    }

    init(_ activity: Activity, round: Int) {
        self.activity = activity
        self.round = UInt32(clamping: round)
    }

    /// The heartbeat that a message is; nil for anything else.
    init?(encoded bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count == Self.byteCount, reader.integer(UInt8.self) == Self.type,
            let activity = reader.integer(UInt8.self).flatMap(Activity.init(rawValue:)),
            let round = reader.integer(UInt32.self)
        else { return nil }
        self.activity = activity
        self.round = round
    }
}

extension PeerCore {
    /// A message of a neighbour arrived. One that is no heartbeat is of a later version of the protocol, and means nothing.
    mutating func heard(message: [UInt8], from peer: PeerID, at time: MonotonicTime) {
        guard let heartbeat = Heartbeat(encoded: message), let index = index(of: peer) else { return }
        neighbours[index].showSign(at: time)
        neighbours[index].isWaiting = heartbeat.activity == .waiting
    }

    /// What the peer would tell now; nil where nobody waits for it.
    private var heartbeat: Heartbeat? {
        switch phase {
        case .training: Heartbeat(.training, round: round)
        case .gathering: Heartbeat(isTrainingAhead ? .training : .waiting, round: round)
        case .ready, .keeping, .finished, .stopped: nil
        }
    }

    /// When neighbours are to be told next that the peer is at work; nil where nobody waits for it.
    var heartbeatDeadline: MonotonicTime? {
        guard heartbeat != nil, !isAlone else { return nil }
        return lastTold + PeerConfiguration.heartbeatInterval
    }

    /// Tells the neighbours that are there that the peer is at work, if it is time.
    mutating func tellHeartbeat(at time: MonotonicTime) {
        guard let due = heartbeatDeadline, time >= due, let heartbeat else { return }
        lastTold = time
        // The moment of the next heartbeat has moved, which `quietUntil` was reckoned from.
        quietUntil = nil
        guard tampering?.keepsQuiet != true else { return }
        for neighbour in neighbours where neighbour.isConnected {
            wire.send(message: heartbeat.encoded, to: neighbour.id, at: time)
        }
    }
}
