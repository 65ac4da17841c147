import Storage

/// What is known of a running swarm, gathered from its peers' events: the state behind the live view and the report.
package struct SwarmProgress: Sendable {
    /// What is known of one peer.
    package struct PeerState: Sendable {
        /// `starting`, `training`, `mixing`, `waiting`, `settling`, `settled`, `finished`, `left`, `dead`.
        package var phase = "starting"
        /// The round it is in.
        package var round = 0
        /// The loss of its newest local steps, nats per token.
        package var loss: Double?
        /// Neighbours with a session.
        package var neighbours: Set<String> = []
        /// Its newest relative distance to a neighbour.
        package var disagreement: Double?
        /// Bytes sent, and received, over its life; a restarted peer's counts begin again and are added.
        package var bytesSent = 0
        package var bytesReceived = 0
        /// (round, loss) of each round.
        package var losses: [(round: Int, loss: Double)] = []
        /// (round, loss on the peer's validation part of the adapter that it begins with) where that is measured.
        package var validations: [(round: Int, value: Double)] = []
        /// (round, disagreement) of each mixing.
        package var disagreements: [(round: Int, value: Double)] = []
        /// (round, what averaging factors lost of the average product) of each mixing where that is measured.
        package var biases: [(round: Int, value: Double)] = []
        /// (round, bytes sent so far) at each mixing.
        package var traffic: [(round: Int, bytes: Int)] = []
        /// Local steps of the round that are done, and how many there are; nil where it is not told.
        package var steps: (done: Int, all: Int)?
        /// Neighbours without which it mixed last, or of which it takes nothing.
        package var without: Set<String> = []
        /// Why its disk did not take the newest checkpoint or line of a log; nil where it did.
        package var diskFailure: String?
        /// How long its rounds take.
        package var pace = RoundPace()

        fileprivate var sentBefore = 0
        fileprivate var receivedBefore = 0
        /// Seconds of the parts of its run before the present one, and when that began and was heard of last.
        fileprivate var secondsBefore = 0.0
        fileprivate var startedAt: Double?
        fileprivate var lastTime = 0.0
        /// When it told something last, seconds since 1970; nil where it never did.
        package var lastHeard: Double? { lastTime > 0 ? lastTime : nil }

        /// A peer of which nothing is known yet.
        package init() {}
    }

    /// Peers in the order of the topology.
    package let names: [String]
    /// Rounds with training.
    package let rounds: Int
    /// Their states by name.
    package private(set) var peers: [String: PeerState]
    /// What neighbours may be called; nil where events may name anybody.
    private let neighbours: Set<String>?

    /// - Parameter neighbours: what neighbours may be called: events of others are no events of this swarm. All may where
    ///   it is nil.
    package init(names: [String], rounds: Int, neighbours: Set<String>? = nil) {
        self.names = names
        self.rounds = rounds
        self.neighbours = neighbours
        peers = Dictionary(names.map { ($0, PeerState()) }) { first, _ in first }
    }

    /// Takes account of an event; events of unknown peers are ignored.
    package mutating func record(_ event: LoggedEvent) {
        guard var state = peers[event.peer] else { return }
        if let round = event.place { state.round = round }
        switch event.event {
        case "started":
            state.phase = "starting"
            state.beginPart(event)
            state.sentBefore = state.bytesSent
            state.receivedBefore = state.bytesReceived
            state.neighbours = []
            state.pace.restart()
        case "round_started":
            state.phase = "training"
            state.steps = nil
        case "stepped":
            if let done = event.integer("step"), let all = event.integer("steps") { state.steps = (done, all) }
        case "trained":
            state.phase = "mixing"
            state.steps = nil
            state.loss = event.number("loss")
            if let round = event.round, let loss = state.loss { state.losses.append((round, loss)) }
        case "validated":
            if let round = event.round, let loss = event.number("validation_loss") {
                state.validations.append((round, loss))
            }
        case "mixed":
            if let absent = event.fields["absent"]?.array {
                state.without = Set(absent.compactMap(\.text).filter(isKnown))
            }
            state.mixed(event, of: rounds)
        case "factor_bias":
            if let round = event.round, let bias = event.number("bias") { state.biases.append((round, bias)) }
        case "settling":
            state.phase = "settling"
            state.disagreement = event.number("disagreement") ?? state.disagreement
        case "waiting":
            if state.phase == "mixing" || state.phase == "settling" { state.phase = "waiting" }
        case "given_up", "neighbour_barred", "settings_differ":
            if let neighbour = event.text("neighbour"), isKnown(neighbour) { state.without.insert(neighbour) }
        case "checkpoint_failed", "log_failed": state.diskFailure = event.text("reason") ?? "it refuses"
        case "checkpointed", "log_resumed": state.diskFailure = nil
        case "connected":
            if let neighbour = event.text("neighbour"), isKnown(neighbour) { state.neighbours.insert(neighbour) }
        case "disconnected":
            if let neighbour = event.text("neighbour") { state.neighbours.remove(neighbour) }
        case "settled":
            state.phase = "settled"
        case "finished":
            state.phase = "finished"
        case "left":
            state.phase = state.phase == "finished" ? "finished" : "left"
        default:
            break
        }
        // What is told before a part begins belongs to it: the pause before it is no time of the run.
        if !Self.beginnings.contains(event.event) { state.lastTime = event.time }
        if let bytes = event.byteCount("bytes_sent") { state.bytesSent = Self.sum(state.sentBefore, bytes) }
        if let bytes = event.byteCount("bytes_received") { state.bytesReceived = Self.sum(state.receivedBefore, bytes) }
        if event.event == "mixed", let round = event.round { state.traffic.append((round, state.bytesSent)) }
        // What a round has cost is told after its mixing.
        if event.event == "traffic", let last = state.traffic.indices.last {
            state.traffic[last].bytes = state.bytesSent
        }
        peers[event.peer] = state
    }

    /// Events that a process tells before it has started.
    private static let beginnings = ["trains_on", "continued"]

    private func isKnown(_ neighbour: String) -> Bool { neighbours?.contains(neighbour) ?? true }

    /// A sum that a log of nonsense cannot make overflow.
    private static func sum(_ a: Int, _ b: Int) -> Int {
        let (sum, overflows) = a.addingReportingOverflow(b)
        return overflows ? .max : sum
    }

    /// Whether every peer is done: it has its final adapter, or has taken its leave.
    package var isDone: Bool {
        !peers.isEmpty && peers.values.allSatisfy { ["finished", "left"].contains($0.phase) }
    }

    /// Peers without which others mixed last, with those others, in the order of the topology; those of which only their
    /// neighbours tell come last.
    package var leftOut: [(name: String, by: [String])] {
        let others = (neighbours ?? []).subtracting(names).sorted()
        return (names + others).compactMap { name in
            let others = names.filter { peers[$0]?.without.contains(name) == true }
            return others.isEmpty ? nil : (name, others)
        }
    }

    /// Seconds until the rounds with training are done, by the slowest peer that is at work, as seen at `now` in seconds
    /// since 1970; nil where it is not known.
    package func secondsLeft(at now: Double) -> Double? {
        let atWork = peers.values.filter { ["training", "mixing", "waiting"].contains($0.phase) && $0.round < rounds }
        return atWork.compactMap { $0.pace.secondsLeft(of: rounds, at: now) }.max()
    }

    /// The round of the slowest peer that is at work; nil where none is.
    package var slowestRound: Int? {
        peers.values.filter { !["starting", "finished", "left", "dead"].contains($0.phase) }.map(\.round).min()
    }

    /// Notes that a peer's process ended without its goodbye.
    package mutating func markDead(_ name: String) {
        peers[name]?.phase = "dead"
    }

    /// How long the run took, all of its parts together: that of the peer that took longest.
    package var seconds: Double {
        peers.values.map { $0.secondsBefore + $0.partSeconds }.max() ?? 0
    }

    /// The same as seen at `now`, in seconds since 1970, while somebody is at work; as it was told last where that is nil.
    package func seconds(at now: Double?) -> Double {
        guard let now else { return seconds }
        return peers.values.map { $0.secondsBefore + max($0.partSeconds, $0.startedAt.map { now - $0 } ?? 0) }.max()
            ?? 0
    }

    /// All bytes sent.
    package var bytesSent: Int { peers.values.reduce(0) { Self.sum($0, $1.bytesSent) } }
}

extension SwarmProgress.PeerState {
    /// Seconds from the start of the present part to what was told last.
    fileprivate var partSeconds: Double { startedAt.map { max(0, lastTime - $0) } ?? 0 }

    /// The peer mixed.
    fileprivate mutating func mixed(_ event: LoggedEvent, of rounds: Int) {
        if phase == "waiting" { phase = "mixing" }
        guard let round = event.round else { return }
        if round < rounds { pace.ended(round: round, at: event.time) }
        guard let value = event.number("disagreement") else { return }
        disagreement = value
        disagreements.append((round, value))
    }

    /// A part of the run begins: what is known of the rounds that are done again is forgotten.
    fileprivate mutating func beginPart(_ event: LoggedEvent) {
        secondsBefore += partSeconds
        startedAt = event.time
        let first = event.fields["resumed"]?.bool == true ? event.round ?? 0 : 0
        losses.removeAll { $0.round >= first }
        validations.removeAll { $0.round >= first }
        disagreements.removeAll { $0.round >= first }
        biases.removeAll { $0.round >= first }
        traffic.removeAll { $0.round >= first }
    }
}
