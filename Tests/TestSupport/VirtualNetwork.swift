package import Basics
package import Wire

/// How a virtual network treats datagrams. Probabilities are per datagram.
package struct NetworkConditions: Sendable {
    package var delay: Duration
    package var jitter: Duration
    package var loss: Double
    package var duplication: Double
    package var corruption: Double
    /// Datagrams that are held back for `reorderDelay` longer, so that later ones overtake them.
    package var reorder: Double
    package var reorderDelay: Duration
    /// Bytes of a datagram that still pass; longer ones vanish.
    package var longest: Int
    /// Bytes a second that all datagrams from the first half of the endpoints to the second share, and bytes that wait
    /// for the line before more are dropped; nil for no limit.
    package var bottleneck: (rate: Double, queue: Double)?
    /// Bytes that wait for the line from which on what joins them is marked.
    package var marking: Double

    package init(
        delay: Duration = .milliseconds(5), jitter: Duration = .zero, loss: Double = 0, duplication: Double = 0,
        corruption: Double = 0, reorder: Double = 0, reorderDelay: Duration = .milliseconds(5), longest: Int = .max,
        bottleneck: (rate: Double, queue: Double)? = nil, marking: Double = .infinity
    ) {
        self.delay = delay
        self.jitter = jitter
        self.loss = loss
        self.duplication = duplication
        self.corruption = corruption
        self.reorder = reorder
        self.reorderDelay = reorderDelay
        self.longest = longest
        self.bottleneck = bottleneck
        self.marking = marking
    }
}

/// What is on its way between some endpoints on a virtual clock. One seed gives one history.
package struct VirtualNetwork {
    package var conditions: NetworkConditions
    /// The longest that anything waited at the bottleneck.
    package private(set) var longestWait = Duration.zero
    private let count: Int
    private var inFlight = EventHeap<(to: Int, datagram: Datagram)>()
    /// When the bottleneck has sent what it was given.
    private var lineFree = MonotonicTime.zero
    private var transcript = FNV1a()

    /// A network of `count` endpoints.
    package init(count: Int, conditions: NetworkConditions) {
        self.count = count
        self.conditions = conditions
    }

    /// The hash of all that was sent.
    package var digest: UInt64 { transcript.value }

    /// How many datagrams are on their way.
    package var inFlightCount: Int { inFlight.count }

    /// When the first of them arrives; nil without any.
    package var firstArrival: MonotonicTime? { inFlight.firstTime }

    /// Takes note of what was sent, whatever becomes of it.
    package mutating func note(_ datagram: Datagram) { transcript.add(datagram.bytes) }

    /// Takes a datagram, whose address is the sender's, to endpoint `to`, as the conditions let it.
    package mutating func carry(
        _ datagram: Datagram, to: Int, at time: MonotonicTime, using generator: inout SeededGenerator
    ) {
        let copies = generator.uniform() < conditions.duplication ? 2 : 1
        for _ in 0..<copies {
            if generator.uniform() < conditions.loss || datagram.bytes.count > conditions.longest { continue }
            var datagram = datagram
            if generator.uniform() < conditions.corruption {
                let position = Int.random(in: 0..<datagram.bytes.count, using: &generator)
                datagram.bytes[position] ^= UInt8.random(in: 1...255, using: &generator)
            }
            var delay = conditions.delay
            if conditions.jitter > .zero { delay += conditions.jitter * generator.uniform() }
            if conditions.reorder > 0, generator.uniform() < conditions.reorder { delay += conditions.reorderDelay }
            if let (rate, queue) = conditions.bottleneck, to >= count / 2 {
                let start = max(time, lineFree)
                if (start - time).inSeconds * rate > queue { continue }
                lineFree = start + .nanoseconds(Int64(Double(datagram.bytes.count) / rate * 1e9))
                longestWait = max(longestWait, lineFree - time)
                if (lineFree - time).inSeconds * rate > conditions.marking { datagram.isMarked = true }
                delay += lineFree - time
            }
            inFlight.push(time + delay, (to, datagram))
        }
    }

    /// The first datagram, if it arrives by `time`.
    package mutating func arrival(by time: MonotonicTime) -> (to: Int, datagram: Datagram)? {
        guard let first = inFlight.firstTime, first <= time else { return nil }
        return inFlight.pop()
    }

    /// Loses what is on its way.
    package mutating func clear() { inFlight = EventHeap() }
}
