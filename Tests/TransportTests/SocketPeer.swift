import Basics
import Cryptography
import Transport
import Wire

/// A protocol endpoint on a real socket with the real clock: the smallest shell there can be.
actor SocketPeer<Socket: DatagramEndpoint> {
    private var endpoint: ProtocolEndpoint
    private let socket: Socket
    private var generator: SeededGenerator
    private var timer: Task<Void, Never>?
    private var armed = MonotonicTime.distantFuture
    private let start = ContinuousClock.now
    private(set) var events: [WireEvent] = []

    init(
        keys: IdentityKeys, remotes: [RemotePeer], swarm: SwarmSecret, socket: Socket, seed: UInt64,
        configuration: WireConfiguration = WireConfiguration()
    ) {
        self.socket = socket
        generator = SeededGenerator(seed: seed)
        endpoint = ProtocolEndpoint(
            local: LocalPeer(keys), remotes: remotes, swarm: swarm, configuration: configuration,
            handshakeTimestamp: 1, at: .zero)
    }

    private var now: MonotonicTime { .zero + (ContinuousClock.now - start) }

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

    func perform(_ action: (inout ProtocolEndpoint, MonotonicTime, inout SeededGenerator) -> Void) {
        action(&endpoint, now, &generator)
        settle()
    }

    var statistics: WireStatistics { endpoint.statistics }

    private func settle() {
        let time = now
        var outgoing: [Datagram] = []
        while let datagram = endpoint.pollBurst(at: time, using: &generator) { outgoing.append(datagram) }
        socket.send(outgoing)
        while let event = endpoint.pollEvent() { events.append(event) }
        let deadline = endpoint.nextDeadline ?? .distantFuture
        guard deadline != armed else { return }
        armed = deadline
        timer?.cancel()
        guard deadline != .distantFuture else { return }
        timer = Task {
            try? await Task.sleep(for: max(.zero, deadline - time))
            guard !Task.isCancelled else { return }
            expire()
        }
    }

    private func expire() {
        armed = .distantFuture
        endpoint.handleTimeout(at: now, using: &generator)
        settle()
    }
}
