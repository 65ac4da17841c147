import Basics
import NIOCore
import Synchronization
import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Datagrams that are to leave together.
struct OutgoingBurst: Sendable {
    let datagrams: [Datagram]
}

/// Turns the channel's reads into bursts for the owner, and the owner's bursts into writes with one flush.
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let continuation: AsyncStream<[Datagram]>.Continuation
    private var burst: [Datagram] = []
    // Text forms of addresses cost more than the datagrams: the few that a peer speaks with are kept.
    private var textOfAddress: [SocketAddress: NetworkAddress] = [:]
    private var addressOfText: [NetworkAddress: SocketAddress] = [:]
    private static let addressLimit = 4096
    private var filter = InitiationFilter()

    /// Whether the system cuts up what is written with a segment size.
    private let offloadsSegments: Bool
    /// The socket's address family: what goes to another would cost the socket.
    private let family: NIOBSDSocket.ProtocolFamily
    private let refused: RefusalSink
    private let onLoss: @Sendable () -> Void

    /// - Parameters:
    ///   - refused: told of what the system would not send.
    ///   - onLoss: called when the socket is gone, whoever closed it.
    init(
        continuation: AsyncStream<[Datagram]>.Continuation, offloadsSegments: Bool,
        family: NIOBSDSocket.ProtocolFamily, refused: RefusalSink, onLoss: @escaping @Sendable () -> Void
    ) {
        self.continuation = continuation
        self.offloadsSegments = offloadsSegments
        self.family = family
        self.refused = refused
        self.onLoss = onLoss
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let size = envelope.metadata?.segmentSize
        let isSeveral = size.map { $0 > 0 && $0 < envelope.data.readableBytes } ?? false
        // Floods of first messages are thinned out before anything is copied.
        let (initiations, packets) = initiationCount(of: envelope)
        var isCut = false
        if initiations > 0 {
            let admitted = filter.admitted(initiations, from: envelope.remoteAddress, at: context.eventLoop.now)
            if admitted == 0 { return }
            // Only a train of nothing but initiations is cut to its first: in others there is data.
            isCut = isSeveral && admitted < initiations && initiations == packets
        }
        guard let address = networkAddress(envelope.remoteAddress) else { return }
        let bytes = envelope.data.readableBytesView
        burst.append(
            Datagram(
                address: address, bytes: isCut ? Array(bytes.prefix(size ?? 0)) : Array(bytes),
                segmentByteCount: isSeveral && !isCut ? size : nil,
                isMarked: envelope.metadata?.ecnState == .congestionExperienced))
    }

    /// How many initiations there are among the datagrams that the system has put together, and how many of all.
    private func initiationCount(of envelope: AddressedEnvelope<ByteBuffer>) -> (initiations: Int, packets: Int) {
        let step = max(1, envelope.metadata?.segmentSize ?? envelope.data.readableBytes)
        var count = 0
        for start in stride(from: envelope.data.readerIndex, to: envelope.data.writerIndex, by: step)
        where envelope.data.getInteger(at: start, as: UInt8.self) == InitiationFilter.initiation {
            count += 1
        }
        return (count, (envelope.data.readableBytes + step - 1) / step)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        switch filter.change(at: context.eventLoop.now) {
        case .none: break
        case .attach:
            SocketFilter.attach(to: context.channel, partners: filter.partners)
            filter.delegated(true)
        case .detach:
            SocketFilter.detach(from: context.channel)
            filter.delegated(false)
        }
        guard !burst.isEmpty else { return }
        continuation.yield(burst)
        burst = []
        burst.reserveCapacity(UDPEndpoint.burst)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let outgoing = event as? OutgoingBurst else { return context.fireUserInboundEventTriggered(event) }
        for datagram in outgoing.datagrams {
            // A full buffer is a lost datagram: the protocol above sends again and slows down.
            guard context.channel.isWritable, let address = socketAddress(datagram.address) else { continue }
            guard address.protocol == family else {
                refused.tell(datagram.address, "the peer's own socket is of another address family")
                continue
            }
            if datagram.segmentByteCount == nil || offloadsSegments {
                write(datagram, to: address, context: context)
            } else {
                for packet in datagram.packets { write(packet, to: address, context: context) }
            }
        }
        context.flush()
    }

    private func write(_ datagram: Datagram, to address: SocketAddress, context: ChannelHandlerContext) {
        filter.sent(datagram.bytes, to: address)
        // Routers may mark what they would otherwise have to drop.
        let metadata = AddressedEnvelope<ByteBuffer>.Metadata(
            ecnState: .transportCapableFlag0, packetInfo: nil, segmentSize: datagram.segmentByteCount)
        let envelope = AddressedEnvelope(
            remoteAddress: address, data: context.channel.allocator.buffer(bytes: datagram.bytes), metadata: metadata)
        guard datagram.bytes.first == InitiationFilter.initiation else {
            return context.write(wrapOutboundOut(envelope), promise: nil)
        }
        // Whoever cannot be reached is sent nothing but these. Each by itself, so that an error is about this one.
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenFailure { [refused] in refused.tell(datagram.address, Self.reason($0)) }
        context.flush()
        context.writeAndFlush(wrapOutboundOut(envelope), promise: promise)
    }

    private static func reason(_ error: any Error) -> String? {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.writeHostUnreachable: "the host is unreachable"
        // The socket was closed with the datagram still waiting, or it is too long for the path: no word about the address.
        default: nil
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What a single datagram met with (a refused or unreachable port) is no reason to give the socket up.
    }

    func channelInactive(context: ChannelHandlerContext) {
        onLoss()
    }

    private func networkAddress(_ address: SocketAddress) -> NetworkAddress? {
        if let known = textOfAddress[address] { return known }
        guard let text = NetworkAddress(address) else { return nil }
        if textOfAddress.count >= Self.addressLimit { textOfAddress = [:] }
        textOfAddress[address] = text
        return text
    }

    private func socketAddress(_ address: NetworkAddress) -> SocketAddress? {
        if let known = addressOfText[address] { return known }
        guard let parsed = try? SocketAddress(ipAddress: address.host, port: Int(address.port)) else { return nil }
        if addressOfText.count >= Self.addressLimit { addressOfText = [:] }
        addressOfText[address] = parsed
        return parsed
    }
}

/// Tells what the system would not send: each address and reason once, and no more than a few hundred.
final class RefusalSink: Sendable {
    let stream: AsyncStream<SendRefusal>
    private let continuation: AsyncStream<SendRefusal>.Continuation
    private let told = Mutex<Set<SendRefusal>>([])
    private static let limit = 256

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit))
    }

    /// Nothing was sent to `address` because of `reason`; without one there is nothing to tell.
    func tell(_ address: NetworkAddress, _ reason: String?) {
        guard let reason else { return }
        let refusal = SendRefusal(address: address, reason: reason)
        let isNews = told.withLock { $0.count < Self.limit && $0.insert(refusal).inserted }
        if isNews { continuation.yield(refusal) }
    }

    /// Nothing more will be told.
    func finish() { continuation.finish() }
}

/// Told once that a socket is gone; whoever waits goes on.
struct LossSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The socket is gone.
    func raise() {
        continuation.yield()
        continuation.finish()
    }

    /// Returns when the socket is gone.
    func wait() async {
        for await _ in stream { return }
    }
}
