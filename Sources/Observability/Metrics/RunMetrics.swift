import Federation
import Storage

/// Counters and gauges of a run, gathered from its peers' events. The time is an argument: nothing here looks at a clock.
package struct RunMetrics: Sendable {
    /// What one peer's events add up to. Only what was counted is in here.
    fileprivate struct Counts: Sendable {
        var totals: [RunMetric: Double] = [:]
        /// Totals of the network when the present process began: its own counts begin at zero.
        var before: [RunMetric: Double] = [:]
        var events: [String: Double] = [:]
    }

    /// The phases that a peer may be in.
    package static let phases = [
        "starting", "training", "mixing", "waiting", "settling", "settled", "finished", "left", "dead",
    ]

    /// The fields of a `traffic` event, which count from the start of the process, and what they are called here.
    private static let traffic: [(field: String, metric: RunMetric)] = [
        ("bytes_sent", .bytesSent), ("bytes_received", .bytesReceived), ("datagrams_sent", .datagramsSent),
        ("datagrams_received", .datagramsReceived), ("packets_lost", .packetsLost), ("dropped", .datagramsDropped),
    ]

    /// The names of events that are counted under their own: a log may hold any others.
    private static let eventNames = Set(PeerEvent.Kind.examples.map(\.described.name))
    private static let otherEvents = "other"

    /// What the events tell of the swarm.
    package private(set) var progress: SwarmProgress
    private var counts: [String: Counts]
    private let swarm: String
    private let version: String

    /// Nothing yet of the peers called `names`, all of the swarm called `swarm` or one of them, in a run of `rounds` rounds
    /// with training.
    ///
    /// - Parameters:
    ///   - neighbours: what neighbours may be called; what an event says of others is passed over.
    ///   - version: the version of murmur.
    package init(swarm: String, names: [String], neighbours: [String], rounds: Int, version: String) {
        self.swarm = swarm
        self.version = version
        progress = SwarmProgress(names: names, rounds: rounds, neighbours: Set(neighbours))
        counts = Dictionary(names.map { ($0, Counts()) }) { first, _ in first }
    }

    /// Takes account of an event; events of unknown peers are ignored.
    package mutating func record(_ event: LoggedEvent) {
        guard var counts = counts[event.peer] else { return }
        progress.record(event)
        // Lines of local steps are told, and stand in no log: whoever reads the log does not have them.
        guard event.event != "stepped" else { return }
        counts.events[Self.eventNames.contains(event.event) ? event.event : Self.otherEvents, default: 0] += 1
        counts.record(event, rounds: progress.rounds)
        if event.event == "started" { counts.before = counts.totals }
        if event.event == "traffic" {
            for (field, metric) in Self.traffic {
                guard let count = event.amount(field) else { continue }
                counts.totals[metric] = (counts.before[metric] ?? 0) + count
            }
        }
        if event.event == "suppressed", let kind = event.text("kind"), let count = event.amount("count") {
            counts.events[Self.eventNames.contains(kind) ? kind : Self.otherEvents, default: 0] += count
            if kind == "contribution_refused" { counts.totals[.refused, default: 0] += count }
        }
        self.counts[event.peer] = counts
    }

    /// Takes note that a peer's process ended without its goodbye.
    package mutating func markDead(_ name: String) { progress.markDead(name) }

    /// All metrics as seen at `now`, in seconds since 1970, in the order of `RunMetric`.
    package func families(at now: Double) -> [MetricFamily] {
        RunMetric.allCases.map { metric in
            MetricFamily(
                name: metric.name, kind: metric.kind, help: metric.meaning, samples: samples(of: metric, at: now))
        }
    }

    private func samples(of metric: RunMetric, at now: Double) -> [MetricFamily.Sample] {
        func single(_ value: Double?) -> [MetricFamily.Sample] { value.map { [.init([], $0)] } ?? [] }
        switch metric {
        case .run: return [.init([.init("swarm", swarm), .init("version", version)], 1)]
        case .peers: return single(Double(progress.names.count))
        case .plannedRounds: return single(Double(progress.rounds))
        case .runSeconds: return single(progress.seconds(at: progress.isDone ? nil : now))
        case .secondsLeft: return single(progress.secondsLeft(at: now))
        default: break
        }
        return progress.names.flatMap { name -> [MetricFamily.Sample] in
            guard let state = progress.peers[name], let counts = counts[name] else { return [] }
            let peer = MetricFamily.Label("peer", name)
            switch metric {
            case .phase:
                return Self.phases.map { .init([peer, .init("phase", $0)], $0 == state.phase ? 1 : 0) }
            case .events:
                return counts.events.sorted { $0.key < $1.key }.map { .init([peer, .init("event", $0.key)], $0.value) }
            default:
                let value = metric.kind == .counter ? counts.totals[metric] ?? 0 : Self.gauge(metric, state)
                return value.map { [.init([peer], $0)] } ?? []
            }
        }
    }

    /// The value of a gauge that each peer has; nil where it is not known.
    private static func gauge(_ metric: RunMetric, _ state: SwarmProgress.PeerState) -> Double? {
        switch metric {
        case .round: Double(state.round)
        case .roundSeconds: state.pace.secondsEach
        case .loss: state.loss
        case .disagreement: state.disagreement
        case .factorBias: state.biases.last?.value
        case .connected: Double(state.neighbours.count)
        case .leftOut: Double(state.without.count)
        case .diskFailing: state.diskFailure == nil ? 0 : 1
        case .lastEvent: state.lastHeard
        default: nil
        }
    }
}

extension RunMetrics.Counts {
    /// Counts what an event says.
    fileprivate mutating func record(_ event: LoggedEvent, rounds: Int) {
        func add(_ metric: RunMetric, _ amount: Double?, to totals: inout [RunMetric: Double]) {
            if let amount { totals[metric, default: 0] += amount }
        }
        switch event.event {
        case "started": add(.starts, 1, to: &totals)
        case "trained":
            add(.trainingSeconds, event.amount("seconds"), to: &totals)
            add(.trainingTokens, event.amount("tokens"), to: &totals)
            add(.trainingRecords, event.amount("records"), to: &totals)
        case "mixed":
            let isSettling = event.round.map { $0 >= rounds } ?? false
            add(isSettling ? .settlingRounds : .rounds, 1, to: &totals)
            add(.waitSeconds, event.amount("seconds"), to: &totals)
            add(.missing, Double(event.fields["absent"]?.array?.count ?? 0), to: &totals)
        case "contribution_sent":
            add(.sent, 1, to: &totals)
            add(.sentPayload, event.amount("bytes"), to: &totals)
        case "contribution_received":
            add(.received, 1, to: &totals)
            add(.receivedPayload, event.amount("bytes"), to: &totals)
        case "contribution_refused": add(.refused, 1, to: &totals)
        default: break
        }
    }
}
