package import Basics

/// A UDP payload with the address it comes from or goes to; or several of one address that the system carries as one
/// (segmentation and receive offload), which costs one call and one piece of memory for all of them.
package struct Datagram: Sendable, Hashable {
    /// The other side's address: the source of what is received, the destination of what is sent.
    package var address: NetworkAddress
    /// The payload, or the payloads one after another.
    package var bytes: [UInt8]
    /// Where `bytes` are several payloads: the bytes of each; the last may have fewer. Nil for a single one.
    package var segmentByteCount: Int?
    /// Whether the network has marked it as having met with congestion (RFC 3168).
    package var isMarked = false

    package init(address: NetworkAddress, bytes: [UInt8], segmentByteCount: Int? = nil, isMarked: Bool = false) {
        self.isMarked = isMarked
        self.address = address
        self.bytes = bytes
        self.segmentByteCount = segmentByteCount
    }

    /// The payloads as datagrams of their own: what a network that loses or delays single ones works on.
    package var packets: [Datagram] {
        guard let step = segmentByteCount, step > 0, step < bytes.count else {
            return [Datagram(address: address, bytes: bytes, isMarked: isMarked)]
        }
        return stride(from: 0, to: bytes.count, by: step).map { start in
            Datagram(
                address: address, bytes: Array(bytes[start..<min(bytes.count, start + step)]), isMarked: isMarked)
        }
    }
}

/// A datagram that the system would not send.
package struct SendRefusal: Sendable, Hashable {
    /// Where it was to go.
    package var address: NetworkAddress
    /// Why not, in the system's words.
    package var reason: String

    package init(address: NetworkAddress, reason: String) {
        self.address = address
        self.reason = reason
    }
}

/// The waist between the protocol and the world: something that carries datagrams. SwiftNIO's UDP channel is one, the
/// simulator's virtual network another.
///
/// Datagrams may be lost, duplicated, reordered, delayed and altered; the protocol above copes.
package protocol DatagramEndpoint: Sendable {
    /// The address that the endpoint is bound to.
    var localAddress: NetworkAddress { get }

    /// What arrives, in bursts as the system delivered them. Bounded: under overload the oldest bursts are dropped.
    /// Iterated by one task; ends when the endpoint is closed.
    var incoming: AsyncStream<[Datagram]> { get }

    /// Hands datagrams to the network, which may drop them.
    func send(_ datagrams: [Datagram])

    /// What the system would not send: each address and reason once. Iterated by one task; ends when the endpoint is closed.
    /// Nil of a network that refuses nothing.
    var refusals: AsyncStream<SendRefusal>? { get }

    /// Where the task that takes `incoming` runs best, as beside a socket: nil if it does not matter.
    var taskExecutor: (any TaskExecutor)? { get }

    /// Rings once after `delay`, where that task runs, unless it is cancelled before; nil where the endpoint has no clock of
    /// its own. Beside a socket an alarm costs less than a task that sleeps, and rings without a change of threads.
    func alarm(after delay: Duration, ring: @escaping @Sendable () -> Void) -> EndpointAlarm?

    /// Releases the socket and ends `incoming`.
    func close() async
}

/// An alarm that an endpoint was asked for.
package struct EndpointAlarm: Sendable {
    /// Keeps it from ringing, unless it just does.
    package let cancel: @Sendable () -> Void

    package init(cancel: @escaping @Sendable () -> Void) {
        self.cancel = cancel
    }
}

extension DatagramEndpoint {
    package var taskExecutor: (any TaskExecutor)? { nil }

    package func alarm(after delay: Duration, ring: @escaping @Sendable () -> Void) -> EndpointAlarm? { nil }

    package var refusals: AsyncStream<SendRefusal>? { nil }
}
