package import Storage

/// How a run stands, as its status page, `/status.json` and `murmur watch` tell it.
package struct RunStatus: Sendable {
    /// Whether there is a run to be told of.
    package enum Stage: Sendable, Hashable {
        /// Not yet: what is waited for, in words.
        case waiting(String)
        case running
        /// No process is at work any more.
        case ended

        fileprivate var word: String {
            switch self {
            case .waiting: "waiting"
            case .running: "running"
            case .ended: "ended"
            }
        }
    }

    package var stage: Stage
    /// The swarm's name; empty where there is no run yet.
    package private(set) var swarm = ""
    /// What is known of its peers; nil where there is no run yet.
    package private(set) var metrics: RunMetrics?
    private let version: String

    /// Nothing is known yet, and `reason` is waited for. `version` is that of murmur.
    package init(waitingFor reason: String, version: String) {
        stage = .waiting(reason)
        self.version = version
    }

    /// A run begins, or begins anew, of the peers called `names`; see `RunMetrics`.
    package mutating func begin(swarm: String, names: [String], neighbours: [String], rounds: Int) {
        stage = .running
        self.swarm = swarm
        metrics = RunMetrics(swarm: swarm, names: names, neighbours: neighbours, rounds: rounds, version: version)
    }

    /// Takes account of an event.
    package mutating func record(_ event: LoggedEvent) { metrics?.record(event) }

    /// Takes note that a peer's process ended without its goodbye.
    package mutating func markDead(_ name: String) { metrics?.markDead(name) }

    /// What a person waits for, or what is told in its place; nil while the run runs.
    package var notice: String? {
        switch stage {
        case .waiting(let reason): "waits: \(reason)"
        case .running: nil
        case .ended: metrics?.progress.isDone == true ? "the run is over" : "no process is at work any more"
        }
    }

    /// The moment that times are told for: a run that has ended stands still where it was heard of last.
    package func moment(_ now: Double) -> Double {
        guard stage == .ended, let progress = metrics?.progress else { return now }
        return progress.names.compactMap { progress.peers[$0]?.lastHeard }.max() ?? now
    }

    /// All of it for programs, as seen at `now` in seconds since 1970. docs/watching.md lists the members; what is not known
    /// is null.
    package func json(at now: Double) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("version", .text(version)), ("time", .known(now)), ("state", .text(stage.word)),
            ("notice", notice.map(JSONValue.text) ?? .null), ("swarm", .text(swarm)),
        ]
        guard let progress = metrics?.progress else { return .object(JSONObject(members)) }
        let moment = moment(now)
        members += [
            ("rounds", .integer(progress.rounds)),
            ("round", progress.slowestRound.map(JSONValue.integer) ?? .null),
            ("done", .bool(progress.isDone)),
            ("seconds", .known(progress.seconds(at: progress.isDone ? nil : moment))),
            ("seconds_left", .known(stage == .running ? progress.secondsLeft(at: moment) : nil)),
            ("bytes_sent", .integer(progress.bytesSent)),
            (
                "left_out",
                .array(
                    progress.leftOut.map { out in
                        .object(JSONObject([("peer", .text(out.name)), ("by", .array(out.by.map(JSONValue.text)))]))
                    })
            ),
            (
                "peers",
                .array(progress.names.compactMap { name in progress.peers[name].map { Self.json(name, $0) } })
            ),
        ]
        return .object(JSONObject(members))
    }

    private static func json(_ name: String, _ state: SwarmProgress.PeerState) -> JSONValue {
        func list(_ names: Set<String>) -> JSONValue { .array(names.sorted().map(JSONValue.text)) }
        return .object(
            JSONObject([
                ("peer", .text(name)), ("phase", .text(state.phase)), ("round", .integer(state.round)),
                ("step", state.steps.map { .integer($0.done) } ?? .null),
                ("steps", state.steps.map { .integer($0.all) } ?? .null),
                ("loss", .known(state.loss)), ("disagreement", .known(state.disagreement)),
                ("neighbours", list(state.neighbours)), ("left_out", list(state.without)),
                ("bytes_sent", .integer(state.bytesSent)), ("bytes_received", .integer(state.bytesReceived)),
                ("round_seconds", .known(state.pace.secondsEach)), ("last_event", .known(state.lastHeard)),
                ("disk_failure", state.diskFailure.map(JSONValue.text) ?? .null),
            ]))
    }
}

extension JSONValue {
    /// A number; null where it is none.
    fileprivate static func known(_ value: Double?) -> JSONValue {
        value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
    }
}
