import Basics

extension FaultSchedule {
    /// What a drawn schedule may hold beside links, partitions and honest peers' troubles.
    package struct Temper: Sendable, Hashable {
        /// Whether peers may be dishonest.
        package var hasByzantine: Bool

        package init(hasByzantine: Bool = false) { self.hasByzantine = hasByzantine }
    }

    /// A schedule drawn from `seed`: a network of some delay, and a handful of faults of all kinds that end between
    /// twenty seconds and two minutes after the start. Every seed gives another trouble; the fault sweep runs thousands.
    package static func drawn(seed: UInt64, temper: Temper = Temper()) -> FaultSchedule {
        var draw = FaultDraw(generator: SeededGenerator(seed: seed, label: "schedule"))
        let healing = draw.seconds(20, 120)
        draw.healing = healing
        var schedule = FaultSchedule(name: "drawn", healing: healing)
        schedule.network = LinkConditions(
            delay: .uniform(draw.seconds(0.0005, 0.02), draw.seconds(0.02, 0.08)),
            loss: draw.chance(0.5) ? .independent(draw.number(0, 0.05)) : nil)
        for _ in 0..<draw.count(0, 4) { schedule.links.append(draw.linkFault()) }
        for _ in 0..<draw.count(0, 2) { schedule.partitions.append(draw.partition()) }
        for _ in 0..<draw.count(0, 5) { schedule.peers.append(draw.peerFault()) }
        for _ in 0..<draw.count(0, 2) { schedule.intruders.append(draw.intruder()) }
        if temper.hasByzantine {
            let behaviours: [ByzantineBehaviour] = [
                .signFlip, .scale(draw.number(2, 1e30)), .notANumber, .infinite, .equivocate, .replay,
                .malformedManifest, .malformedLeaf, .forge, .roundJump, .earlyFinal, .mute, .stall, .neverAgree, .flood,
            ]
            let behaviour = behaviours[draw.count(0, behaviours.count - 1)]
            schedule.peers.append(
                PeerFault(
                    peers: .random(1), interval: FaultInterval(from: .zero), kind: .byzantine(behaviour)))
        }
        return schedule
    }
}

private struct FaultDraw {
    var generator: SeededGenerator
    var healing = Duration.zero

    mutating func number(_ least: Double, _ most: Double) -> Double { least + (most - least) * generator.uniform() }
    mutating func chance(_ share: Double) -> Bool { generator.uniform() < share }
    mutating func count(_ least: Int, _ most: Int) -> Int { Int.random(in: least...most, using: &generator) }
    mutating func seconds(_ least: Double, _ most: Double) -> Duration {
        .microseconds(Int64(number(least, most) * 1e6))
    }

    mutating func interval() -> FaultInterval {
        let from = seconds(0, healing.inSeconds * 0.8)
        return FaultInterval(from: from, until: chance(0.3) ? nil : from + seconds(0.5, healing.inSeconds))
    }

    mutating func selector() -> PeerSelector { chance(0.3) ? .all : .random(count(1, 3)) }

    mutating func linkFault() -> LinkFault {
        var conditions = LinkConditions()
        switch count(0, 8) {
        case 0: conditions.loss = .independent(number(0, 0.3))
        case 1:
            conditions.loss = .gilbertElliott(
                toBad: number(0.005, 0.05), toGood: number(0.05, 0.5), goodLoss: number(0, 0.02),
                badLoss: number(0.5, 1))
        case 2: (conditions.reorder, conditions.reorderDelay) = (number(0, 0.5), seconds(0.01, 0.3))
        case 3: conditions.duplicate = number(0, 0.5)
        case 4: conditions.corrupt = number(0, 0.1)
        case 5: conditions.truncate = number(0, 0.1)
        case 6: conditions.maximumDatagram = count(200, 1199)
        case 7: (conditions.rate, conditions.queue) = (number(5_000, 200_000), count(3_000, 65_536))
        default: conditions.delay = .exponential(minimum: seconds(0.01, 0.2), mean: seconds(0.01, 0.5))
        }
        return LinkFault(
            interval: interval(), from: selector(), to: .all, isMutual: chance(0.5), conditions: conditions)
    }

    mutating func partition() -> NetworkPartition {
        let shape: NetworkPartition.Shape
        switch count(0, 4) {
        case 0: shape = .isolate(.random(1))
        case 1: shape = .groups([.random(count(2, 6))])
        case 2: shape = .oneWay(from: .random(count(1, 3)), to: .all)
        case 3: shape = .bridge(.random(1))
        default: shape = .swizzle(.random(count(1, 4)))
        }
        return NetworkPartition(interval: interval(), shape: shape)
    }

    mutating func peerFault() -> PeerFault {
        let fates = DiskFate.allCases
        let kind: PeerFault.Kind
        switch count(0, 8) {
        case 0, 1: kind = .crash(restart: chance(0.2) ? nil : seconds(0.1, 40), disk: fates[count(0, fates.count - 1)])
        case 2: kind = .absent
        case 3: kind = .pause
        case 4: kind = .slow(number(2, 100))
        case 5: kind = chance(0.5) ? .clockStep(seconds(-86_400, 86_400)) : .clockDrift(number(-0.05, 0.05))
        case 6: kind = .disk(DiskFault.allCases[count(0, DiskFault.allCases.count - 1)])
        case 7: kind = .rebind
        default: kind = .churn(up: seconds(3, 30), down: seconds(0.1, 10), disk: fates[count(0, 1)])
        }
        var interval = interval()
        if kind == .absent { interval.from = .zero }
        return PeerFault(peers: .random(count(1, 2)), interval: interval, kind: kind)
    }

    mutating func intruder() -> Intruder {
        Intruder(
            interval: interval(), kind: Intruder.Kind.allCases[count(0, Intruder.Kind.allCases.count - 1)],
            pause: seconds(0.05, 2))
    }
}
