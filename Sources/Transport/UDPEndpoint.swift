package import Basics
import NIOCore
import NIOPosix
import Synchronization
package import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A UDP socket on SwiftNIO. Datagrams arrive in the bursts in which the system delivers them (`recvmmsg`); those of one
/// `send` leave together (`sendmmsg`).
///
/// Errors of single datagrams (an unreachable or refusing other side, a full buffer) are the network's losses, and the
/// socket goes on; of those that the system refuses the owner is told once for each address and reason. Where the system
/// takes the socket away, a new one is bound in its place.
package final class UDPEndpoint: DatagramEndpoint {
    package let localAddress: NetworkAddress
    package let incoming: AsyncStream<[Datagram]>
    package let refusals: AsyncStream<SendRefusal>?

    private let continuation: AsyncStream<[Datagram]>.Continuation
    private let refused: RefusalSink
    private let state = Mutex(State())
    /// All sockets of the endpoint, one after the other, are on this loop.
    private let loop: any EventLoop
    package let taskExecutor: (any TaskExecutor)?

    /// The present socket, nil while a lost one is being replaced.
    private struct State {
        var channel: (any Channel)?
        var isClosed = false
    }

    /// Datagrams that one system call takes in; each may be several packets that the system has put together.
    static let burst = 8
    /// Bytes that are taken of a datagram: as many as the system puts together at most.
    static let receiveByteLimit = 65_536
    /// Bursts that wait to be taken by the owner; beyond them the oldest is dropped.
    static let waitingBursts = 64
    /// Bytes asked of the system for each of the socket's buffers; it gives what its limits allow.
    static let socketBufferByteCount = 4 << 20
    /// The pauses before a lost socket is bound again: the first, and the longest.
    static let rebindPauses = (first: Duration.milliseconds(50), longest: Duration.seconds(5))

    private init(
        localAddress: NetworkAddress, incoming: AsyncStream<[Datagram]>,
        continuation: AsyncStream<[Datagram]>.Continuation, refused: RefusalSink, loop: any EventLoop
    ) {
        self.loop = loop
        self.refused = refused
        refusals = refused.stream
        taskExecutor = EventLoopTaskExecutor(loop)
        self.localAddress = localAddress
        self.incoming = incoming
        self.continuation = continuation
    }

    /// A socket bound to a numeric `address`; port 0 lets the system choose one, which `localAddress` then has.
    ///
    /// - Throws: `TransportError`.
    package static func bind(to address: NetworkAddress) async throws(TransportError) -> UDPEndpoint {
        let (stream, continuation) = AsyncStream<[Datagram]>.makeStream(
            bufferingPolicy: .bufferingNewest(waitingBursts))
        let loss = LossSignal()
        let refused = RefusalSink()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let channel = try await open(address, on: loop, continuation: continuation, refused: refused, loss: loss)
        guard let bound = channel.localAddress.flatMap(NetworkAddress.init) else {
            try? await channel.close().get()
            throw TransportError.cannotBind(address, reason: "the system does not tell the bound address")
        }
        let endpoint = UDPEndpoint(
            localAddress: bound, incoming: stream, continuation: continuation, refused: refused, loop: loop)
        endpoint.state.withLock { $0.channel = channel }
        endpoint.supervise(loss)
        return endpoint
    }

    /// The channel of a new socket; `loss` is told when it is gone.
    private static func open(
        _ address: NetworkAddress, on loop: any EventLoop, continuation: AsyncStream<[Datagram]>.Continuation,
        refused: RefusalSink, loss: LossSignal
    ) async throws(TransportError) -> any Channel {
        guard let socketAddress = try? SocketAddress(ipAddress: address.host, port: Int(address.port)) else {
            throw .notNumeric(address)
        }
        let takesSegments = System.supportsUDPSegmentationOffload
        var bootstrap = DatagramBootstrap(group: loop)
            .channelOption(.datagramVectorReadMessageCount, value: burst)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: burst * receiveByteLimit)
            )
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelOption(.explicitCongestionNotification, value: true)
            .channelOption(.socketOption(.so_rcvbuf), value: numericCast(socketBufferByteCount))
            .channelOption(.socketOption(.so_sndbuf), value: numericCast(socketBufferByteCount))
            .channelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(
                    low: socketBufferByteCount / 2, high: socketBufferByteCount)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DatagramHandler(
                            continuation: continuation, offloadsSegments: takesSegments,
                            family: socketAddress.protocol, refused: refused
                        ) { loss.raise() })
                }
            }
        if System.supportsUDPReceiveOffload {
            bootstrap = bootstrap.channelOption(.datagramReceiveOffload, value: true)
                .channelOption(.datagramReceiveSegmentSize, value: true)
        }
        for option in unfragmented(socketAddress) { bootstrap = bootstrap.channelOption(option, value: 3) }
        do {
            return try await bootstrap.bind(to: socketAddress).get()
        } catch {
            throw bindError(error, address: address)
        }
    }

    /// The option that keeps datagrams whole, whatever the system believes of the path (`IP_PMTUDISC_PROBE`, 3): how long
    /// they may be is found out by trying.
    private static func unfragmented(_ address: SocketAddress) -> [ChannelOptions.Types.SocketOption] {
        #if os(Linux)
        switch address {
        // 10 is `IP_MTU_DISCOVER`, 23 `IPV6_MTU_DISCOVER`.
        case .v4: [ChannelOptions.Types.SocketOption(level: .ip, name: NIOBSDSocket.Option(rawValue: 10))]
        case .v6: [ChannelOptions.Types.SocketOption(level: .ipv6, name: NIOBSDSocket.Option(rawValue: 23))]
        default: []
        }
        #else
        []
        #endif
    }

    /// Binds a new socket to the same address when the present one is lost (a read error, an interface that went away),
    /// until the endpoint is closed. What the owner knows of its sessions is not touched: to it some datagrams are lost.
    private func supervise(_ first: LossSignal) {
        Task { [continuation, refused, localAddress, loop] in
            var loss = first
            while true {
                await loss.wait()
                guard
                    state.withLock({ state in
                        state.channel = nil
                        return !state.isClosed
                    })
                else { break }
                var pause = Self.rebindPauses.first
                while !state.withLock({ $0.isClosed }) {
                    // Made before the socket, which may be lost before anybody waits for that.
                    loss = LossSignal()
                    if let channel = try? await Self.open(
                        localAddress, on: loop, continuation: continuation, refused: refused, loss: loss)
                    {
                        let isClosed = state.withLock { state in
                            if !state.isClosed { state.channel = channel }
                            return state.isClosed
                        }
                        // Closed while the new socket was being bound, of which `close` knew nothing.
                        if isClosed { try? await channel.close().get() }
                        break
                    }
                    try? await Task.sleep(for: pause)
                    pause = min(pause * 2, Self.rebindPauses.longest)
                }
                if state.withLock({ $0.isClosed }) { break }
            }
            continuation.finish()
            refused.finish()
        }
    }

    package func send(_ datagrams: [Datagram]) {
        guard !datagrams.isEmpty, let channel = state.withLock({ $0.channel }) else { return }
        // Who runs on the loop already, writes at once.
        if loop.inEventLoop {
            channel.pipeline.fireUserInboundEventTriggered(OutgoingBurst(datagrams: datagrams))
            return
        }
        loop.execute {
            channel.pipeline.fireUserInboundEventTriggered(OutgoingBurst(datagrams: datagrams))
        }
    }

    package func alarm(after delay: Duration, ring: @escaping @Sendable () -> Void) -> EndpointAlarm? {
        let alarm = loop.scheduleTask(in: .nanoseconds(max(0, delay.wholeNanoseconds)), ring)
        return EndpointAlarm { alarm.cancel() }
    }

    package func close() async {
        let channel = state.withLock { state in
            state.isClosed = true
            return state.channel
        }
        // With the socket `supervise` ends, which finishes the streams.
        try? await channel?.close().get()
    }

    /// Takes the system's socket away, as a read error does: the endpoint binds a new one. For tests.
    package func loseSocket() async {
        try? await state.withLock({ $0.channel })?.close().get()
    }

    private static func bindError(_ error: any Error, address: NetworkAddress) -> TransportError {
        guard let code = (error as? IOError)?.errnoCode else {
            return .cannotBind(address, reason: "\(error)")
        }
        switch code {
        case EADDRINUSE: return .addressInUse(address)
        case EADDRNOTAVAIL: return .addressNotAvailable(address)
        case EACCES, EPERM: return .permissionDenied(address)
        default: return .cannotBind(address, reason: String(cString: strerror(code)))
        }
    }
}

extension NetworkAddress {
    /// The address of a socket; nil unless it is one of IPv4 or IPv6.
    init?(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port, let short = UInt16(exactly: port) else {
            return nil
        }
        self.init(host: host, port: short)
    }
}

/// Runs a task's work on the event loop of a socket, so that nothing changes threads between the socket and its owner.
final class EventLoopTaskExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
