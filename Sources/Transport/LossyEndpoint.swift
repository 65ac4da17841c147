package import Basics
import Synchronization
package import Wire

/// An endpoint that loses and doubles some of the datagrams that are sent through it, as a seeded generator decides: for
/// tests, and for showing what the protocol bears.
package final class LossyEndpoint<Base: DatagramEndpoint, Generator: RandomNumberGenerator & Sendable>: DatagramEndpoint
{
    private let base: Base
    private let loss: Double
    private let duplication: Double
    private let generator: Mutex<Generator>

    /// A lossy form of `base`; the rates are shares of all datagrams, from 0 to 1.
    package init(_ base: Base, loss: Double, duplication: Double = 0, using generator: Generator) {
        precondition((0...1).contains(loss) && (0...1).contains(duplication), "rates lie between 0 and 1")
        self.base = base
        self.loss = loss
        self.duplication = duplication
        self.generator = Mutex(generator)
    }

    package var localAddress: NetworkAddress { base.localAddress }
    package var incoming: AsyncStream<[Datagram]> { base.incoming }
    package var refusals: AsyncStream<SendRefusal>? { base.refusals }
    package var taskExecutor: (any TaskExecutor)? { base.taskExecutor }

    package func send(_ datagrams: [Datagram]) {
        let surviving = generator.withLock { generator in
            var result: [Datagram] = []
            for datagram in datagrams.lazy.flatMap(\.packets)
            where Double.random(in: 0..<1, using: &generator) >= loss {
                result.append(datagram)
                if Double.random(in: 0..<1, using: &generator) < duplication { result.append(datagram) }
            }
            return result
        }
        base.send(surviving)
    }

    package func alarm(after delay: Duration, ring: @escaping @Sendable () -> Void) -> EndpointAlarm? {
        base.alarm(after: delay, ring: ring)
    }

    package func close() async {
        await base.close()
    }
}
