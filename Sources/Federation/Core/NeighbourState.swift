package import Aggregation
package import Basics
import Wire

/// A neighbour's contribution that can be mixed.
struct Contribution: Sendable {
    /// Its name.
    var object: ObjectID
    var sequence: UInt64
    var isFinal: Bool
    /// Whether it says to the last bit what this peer's own said.
    var isEqual = false
    /// What it tells about the swarm's agreement; empty in rounds with training.
    var settling: [UInt8]
    var share: HeardShare

    var round: Int { share.round }
}

/// Where a neighbour was last seen, for what it can have come to since.
struct Sighting: Sendable, Hashable {
    var round: Int
    var time: MonotonicTime
    /// Time that it had not used then.
    var slack: Duration
}

/// What a peer knows of one neighbour.
struct NeighbourState: Sendable {
    /// The most contributions on their way from one neighbour.
    static let inFlightLimit = 4
    /// The most contributions that one neighbour is asked for in one round: an honest one offers two or three, and as many
    /// again after every restart.
    static let askedLimit = 32

    let id: PeerID
    /// Whether a session stands.
    var isConnected = false
    /// Whether there was ever a session.
    var wasConnected = false
    /// When the last session began.
    private(set) var connectedAt = MonotonicTime.zero
    /// When the last session ended, while none stands.
    var disconnectedAt: MonotonicTime?
    /// Whether it said goodbye.
    var hasLeft = false
    /// Whether nothing of it is taken any more: its keys were revoked, or it was proved to have said two things.
    private(set) var isBarred = false
    /// When something last came from it that only a peer at work sends: a contribution, an offer, a heartbeat.
    var lastSign = MonotonicTime.zero
    /// Whether there was ever such a sign.
    private(set) var hasWorked = false
    /// Whether it missed a deadline and was not heard from since.
    var isSuspect = false
    /// Whether it said last that it waits for others itself.
    var isWaiting = false
    /// Deadlines that it missed in a row without coming any further.
    var misses = 0
    /// How long settling has waited for it in vain, all in all.
    var wasted = Duration.zero
    /// Whether nobody was told yet that it is not waited for any more.
    var isGivenUpSilently = true
    /// How many rounds it was ahead, at the least, since it was last in step.
    private var lead = Int.max
    /// Where it was last seen; nil before its first contribution.
    var seen: Sighting?
    /// Whether all of this peer's final contribution has arrived there.
    var hasFinalAdapter = false
    /// How often its contributions were asked for in one round, and in which.
    var asked = (round: -1, count: 0)
    /// What it has made this peer say of late.
    var limiter = EventLimiter()
    /// In which settings it differs from this peer, in words; nil where it is not known to.
    var settingsDifference: String?
    /// Whether it says that it has finished.
    var isFinal = false
    /// Whether it was told that its final adapter is another one than that of most.
    var isFinalPassedOver = false
    /// The newest manifest's sequence number and round.
    var latestSequence: UInt64 = 0
    var latestRound = -1
    /// The root over that contribution's payload; empty before the first.
    var latestRoot: [UInt8] = []
    /// Contributions by round, ascending: at most one before the own round, one of it and two after it.
    var contributions: [Contribution] = []
    /// Contributions of which only a slice is fetched, ascending by round: of the own round and the next.
    var sliced: [SlicedContribution] = []
    /// The mean of its slice for the round under way, where it has offered one.
    var mean: OfferedMean?
    /// The round for which it said last that it gossips.
    var declined = -1
    /// Objects that were asked for, with their rounds and how often.
    var inFlight: [ObjectID: (round: Int, tries: Int)] = [:]
    /// Objects to ask for again, and when.
    var retries: [(object: ObjectID, round: Int, tries: Int, time: MonotonicTime)] = []
    /// Contributions that came before what they refer to, oldest first.
    var undecoded: [(signed: SignedManifest, payload: [UInt8])] = []
    /// In which round it was asked last to send its contribution whole, and in which round it asked for that.
    var askedWhole = -1
    var wasAskedWhole = -1
    /// Whose gains it is still to be told, by their places in the topology file.
    var owedGains: [Int] = []
    /// Whether it has passed on gains that nobody signed: it is not listened to about them any more.
    var tellsFalseGains = false
    /// Sequence numbers of the contributions that arrived last, so that none is fetched again.
    private(set) var taken: [UInt64] = []
    /// The last round whose contribution was refused; the largest number when the final one was.
    var refusedThrough = -1

    init(id: PeerID) { self.id = id }

    /// The round of the newest contribution that is here; -1 without any.
    var newestRound: Int { contributions.isEmpty ? -1 : contributions[contributions.count - 1].round }

    /// The contribution to mix in `round`: that of the round, or else the nearest within `staleness` that holds what is mixed
    /// in it; a final one always.
    func usable(for round: Int, staleness: Int, factors: FactorExchange) -> Contribution? {
        if let last = contributions.last, last.isFinal, last.round <= round { return last }
        // Of two that are equally near the later one is taken.
        return contributions.filter { abs($0.round - round) <= staleness && factors.serves($0.round, in: round) }
            .min { (abs($0.round - round), -$0.round) < (abs($1.round - round), -$1.round) }
    }

    /// Whether nothing more is to be expected for `round`: its contribution is there, or a later one and this one is not
    /// on its way, or it was refused.
    func hasAnswered(_ round: Int) -> Bool {
        if refusedThrough >= round { return true }
        var isPassed = false
        for index in contributions.indices {
            let offered = contributions[index].round
            if offered == round || contributions[index].isFinal && offered <= round { return true }
            if offered > round { isPassed = true }
        }
        guard isPassed else { return false }
        return !inFlight.values.contains { $0.round == round } && !retries.contains { $0.round == round }
    }

    /// What has this number was used, and is not fetched again.
    mutating func took(_ sequence: UInt64, staleness: Int) {
        taken.append(sequence)
        if taken.count > max(8, 4 * staleness) { taken.removeFirst() }
    }

    /// Takes a contribution in; one of the same round is replaced if it is older.
    ///
    /// - Parameter staleness: how many rounds apart contributions are still of use: so far back it is remembered what came.
    mutating func insert(_ contribution: Contribution, staleness: Int) {
        took(contribution.sequence, staleness: staleness)
        if let index = contributions.firstIndex(where: { $0.round == contribution.round }) {
            if contributions[index].sequence < contribution.sequence { contributions[index] = contribution }
        } else {
            contributions.append(contribution)
            contributions.sort { $0.round < $1.round }
        }
    }

    /// Forgets what `round` and later ones have no use for.
    ///
    /// - Parameters:
    ///   - ahead: how many of later rounds are kept: the next and the newest ones.
    ///   - keepsBefore: whether the last one before the round is of use beside the round's own.
    mutating func prune(for round: Int, ahead: Int, keepsBefore: Bool) {
        // The last one before the round stays: it is mixed where the round's own does not come.
        let before = contributions.lastIndex { keepsBefore ? $0.round < round : $0.round <= round } ?? 0
        contributions.removeFirst(before)
        while contributions.count(where: { $0.round > round }) > ahead {
            contributions.remove(at: contributions.count - ahead)
        }
    }

    /// Forgets all that came from it; nothing is expected of it any more.
    mutating func bar() {
        isBarred = true
        hasLeft = true
        refusedThrough = .max
        contributions = []
        undecoded = []
        inFlight = [:]
        retries = []
        owedGains = []
        sliced = []
        mean = nil
    }

    /// A session stands.
    mutating func connect(at time: MonotonicTime) {
        isConnected = true
        wasConnected = true
        hasLeft = false
        connectedAt = time
        lastSign = time
        // Who only comes and goes costs no more for that.
        if misses < PeerConfiguration.missLimit { isSuspect = false }
        // Who comes back without its memory has not finished, whatever it said before.
        isFinal = false
        hasFinalAdapter = false
    }

    /// Whether something of it is on its way.
    var isSending: Bool {
        !inFlight.isEmpty || mean.map { $0.isAsked && $0.squares == nil } ?? false
            || sliced.contains { $0.isAsked && $0.values == nil }
    }

    /// Whether the neighbour, which is ahead of `round`, is less far ahead than ever since it was in step.
    mutating func isComingNearer(to round: Int) -> Bool {
        let now = newestRound - round
        defer { lead = min(lead, now) }
        return now < lead
    }

    /// Something came that only a peer at work sends.
    mutating func showSign(at time: MonotonicTime) {
        lastSign = time
        hasWorked = true
    }

    /// It has answered a round: it is in step, and has missed nothing.
    mutating func answered() {
        misses = 0
        lead = .max
    }

    /// Whether one more of its contributions may be asked for in `round`; then it counts.
    mutating func mayBeAsked(in round: Int) -> Bool {
        if asked.round != round { asked = (round, 0) }
        asked.count += 1
        return asked.count <= Self.askedLimit
    }

    /// The association ended.
    mutating func disconnect(left: Bool, at time: MonotonicTime) {
        if isConnected { disconnectedAt = time }
        isConnected = false
        hasLeft = left || isBarred
        inFlight = [:]
        retries = []
        undecoded = []
        owedGains = []
        sliced.removeAll { $0.values == nil }
        if mean?.squares == nil { mean = nil }
        // Who came and went without a sign of work, as `murmur doctor` does, was not there: it is waited for as before.
        if !hasWorked, !isBarred { (wasConnected, hasLeft, disconnectedAt) = (false, false, nil) }
    }
}

extension PeerCore {
    /// How many contributions of rounds ahead are kept of a neighbour: the next one to mix, and the newest to catch up by,
    /// with the one before it where each holds one factor.
    var contributionsAhead: Int { pipeline.factors.changesByRound ? 3 : 2 }

    /// Forgets the contributions of a neighbour that this round and later ones have no use for.
    mutating func prune(_ index: Int) {
        neighbours[index].prune(
            for: round, ahead: contributionsAhead, keepsBefore: pipeline.factors.changesByRound)
        dropOldSlices(of: index)
    }

    /// The mass that the mixing rule holds; nil where it moves none. For checkers.
    package var mass: MassAccount? { pipeline.mass }

    /// What there is of the edges where gradients are tracked; none elsewhere. For checkers.
    package var trackedEdges: [PeerID: TrackedEdge] { pipeline.trackedEdges }

    /// What has grown beyond its bound here; nil where nothing has. For checkers: whatever neighbours do, nothing may.
    package var brokenBound: String? {
        for neighbour in neighbours {
            // One before the own round, one of it, some after it; one more may arrive before they are pruned.
            if neighbour.contributions.count > 3 + contributionsAhead {
                return "\(neighbour.contributions.count) contributions of one peer"
            }
            if neighbour.undecoded.count > NeighbourState.inFlightLimit {
                return "\(neighbour.undecoded.count) contributions that cannot be read"
            }
            // Of the own round and the next.
            if neighbour.sliced.count > 2 { return "slices of \(neighbour.sliced.count) contributions" }
            let asked = neighbour.inFlight.count + neighbour.retries.count
            if asked > 2 * NeighbourState.inFlightLimit { return "\(asked) contributions on their way from one peer" }
        }
        if pipeline.trackedEdges.count > neighbours.count { return "\(pipeline.trackedEdges.count) tracked edges" }
        let members = configuration.gain?.members.count ?? 0
        if gains.places.count > members || neighbours.contains(where: { $0.owedGains.count > members }) {
            return "\(gains.places.count) rows of gains"
        }
        // In a round something of its own for each neighbour at most, and one copy for who lacks what differences refer to.
        let rounds = configuration.exchange.staleness + 4
        if Set(published.map(\.round)).count > rounds || published.count > rounds * (neighbours.count + 2) {
            return "\(published.count) published contributions"
        }
        if ledger.roundCount > PublishedLedger.limit + 1 { return "\(ledger.roundCount) rounds in the ledger" }
        return wire.brokenBound
    }
}
