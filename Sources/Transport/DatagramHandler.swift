import NIOCore
import Overlay
import Wire

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

    init(continuation: AsyncStream<[Datagram]>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let address = networkAddress(envelope.remoteAddress) else { return }
        burst.append(Datagram(address: address, bytes: Array(envelope.data.readableBytesView)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
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
            let envelope = AddressedEnvelope(
                remoteAddress: address, data: context.channel.allocator.buffer(bytes: datagram.bytes))
            context.write(wrapOutboundOut(envelope), promise: nil)
        }
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What a single datagram met with (a refused or unreachable port) is no reason to give the socket up.
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.finish()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        continuation.finish()
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
