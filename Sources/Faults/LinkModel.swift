import Basics
import Foundation

/// One directed link: what becomes of the datagrams that are sent over it, one after the other.
///
/// A value; its randomness comes from one seed, apart from every other link's, so that what one link does never depends
/// on the others' traffic. The simulator and the relay between real processes use the same.
package struct LinkModel: Sendable {
    /// A datagram that arrives.
    package struct Delivery: Sendable, Hashable {
        /// When, from the swarm's start.
        package var time: Duration
        /// What arrives.
        package var bytes: [UInt8]
    }

    private var generator: SeededGenerator
    /// Whether the link is in its bad state (`LossModel.gilbertElliott`).
    private var isBad = false
    /// When the queue before the rate limit will be empty.
    private var idleAt = Duration.zero

    /// The link from the peer with the number `from` to that with the number `to`, in a run with `seed`.
    package init(seed: UInt64, from: Int, to: Int) {
        generator = SeededGenerator(seed: seed, label: "link", index: UInt64(from) << 32 | UInt64(to))
    }

    /// What arrives of a datagram that is sent at `time` under `conditions`; `released` is when a clog ends.
    package mutating func carry(
        _ bytes: [UInt8], at time: Duration, under conditions: LinkConditions, released: Duration?
    ) -> [Delivery] {
        // One number is drawn for every question, whether it is asked or not: a link's fate is then the same when one
        // condition is taken away, which helps whoever narrows a failure down.
        let losing = generator.uniform()
        let changing = generator.uniform()
        let duplicating = generator.uniform()
        let overtaken = generator.uniform()
        let corrupting = generator.uniform()
        let cutting = generator.uniform()
        let place = generator.next()
        let delay = delay(of: conditions.delay)
        if isLost(conditions.loss, losing: losing, changing: changing) || conditions.isBlocked == true { return [] }
        if let limit = conditions.maximumDatagram, bytes.count > limit { return [] }
        var departure = time
        if let rate = conditions.rate {
            let waiting = max(.zero, idleAt - time)
            let queued = waiting.inSeconds * rate
            guard queued + Double(bytes.count) <= Double(conditions.queue ?? 262_144) else { return [] }
            idleAt = max(idleAt, time) + .nanoseconds(Int64(Double(bytes.count) / rate * 1e9))
            departure = idleAt
        }
        if conditions.isClogged == true, let released { departure = max(departure, released) }
        var arriving = bytes
        if corrupting < conditions.corrupt ?? 0, !arriving.isEmpty {
            let bit = Int(place % UInt64(8 * arriving.count))
            arriving[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        if cutting < conditions.truncate ?? 0, !arriving.isEmpty {
            arriving.removeLast(1 + Int(place % UInt64(arriving.count)))
        }
        var arrival = departure + delay
        if let share = conditions.reorder, overtaken < share {
            arrival += (conditions.reorderDelay ?? .milliseconds(50)) * (share > 0 ? overtaken / share : 0)
        }
        var deliveries = [Delivery(time: arrival, bytes: arriving)]
        if let share = conditions.duplicate, duplicating < share {
            let later = Duration.milliseconds(20) * (duplicating / share)
            deliveries.append(Delivery(time: arrival + later, bytes: arriving))
        }
        return deliveries
    }

    private mutating func isLost(_ loss: LossModel?, losing: Double, changing: Double) -> Bool {
        switch loss {
        case nil: return false
        case .independent(let share): return losing < share
        case .gilbertElliott(let toBad, let toGood, let goodLoss, let badLoss):
            if changing < (isBad ? toGood : toBad) { isBad.toggle() }
            return losing < (isBad ? badLoss : goodLoss)
        }
    }

    private mutating func delay(of distribution: DelayDistribution?) -> Duration {
        let first = generator.uniform()
        switch distribution {
        case nil: return .zero
        case .fixed(let delay): return delay
        case .uniform(let least, let most): return least + (most - least) * first
        case .normal(let mean, let deviation): return max(.zero, mean + deviation * generator.normal())
        case .exponential(let minimum, let mean):
            return minimum + mean * min(50, -log(1 - first))
        }
    }
}
