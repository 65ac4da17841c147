package import Observability
import Overlay
import Storage
package import SwarmFile

/// Who took part in one peer's run, as its events tell: a table of its neighbours, folded over the lines of its log.
///
/// Lines of several parts of a run follow one another: a part that goes on from an earlier round takes back what was
/// counted of the rounds that it does again, one that begins anew takes back everything.
package struct Participation: Sendable {
    /// What is known of one neighbour.
    package struct Neighbour: Sendable, Equatable {
        /// How it stands with the neighbour.
        package enum State: String, Sendable {
            case unknown = "never met"
            case connected, away, left, barred
        }

        package var state = State.unknown
        /// Rounds with training in which its contribution was mixed, and in which it was missing.
        package var mixed = RangeSet<Int>()
        package var missed = RangeSet<Int>()
        /// The same of settling rounds.
        package var settlingMixed = RangeSet<Int>()
        package var settlingMissed = RangeSet<Int>()
        /// Rounds whose work came in by way of catching up: the neighbour's adapter was adopted.
        package var adopted = 0
        /// Contributions that were refused, and why the last one was.
        package var refused = 0
        package var lastRefusal: String?
        /// When it was heard last, and met first, in seconds since 1970.
        package var lastHeard: Double?
        package var firstMet: Double?
        /// What its contribution weighed in the average when it was mixed last; nil where that is not told.
        package var share: Double?
        /// A section and key of the topology file in which it differs; nil where it is not known to.
        package var difference: String?

        /// Whether there was ever a session with it.
        package var wasMet: Bool { firstMet != nil }

        fileprivate mutating func takeBack(from round: Int) {
            for path in [\Neighbour.mixed, \.missed, \.settlingMixed, \.settlingMissed] {
                self[keyPath: path].remove(contentsOf: max(round, 0)..<Int.max)
            }
        }
    }

    /// The peer whose run this is.
    package let peer: String
    /// Rounds with training.
    package let rounds: Int
    /// The neighbours in the topology's order.
    package let names: [String]
    /// What is known of each.
    package private(set) var neighbours: [String: Neighbour]
    /// Own rounds whose local steps were done, and whose local steps failed.
    package private(set) var trained = RangeSet<Int>()
    package private(set) var failed = RangeSet<Int>()
    /// Rounds with training that were passed over in catching up.
    package private(set) var skipped = RangeSet<Int>()
    /// Whether the final adapter was reached.
    package private(set) var isFinished = false
    /// Whether the settling rounds ended without agreement.
    package private(set) var lacksAgreement = false
    /// The round that was under way last.
    package private(set) var round = 0
    /// Whether the local steps of that round are done and not yet mixed.
    package private(set) var hasUnmixedSteps = false
    /// The round that the newest checkpoint begins with; nil where none is known to have been written.
    package private(set) var checkpointRound: Int?
    /// Datagrams that fit neither key, secret nor swarm, as far as it was told; nil where nothing was.
    package private(set) var strangers: Int?
    /// Addresses that the system refused to send to, and why.
    package private(set) var unreachable: [String] = []
    /// Why the newest try to write a checkpoint failed; nil where it did not.
    package private(set) var checkpointFailure: String?
    /// What was said of damaged files of the state at starts.
    package private(set) var damages: [String] = []
    /// What was done about states of other settings.
    package private(set) var continuations: [String] = []
    /// Starts of the peer's process in this run.
    package private(set) var starts = 0
    /// When the present part began, in seconds since 1970.
    package private(set) var startedAt: Double?
    /// Whether something of this run happened before the lines that are known.
    package private(set) var isCut = false

    /// Nothing is known yet of a run of `peer` in `rounds` rounds with training and `neighbours`.
    package init(peer: String, rounds: Int, neighbours: [String]) {
        self.peer = peer
        self.rounds = rounds
        names = neighbours
        self.neighbours = Dictionary(neighbours.map { ($0, Neighbour()) }) { first, _ in first }
    }

    /// Takes account of the next line of the peer's log; lines of others are passed over.
    package mutating func record(_ event: LoggedEvent) {
        guard event.peer == peer else { return }
        if let round = event.place { self.round = round }
        switch event.event {
        case "started": begin(event)
        case "trained":
            hasUnmixedSteps = true
            count(event.round, in: \.trained, notIn: \.failed)
        case "training_failed": count(event.round, in: \.failed, notIn: \.trained)
        case "mixed": mix(event)
        case "shares":
            for (name, share) in event.fields["shares"]?.object.map({ zip($0.keys, $0.values) }) ?? zip([], []) {
                neighbours[String(decoding: name, as: UTF8.self)]?.share = share.double
            }
        case "caught_up": catchUp(event)
        case "checkpointed": (checkpointRound, checkpointFailure) = (event.round, nil)
        case "checkpoint_failed": checkpointFailure = event.text("reason")
        case "state_damaged": if let reason = event.text("reason") { damages.append(reason) }
        case "waiting": strangers = event.integer("strangers")
        case "send_refused":
            if let address = event.text("address"), let reason = event.text("reason") {
                unreachable.append("\(address): \(reason)")
            }
        case "continued": if let reason = event.text("reason") { continuations.append(reason) }
        case "settling_limit_reached": lacksAgreement = true
        case "settled": lacksAgreement = false
        case "finished": isFinished = true
        default: recordNeighbour(event)
        }
    }

    /// Takes account of what concerns one neighbour.
    private mutating func recordNeighbour(_ event: LoggedEvent) {
        guard let name = event.text("neighbour"), neighbours[name] != nil else { return }
        switch event.event {
        case "connected":
            neighbours[name]!.state = .connected
            neighbours[name]!.firstMet = neighbours[name]!.firstMet ?? event.time
            neighbours[name]!.lastHeard = event.time
        case "disconnected":
            // Barred stays barred, whatever becomes of the session.
            guard neighbours[name]!.state != .barred else { return }
            neighbours[name]!.state = event.text("reason") == "closed" ? .left : .away
        case "neighbour_barred": neighbours[name]!.state = .barred
        case "contribution_received": neighbours[name]!.lastHeard = event.time
        case "contribution_refused":
            neighbours[name]!.refused += 1
            neighbours[name]!.lastRefusal = event.text("reason")
            neighbours[name]!.lastHeard = event.time
        case "suppressed" where event.text("kind") == "contribution_refused":
            neighbours[name]!.refused += event.integer("count") ?? 0
        case "settings_differ": neighbours[name]!.difference = event.text("reason")
        default: break
        }
    }

    private mutating func begin(_ event: LoggedEvent) {
        let first = event.round ?? 0
        if event.fields["resumed"]?.bool == true {
            // It goes on from rounds of which no line is known.
            if starts == 0, first > 0 { isCut = true }
            checkpointRound = checkpointRound ?? first
        } else {
            let (damages, starts, continuations) = (damages, starts, continuations)
            self = Participation(peer: peer, rounds: rounds, neighbours: names)
            (self.damages, self.starts, self.continuations) = (damages, starts, continuations)
        }
        starts += 1
        startedAt = event.time
        (isFinished, hasUnmixedSteps) = (false, false)
        for path in [\Self.trained, \.failed, \.skipped] { self[keyPath: path].remove(contentsOf: first..<Int.max) }
        for name in names {
            neighbours[name]!.takeBack(from: first)
            if neighbours[name]!.state == .connected { neighbours[name]!.state = .away }
        }
    }

    private mutating func count(
        _ round: Int?, in path: WritableKeyPath<Self, RangeSet<Int>>, notIn other: WritableKeyPath<Self, RangeSet<Int>>
    ) {
        guard let round, (0..<rounds).contains(round) else { return }
        self[keyPath: path].insert(contentsOf: round..<round + 1)
        self[keyPath: other].remove(contentsOf: round..<round + 1)
    }

    private mutating func mix(_ event: LoggedEvent) {
        guard let round = event.round, round >= 0, round < Int.max else { return }
        hasUnmixedSteps = false
        let isSettling = round >= rounds
        func names(_ field: String) -> [String] { event.fields[field]?.array?.compactMap(\.text) ?? [] }
        for name in names("present") where neighbours[name] != nil {
            let path = isSettling ? \Neighbour.settlingMixed : \.mixed
            neighbours[name]![keyPath: path].insert(contentsOf: round..<round + 1)
            neighbours[name]!.lastHeard = neighbours[name]!.lastHeard ?? event.time
            // What is of other settings is refused: where something was mixed they are the same by now.
            neighbours[name]!.difference = nil
        }
        for name in names("absent") where neighbours[name] != nil {
            let path = isSettling ? \Neighbour.settlingMissed : \.missed
            neighbours[name]![keyPath: path].insert(contentsOf: round..<round + 1)
        }
    }

    private mutating func catchUp(_ event: LoggedEvent) {
        hasUnmixedSteps = false
        for donor in event.fields["donors"]?.array?.compactMap(\.text) ?? [] { neighbours[donor]?.adopted += 1 }
        guard let from = event.integer("from_round"), let to = event.round, from < to else { return }
        let passed = min(from, rounds)..<min(to, rounds)
        skipped.insert(contentsOf: passed)
        skipped.subtract(trained)
    }
}

extension RangeSet<Int> {
    /// How many numbers are in it.
    package var total: Int { ranges.reduce(0) { $0 + $1.count } }

    /// The greatest number in it.
    package var last: Int? { ranges.last.map { $0.upperBound - 1 } }
}

extension Participation {
    /// Nothing is known yet of the run of the peer called `peer` of a topology.
    ///
    /// - Throws: an error for a graph that cannot be.
    package init(_ topology: SwarmTopology, peer: String) throws {
        let graph = try topology.swarmGraph()
        let place = topology.index(ofPeerNamed: peer)
        self.init(
            peer: peer, rounds: topology.tuning.rounds,
            neighbours: place.map { graph.neighbours[$0].map { topology.peers[$0].name } } ?? [])
    }
}
