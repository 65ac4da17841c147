import SwarmFile

extension FaultSchedule {
    /// The schedule as a fault file; reading it gives an equal value, if the schedule is one that a file may hold.
    package var yaml: String {
        var lines = ["murmuration-faults: \(Self.formatVersion)", "name: \(SwarmTopology.quoted(name))"]
        if let seed { lines.append("seed: \(seed)") }
        lines.append("healing: \(FaultText.duration(healing))")
        let network = Self.fields(network)
        if !network.isEmpty { lines.append("network: { \(network.joined(separator: ", ")) }") }
        lines += Self.list("links", links.map(Self.fields))
        lines += Self.list("partitions", partitions.map(Self.fields))
        lines += Self.list("peers", peers.map(Self.fields))
        lines += Self.list("intruders", intruders.map(Self.fields))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func list(_ key: String, _ entries: [[String]]) -> [String] {
        entries.isEmpty ? [] : ["\(key):"] + entries.map { "  - { \($0.joined(separator: ", ")) }" }
    }

    private static func fields(_ interval: FaultInterval) -> [String] {
        ["start: \(FaultText.duration(interval.from))"]
            + (interval.until.map { ["end: \(FaultText.duration($0))"] } ?? [])
    }

    private static func fields(_ link: LinkFault) -> [String] {
        fields(link.interval) + ["from: \(FaultText.peers(link.from))", "to: \(FaultText.peers(link.to))"]
            + (link.isMutual ? [] : ["one-way: true"]) + fields(link.conditions)
    }

    private static func fields(_ conditions: LinkConditions) -> [String] {
        var fields: [String] = []
        func add(_ key: String, _ value: String?) {
            if let value { fields.append("\(key): \(value)") }
        }
        add("delay", conditions.delay.map(text))
        add("loss", conditions.loss.map(text))
        add("duplicate", conditions.duplicate.map(FaultText.number))
        add("reorder", conditions.reorder.map(FaultText.number))
        add("reorder-delay", conditions.reorderDelay.map(FaultText.duration))
        add("corrupt", conditions.corrupt.map(FaultText.number))
        add("truncate", conditions.truncate.map(FaultText.number))
        add("maximum-datagram", conditions.maximumDatagram.map(String.init))
        add("rate", conditions.rate.map(FaultText.number))
        add("queue", conditions.queue.map(String.init))
        add("blocked", conditions.isBlocked.map(String.init))
        add("clogged", conditions.isClogged.map(String.init))
        return fields
    }

    private static func text(_ delay: DelayDistribution) -> String {
        let duration = FaultText.duration
        return switch delay {
        case .fixed(let delay): duration(delay)
        case .uniform(let least, let most): "{ uniform: [\(duration(least)), \(duration(most))] }"
        case .normal(let mean, let deviation):
            "{ normal: { mean: \(duration(mean)), deviation: \(duration(deviation)) } }"
        case .exponential(let minimum, let mean):
            "{ exponential: { minimum: \(duration(minimum)), mean: \(duration(mean)) } }"
        }
    }

    private static func text(_ loss: LossModel) -> String {
        let number = FaultText.number
        return switch loss {
        case .independent(let share): number(share)
        case .gilbertElliott(let toBad, let toGood, let goodLoss, let badLoss):
            "{ to-bad: \(number(toBad)), to-good: \(number(toGood)), good-loss: \(number(goodLoss)), "
                + "bad-loss: \(number(badLoss)) }"
        }
    }

    private static func fields(_ partition: NetworkPartition) -> [String] {
        let shape =
            switch partition.shape {
            case .groups(let groups): "groups: [\(groups.map(FaultText.peers).joined(separator: ", "))]"
            case .isolate(let peers): "isolate: \(FaultText.peers(peers))"
            case .oneWay(let from, let to):
                "one-way: { from: \(FaultText.peers(from)), to: \(FaultText.peers(to)) }"
            case .bridge(let peers): "bridge: \(FaultText.peers(peers))"
            case .swizzle(let peers): "swizzle: \(FaultText.peers(peers))"
            }
        return fields(partition.interval) + [shape]
    }

    private static func fields(_ fault: PeerFault) -> [String] {
        let (name, parameters) = describe(fault.kind)
        var interval = fault.interval
        // These have no end of their own in a file.
        switch fault.kind {
        case .crash, .rebind: interval.until = nil
        default: break
        }
        return ["peers: \(FaultText.peers(fault.peers))", "fault: \(name)"] + fields(interval) + parameters
    }

    /// The value of `fault` and the keys that belong to it.
    private static func describe(_ kind: PeerFault.Kind) -> (String, [String]) {
        switch kind {
        case .crash(let restart, let disk):
            let back = restart.map { ["restart: \(FaultText.duration($0))"] } ?? []
            return ("crash", back + ["disk: \(disk.rawValue)"])
        case .absent: return ("absent", [])
        case .pause: return ("pause", [])
        case .slow(let factor): return ("slow", ["factor: \(FaultText.number(factor))"])
        case .clockStep(let step): return ("clock-step", ["by: \(FaultText.duration(step))"])
        case .clockDrift(let rate): return ("clock-drift", ["rate: \(FaultText.number(rate))"])
        case .disk(let fault): return ("disk", ["disk: \(fault.rawValue)"])
        case .rebind: return ("rebind", [])
        case .byzantine(.scale(let factor)):
            return ("byzantine", ["behaviour: scale", "factor: \(FaultText.number(factor))"])
        case .byzantine(let behaviour):
            let name = behaviours.first { $0.behaviour == behaviour }?.name ?? "scale"
            return ("byzantine", ["behaviour: \(name)"])
        case .churn(let up, let down, let disk):
            let times = ["up: \(FaultText.duration(up))", "down: \(FaultText.duration(down))"]
            return ("churn", times + ["disk: \(disk.rawValue)"])
        }
    }

    private static func fields(_ intruder: Intruder) -> [String] {
        fields(intruder.interval) + ["kind: \(intruder.kind.rawValue)", "pause: \(FaultText.duration(intruder.pause))"]
    }
}
