import Basics
import Cryptography
import Transport
import Wire

/// A protocol endpoint on a real socket with the real clock that asks for every object it is offered.
actor BenchPeer {
    /// Objects that have arrived whole and verified.
    private(set) var received = 0
    /// When the last of them did.
    private(set) var lastArrival = ContinuousClock.now
    /// Associations that have begun.
    private(set) var connections = 0

    /// This peer's part in an average, while there is one, and when it was whole.
    var averaging: SliceAverage?
    var averageNumber: UInt64 = 0
    var served: [ObjectID] = []
    var averagedAt = ContinuousClock.now
    var others: [PeerID] = []

    var endpoint: ProtocolEndpoint
    let keys: IdentityKeys
    let ownID: PeerID
    let swarm: SwarmSecret
    private let socket: UDPEndpoint
    private var generator = SystemRandomNumberGenerator()
    private var timer: Task<Void, Never>?
    private var armed = MonotonicTime.distantFuture
    private let start = ContinuousClock.now

    init(
        keys: IdentityKeys, remotes: [RemotePeer], swarm: SwarmSecret, configuration: WireConfiguration,
        socket: UDPEndpoint
    ) {
        self.socket = socket
        self.keys = keys
        self.swarm = swarm
        ownID = PeerID(bytes: keys.signing.publicKey)!
        endpoint = ProtocolEndpoint(
            local: LocalPeer(keys), remotes: remotes, swarm: swarm, configuration: configuration,
            handshakeTimestamp: 1, at: .zero)
    }

    var now: MonotonicTime { .zero + (ContinuousClock.now - start) }

    /// Takes datagrams until the socket is closed.
    func run() async {
        await withTaskExecutorPreference(socket.taskExecutor) {
            for await burst in socket.incoming {
                let time = now
                for datagram in burst { endpoint.receive(datagram, at: time, using: &generator) }
                settle()
            }
        }
        timer?.cancel()
    }

    /// Does something with the endpoint and sends what follows from it.
    func perform(_ action: @Sendable (inout ProtocolEndpoint, MonotonicTime, inout SystemRandomNumberGenerator) -> Void)
    {
        action(&endpoint, now, &generator)
        settle()
    }

    /// A signed manifest for a payload.
    static func manifest(
        of payload: HashedPayload, swarm: [UInt8], keys: IdentityKeys, round: UInt64, sequence: UInt64
    ) -> SignedManifest {
        SignedManifest(
            ContributionManifest(
                swarm: swarm, origin: PeerID(bytes: keys.signing.publicKey)!, round: round, sequence: sequence,
                baseModelDigest: Array(repeating: 0, count: 32), schemaDigest: Array(repeating: 0, count: 32),
                encoding: 0, sampleCount: 1, payload: payload), signedWith: keys.signing)
    }

    /// The endpoint's counters.
    var statistics: WireStatistics { endpoint.statistics }

    func settle() {
        while let event = endpoint.pollEvent() {
            switch event {
            case .announced(let peer, let manifest): endpoint.request(manifest.id, from: peer, at: now)
            case .received(_, let manifest, let payload):
                received += 1
                lastArrival = ContinuousClock.now
                if averaging != nil { take(manifest.manifest, payload) }
            case .connected: connections += 1
            default: break
            }
        }
        let time = now
        var datagrams: [Datagram] = []
        while let datagram = endpoint.pollBurst(at: time, using: &generator) {
            datagrams.append(datagram)
            if datagrams.count == 4 {
                socket.send(datagrams)
                datagrams = []
            }
        }
        if !datagrams.isEmpty { socket.send(datagrams) }
        let deadline = endpoint.nextDeadline ?? .distantFuture
        // A timer that fires too early does no harm; one for every burst is much of what a burst costs.
        guard deadline < armed else { return }
        armed = deadline
        timer?.cancel()
        guard deadline != .distantFuture else { return }
        timer = Task(executorPreference: socket.taskExecutor) {
            try? await Task.sleep(for: max(.zero, deadline - time))
            guard !Task.isCancelled else { return }
            await self.expire()
        }
    }

    private func expire() {
        armed = .distantFuture
        endpoint.handleTimeout(at: now, using: &generator)
        settle()
    }
}
