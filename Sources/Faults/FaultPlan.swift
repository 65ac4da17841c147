import Basics

/// A schedule for certain peers and one seed: who and when is drawn, selectors are numbers, partitions are links.
///
/// Peers are their places in the topology. All times count from the swarm's start. The same schedule, names and seed
/// give the same plan, in the simulator and in the relay.
package struct FaultPlan: Sendable {
    /// One fault of one peer.
    package struct PlannedFault: Sendable, Hashable {
        /// Whose.
        package var peer: Int
        /// When it begins.
        package var from: Duration
        /// When it ends; of a crash: when the peer is started again.
        package var until: Duration
        /// What; `churn` has become crashes.
        package var kind: PeerFault.Kind
    }

    package let schedule: FaultSchedule
    /// The seed of what was drawn, and of the links.
    package let seed: UInt64
    /// The number of peers.
    package let count: Int
    /// The peers' faults by their beginning, then by peer.
    package private(set) var faults: [PlannedFault] = []
    /// Worse conditions of links, in the order in which later ones win.
    private(set) var rules: [LinkRule] = []

    /// The plan for peers called `names`.
    ///
    /// - Parameter seed: the run's; the schedule's own goes before it.
    /// - Throws: `FaultPlanError` for a name that no peer has, or more random peers than there are.
    package init(_ schedule: FaultSchedule, names: [String], seed: UInt64) throws(FaultPlanError) {
        self.schedule = schedule
        self.seed = schedule.seed ?? seed
        count = names.count
        var selection = PeerSelection(names: names, generator: SeededGenerator(seed: self.seed, label: "faults"))
        for link in schedule.links {
            let from = try selection.members(of: link.from)
            let to = try selection.members(of: link.to)
            let end = link.interval.end(healing: schedule.healing)
            rules.append(
                LinkRule(
                    from: link.interval.from, until: end, shape: .between(from, to, isMutual: link.isMutual),
                    conditions: link.conditions))
        }
        for partition in schedule.partitions { try add(partition, using: &selection) }
        for fault in schedule.peers { try add(fault, using: &selection) }
        faults.sort { ($0.from, $0.peer) < ($1.from, $1.peer) }
    }

    /// What the link from `from` to `to` does at `time`, and when a clog on it ends.
    package func conditions(from: Int, to: Int, at time: Duration) -> (conditions: LinkConditions, released: Duration?)
    {
        var conditions = schedule.network
        var released: Duration?
        for rule in rules where time >= rule.from && time < rule.until && rule.matches(from: from, to: to) {
            conditions = rule.conditions.over(conditions)
            if rule.conditions.isClogged == true { released = max(released ?? .zero, rule.until) }
        }
        return (conditions, released)
    }

    /// The last moment at which a fault acts; zero without any. From then on everything has to come right.
    package var quietFrom: Duration {
        let ends = rules.map(\.until) + faults.map(\.until)
        return max(schedule.healing, ends.max() ?? .zero)
    }

    private mutating func add(
        _ partition: NetworkPartition, using selection: inout PeerSelection
    ) throws(FaultPlanError) {
        let interval = partition.interval
        let until = interval.end(healing: schedule.healing)
        guard until > interval.from else { return }
        var blocked = LinkConditions()
        blocked.isBlocked = true
        switch partition.shape {
        case .groups(let groups):
            var groupOfPeer = [Int](repeating: -1, count: count)
            for (number, group) in groups.enumerated() {
                for (peer, isIn) in try selection.members(of: group).enumerated() where isIn {
                    groupOfPeer[peer] = number
                }
            }
            rules.append(
                LinkRule(from: interval.from, until: until, shape: .across(groupOfPeer), conditions: blocked))
        case .isolate(let peers):
            let groups = try selection.members(of: peers).map { $0 ? 1 : 0 }
            rules.append(LinkRule(from: interval.from, until: until, shape: .across(groups), conditions: blocked))
        case .oneWay(let from, let to):
            let (from, to) = (try selection.members(of: from), try selection.members(of: to))
            rules.append(
                LinkRule(
                    from: interval.from, until: until, shape: .between(from, to, isMutual: false), conditions: blocked))
        case .bridge(let peers):
            let bridge = try selection.members(of: peers)
            let half = selection.shuffled(Array(0..<count).filter { !bridge[$0] })
            // Zero reaches everyone.
            var groups = [Int](repeating: 0, count: count)
            for (place, peer) in half.enumerated() { groups[peer] = place % 2 + 1 }
            rules.append(LinkRule(from: interval.from, until: until, shape: .bridged(groups), conditions: blocked))
        case .swizzle(let peers):
            let members = try selection.members(of: peers)
            addSwizzle(members, from: interval.from, until: until, using: &selection)
        }
    }

    /// Every chosen peer's links are clogged one peer after the other in the first half and released in the second.
    private mutating func addSwizzle(
        _ members: [Bool], from: Duration, until: Duration, using selection: inout PeerSelection
    ) {
        let peers = selection.shuffled(members.indices.filter { members[$0] })
        let releases = selection.shuffled(Array(peers.indices))
        var clogged = LinkConditions()
        clogged.isClogged = true
        let half = (until - from) / 2
        for (place, peer) in peers.enumerated() {
            let begin = from + half * place / peers.count
            let end = until - half * releases[place] / peers.count
            var one = [Bool](repeating: false, count: count)
            one[peer] = true
            rules.append(
                LinkRule(
                    from: begin, until: end,
                    shape: .between(one, [Bool](repeating: true, count: count), isMutual: true), conditions: clogged))
        }
    }

    private mutating func add(_ fault: PeerFault, using selection: inout PeerSelection) throws(FaultPlanError) {
        let members = try selection.members(of: fault.peers)
        let healing = schedule.healing
        let until = fault.interval.end(healing: healing)
        for peer in members.indices where members[peer] {
            switch fault.kind {
            case .crash(let restart, _):
                let back = restart.map { fault.interval.from + $0 } ?? healing
                faults.append(
                    PlannedFault(
                        peer: peer, from: fault.interval.from, until: max(back, fault.interval.from), kind: fault.kind))
            case .churn(let up, let down, let disk):
                var time = fault.interval.from + selection.exponential(mean: up)
                while time < until {
                    let back = min(healing, time + selection.exponential(mean: down))
                    faults.append(
                        PlannedFault(
                            peer: peer, from: time, until: back, kind: .crash(restart: back - time, disk: disk)))
                    time = back + .milliseconds(1) + selection.exponential(mean: up)
                }
            default:
                guard until > fault.interval.from || fault.kind == .rebind else { continue }
                faults.append(
                    PlannedFault(
                        peer: peer, from: fault.interval.from, until: max(until, fault.interval.from), kind: fault.kind)
                )
            }
        }
    }
}

/// Why a schedule does not fit a swarm.
package enum FaultPlanError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The faults name a peer that the topology does not have.
    case unknownPeer(name: String, known: [String])
    /// More random peers are asked for than there are.
    case tooMany(asked: Int, count: Int)

    package var description: String {
        switch self {
        case .unknownPeer(let name, let known):
            "the faults name a peer \"\(name)\" that the topology does not have; it has "
                + known.prefix(8).joined(separator: ", ") + (known.count > 8 ? ", …" : "")
        case .tooMany(let asked, let count):
            "the faults ask for \(asked) random peers; the topology has \(count)"
        }
    }
}

/// Conditions that certain links have for some time.
struct LinkRule: Sendable, Hashable {
    /// Which links.
    enum Shape: Sendable, Hashable {
        /// From one of the first to one of the second; if mutual, also back.
        case between([Bool], [Bool], isMutual: Bool)
        /// Between peers of different groups.
        case across([Int])
        /// Between peers of different groups, of which group zero reaches everyone.
        case bridged([Int])
    }

    var from: Duration
    var until: Duration
    var shape: Shape
    var conditions: LinkConditions

    /// Whether the link from the peer `from` to the peer `to` is one of them.
    func matches(from: Int, to: Int) -> Bool {
        switch shape {
        case .between(let first, let second, let isMutual):
            first[from] && second[to] || isMutual && first[to] && second[from]
        case .across(let groups): groups[from] != groups[to]
        case .bridged(let groups): groups[from] != groups[to] && groups[from] != 0 && groups[to] != 0
        }
    }
}
