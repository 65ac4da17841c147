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
        guard heartbeat != nil else { return nil }
        var youngest: MonotonicTime?
        for index in neighbours.indices where neighbours[index].isConnected {
            youngest = max(youngest ?? .zero, neighbours[index].connectedAt)
        }
        return youngest.map { lastTold + Self.heartbeatInterval(age: max(.zero, lastTold - $0)) }
    }

    /// How often a peer at work says so in a session of such an age. Short runs have young sessions: there silence is told
    /// from slowness sooner, and a mute neighbour costs a part of a run, however short.
    private static func heartbeatInterval(age: Duration) -> Duration {
        let bounds = PeerConfiguration.heartbeatInterval
        return min(max(age / PeerConfiguration.heartbeatsPerAge, bounds.lowerBound), bounds.upperBound)
    }

    /// The least and the most of it, in this round.
    var mutePatienceBounds: ClosedRange<Duration> {
        round < configuration.rounds ? configuration.mutePatience : configuration.settlingMutePatience
    }

    /// After how much silence a neighbour that is there counts as mute: as long as four heartbeats take, a third of the
    /// session's age; or four times the longest that this peer's own local steps or a neighbour's contribution took of
    /// late, as on a busy machine everybody's words come late. The bounds are the configuration's.
    func mutePatience(of index: Int) -> Duration {
        let bounds = mutePatienceBounds
        let age = max(.zero, neighbours[index].lastSign - neighbours[index].connectedAt)
        let expected = max(Self.heartbeatInterval(age: age), lastTrainingDuration, waits.longest)
        return min(max(expected * PeerConfiguration.heartbeatsMissed, bounds.lowerBound), bounds.upperBound)
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
