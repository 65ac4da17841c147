import Basics
import Cryptography
import Federation
import Foundation
import Transport
import Wire

/// Sessions with a peer's neighbours for as long as it takes to learn about the way there: the protocol of a real peer
/// without its rounds.
actor Visit {
    /// What has been learnt of one neighbour.
    struct Finding: Sendable {
        /// When a session stood, on the clock of this process.
        var reached: MonotonicTime?
        /// The time from the initiation that was answered to its answer.
        var handshakeTime: Duration?
        /// The way there, as it was known last.
        var path: PathReport?
        /// What the neighbour has said of its settings.
        var settings: SettingsMessage?
        /// The greatest timestamp of its own initiations, and what the clock of this process showed then; nil where it has
        /// sent none.
        var stamp: (theirs: UInt64, ours: UInt64)?
    }

    /// How far a visit goes.
    enum Depth: Sendable {
        /// Initiations and their answers: the neighbour notices nothing that lasts.
        case handshake
        /// A session, as a peer has it.
        case session
    }

    /// What a visit is for.
    enum Goal: Sendable {
        /// Everybody has answered.
        case reached
        /// Everybody has told its settings, and how long datagrams may be is known; of those that have answered so long ago
        /// no more is expected.
        case known(patience: Duration)
    }

    private var wire: ProtocolEndpoint
    private let socket: UDPEndpoint
    private let depth: Depth
    private let clock = SystemClock()
    private var randomness = PeerRandomness.system
    private let peers: [PeerID]
    /// Our settings as they are told; nil where they are not known.
    private let settings: [UInt8]?
    private var sent: [PeerID: MonotonicTime] = [:]
    private var addresses: [NetworkAddress: PeerID] = [:]
    private(set) var findings: [PeerID: Finding] = [:]

    init(
        _ local: LocalPeer, to remotes: [RemotePeer], swarm: SwarmSecret, socket: UDPEndpoint, depth: Depth,
        settings: SettingsFingerprint?
    ) {
        self.socket = socket
        self.depth = depth
        self.settings = settings.map { SettingsMessage.encoded($0, limit: WireConfiguration.messageByteLimit) }
        var configuration = WireConfiguration.attentive
        configuration.suites = CipherSuite.ofThisMachine
        // Longer datagrams are tried although nothing waits to be sent.
        configuration.sizeProbeThreshold = 0
        let clock = SystemClock()
        wire = ProtocolEndpoint(
            local: local, remotes: remotes, swarm: swarm, configuration: configuration,
            handshakeTimestamp: clock.wall(), at: clock.now())
        peers = remotes.map(\.id)
        for remote in remotes {
            findings[remote.id] = Finding()
            if let address = remote.address { addresses[address] = remote.id }
        }
    }

    /// Datagrams so far that fit neither key, secret nor swarm.
    var strangers: Int { Int(clamping: wire.statistics.strangers) }

    func begin() {
        for peer in peers { wire.connect(to: peer, at: clock.now(), using: &randomness) }
        drain()
    }

    /// Does what is due, which is to be called some times a second.
    ///
    /// - Returns: whether everything is known that `goal` asks for.
    func proceed(to goal: Goal) -> Bool {
        let now = clock.now()
        if let due = wire.nextDeadline, due <= now { wire.handleTimeout(at: now, using: &randomness) }
        drain()
        look()
        for peer in peers {
            guard let finding = findings[peer], let reached = finding.reached else { return false }
            switch goal {
            case .reached: continue
            case .known(let patience):
                let isKnown = finding.settings != nil && finding.path?.isSizeKnown == true
                guard isKnown || now >= reached + patience else { return false }
            }
        }
        return true
    }

    /// Takes what the socket has received.
    func receive(_ burst: [Datagram]) {
        for datagram in burst { wire.receive(datagram, at: clock.now(), using: &randomness) }
        drain()
    }

    /// Ends the sessions with a goodbye; by the clocks of this process, when.
    func leave() -> UInt64 {
        look()
        wire.close(at: clock.now(), using: &randomness)
        drain()
        return clock.wall()
    }

    /// Notes what is known of the ways and of the neighbours' own initiations.
    private func look() {
        for peer in peers {
            if let path = wire.path(to: peer, at: clock.now()) { findings[peer]?.path = path }
        }
        for stamp in wire.memory.stamps where findings[stamp.peer]?.stamp?.theirs != stamp.timestamp {
            findings[stamp.peer]?.stamp = (stamp.timestamp, clock.wall())
        }
    }

    private func drain() {
        while let datagram = wire.pollBurst(at: clock.now(), using: &randomness) {
            let isInitiation = ProtocolEndpoint.isInitiation(datagram)
            if isInitiation, let peer = addresses[datagram.address] { sent[peer] = clock.now() }
            // By handshakes alone nothing follows the answer: the first packet under new keys would make them the
            // neighbour's session.
            if depth == .session || isInitiation { socket.send([datagram]) }
        }
        while let event = wire.pollEvent() {
            switch event {
            case .connected(let peer):
                let now = clock.now()
                if findings[peer]?.reached == nil {
                    findings[peer]?.reached = now
                    findings[peer]?.handshakeTime = sent[peer].map { now - $0 }
                }
                if let settings { wire.send(message: settings, to: peer, at: now) }
                look()
            case .message(let peer, let bytes):
                if let message = SettingsMessage(encoded: bytes) { findings[peer]?.settings = message }
            default: break
            }
        }
    }
}
