package import Basics

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

    /// Where the task that takes `incoming` runs best, as beside a socket: nil if it does not matter.
    var taskExecutor: (any TaskExecutor)? { get }

    /// Releases the socket and ends `incoming`.
    func close() async
}

extension DatagramEndpoint {
    package var taskExecutor: (any TaskExecutor)? { nil }
}
