import NIOCore
import NIOPosix
package import Overlay
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
/// Errors of single datagrams (an unreachable or refusing other side, a full buffer) are the network's losses: they are
/// not reported, and the socket goes on.
package final class UDPEndpoint: DatagramEndpoint {
    package let localAddress: NetworkAddress
    package let incoming: AsyncStream<[Datagram]>

    private let channel: any Channel

    /// Datagrams that one system call takes in.
    static let burst = 32
    /// Bytes that are taken of a datagram; what is longer is cut, and then no longer authentic.
    static let receiveByteLimit = 2048
    /// Bursts that wait to be taken by the owner; beyond them the oldest is dropped.
    static let waitingBursts = 512
    /// Bytes asked of the system for each of the socket's buffers; it gives what its limits allow.
    static let socketBufferByteCount = 4 << 20

    private init(channel: any Channel, localAddress: NetworkAddress, incoming: AsyncStream<[Datagram]>) {
        self.channel = channel
        self.localAddress = localAddress
        self.incoming = incoming
    }

    /// A socket bound to a numeric `address`; port 0 lets the system choose one, which `localAddress` then has.
    ///
    /// - Throws: `TransportError`.
    package static func bind(to address: NetworkAddress) async throws(TransportError) -> UDPEndpoint {
        guard let socketAddress = try? SocketAddress(ipAddress: address.host, port: Int(address.port)) else {
            throw .notNumeric(address)
        }
        let (stream, continuation) = AsyncStream<[Datagram]>.makeStream(
            bufferingPolicy: .bufferingNewest(waitingBursts))
        let bootstrap = DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.datagramVectorReadMessageCount, value: burst)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: burst * receiveByteLimit)
            )
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelOption(.socketOption(.so_rcvbuf), value: numericCast(socketBufferByteCount))
            .channelOption(.socketOption(.so_sndbuf), value: numericCast(socketBufferByteCount))
            .channelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(
                    low: socketBufferByteCount / 2, high: socketBufferByteCount)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(continuation: continuation))
                }
            }
        do {
            let channel = try await bootstrap.bind(to: socketAddress).get()
            guard let bound = channel.localAddress.flatMap(NetworkAddress.init) else {
                throw TransportError.cannotBind(address, reason: "the system does not tell the bound address")
            }
            return UDPEndpoint(channel: channel, localAddress: bound, incoming: stream)
        } catch let error as TransportError {
            throw error
        } catch {
            throw bindError(error, address: address)
        }
    }

    package func send(_ datagrams: [Datagram]) {
        guard !datagrams.isEmpty else { return }
        channel.eventLoop.execute { [channel] in
            channel.pipeline.fireUserInboundEventTriggered(OutgoingBurst(datagrams: datagrams))
        }
    }

    package func close() async {
        try? await channel.close().get()
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
