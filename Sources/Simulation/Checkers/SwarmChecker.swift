import Adapters
package import Basics
package import Federation

/// Watches a run and says what must not happen and did. Apart from the simulator: it is told what peers report and what
/// they end with, and decides nothing.
package struct SwarmChecker: Sendable {
    /// What was found, at most `violationLimit`.
    package private(set) var violations: [Violation] = []
    private let violationLimit = 50

    private let names: [String]
    private let indexOfPeer: [PeerID: Int]
    private let consensusBound: Double
    /// Objects that each peer has published, by its own words: the first 64 bits of their names, which are digests.
    private var published: [Set<UInt64>]
    /// Objects that each peer has taken in since its start.
    private var taken: [Set<UInt64>]
    /// How far everybody's work has spread.
    private(set) var spread: SpreadMeter
    /// The round that each peer would resume with, as it was told by its disk.
    private var acknowledged: [Int]
    /// Each coordinate of an honest adapter lies between these: zero and the targets.
    private let hull: (least: [Float], most: [Float])
    /// Bytes to and from addresses that belong to nobody in the swarm.
    private var strangers: [NetworkAddress: (sent: Int, received: Int)] = [:]
    /// Who had finished, and came back without a memory of it: when everybody else has left, it ends with what it finds.
    private var forgetful: Set<Int> = []
    /// Who was ever dishonest.
    private(set) var dishonest: [Bool]
    private var quarantine: QuarantineChecker
    /// Whether one of them was in a way that honest peers cannot tell.
    private var isMisled = false
    /// The greatest round that an honest peer has published.
    private var furthest = 0
    /// The round that each peer has to mix next: rounds follow one another, unless a peer joins its neighbours' round.
    private var due: [Int]

    package init(names: [String], ids: [PeerID], targets: [[Float]], neighbours: [[Int]], consensusBound: Double) {
        quarantine = QuarantineChecker(neighbours: neighbours)
        spread = SpreadMeter(count: names.count)
        self.names = names
        self.consensusBound = consensusBound
        indexOfPeer = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        published = Array(repeating: [], count: names.count)
        taken = Array(repeating: [], count: names.count)
        acknowledged = Array(repeating: 0, count: names.count)
        due = Array(repeating: 0, count: names.count)
        dishonest = Array(repeating: false, count: names.count)
        let width = targets.first?.count ?? 0
        hull = (
            (0..<width).map { index in targets.reduce(Float(0)) { min($0, $1[index]) } },
            (0..<width).map { index in targets.reduce(Float(0)) { max($0, $1[index]) } }
        )
    }

    /// The first 64 bits of an object's name.
    private static func mark(_ object: String) -> UInt64 { UInt64(object.prefix(16), radix: 16) ?? 0 }

    mutating func violate(_ checker: String, at time: MonotonicTime, _ message: String) {
        guard violations.count < violationLimit else { return }
        violations.append(Violation(checker: checker, seconds: Double(time.nanoseconds) / 1e9, message: message))
    }

    /// The peer is dishonest from now on. If it `misleads`, what its neighbours' adapters become is no promise.
    mutating func isDishonest(_ peer: Int, misleads: Bool, equivocates: Bool) {
        dishonest[peer] = true
        if equivocates { quarantine.equivocates(peer) }
        if misleads { isMisled = true }
    }

    /// The peer starts without the adapter that it had finished with.
    mutating func forgets(_ peer: Int) { forgetful.insert(peer) }

    /// The peer keeps to the rules again.
    mutating func reforms(_ peer: Int) { quarantine.reforms(peer) }

    /// A process of the peer starts; `betrayed` if its disk lost what it had confirmed.
    mutating func starts(_ peer: Int, betrayed: Bool) {
        taken[peer] = []
        quarantine.starts(peer)
        if betrayed { acknowledged[peer] = 0 }
    }

    /// The peer of that index said something.
    package mutating func observe(_ event: PeerEvent, of peer: Int, at time: MonotonicTime) {
        switch event.kind {
        case .started(let round, _):
            due[peer] = round
            if round < acknowledged[peer] {
                violate(
                    "checkpoint", at: time,
                    "\(names[peer]) starts with round \(round) after its disk had confirmed round \(acknowledged[peer])"
                )
            }
        case .checkpointed(let round):
            acknowledged[peer] = max(acknowledged[peer], round)
        case .contributionPublished(let round, _, _, _, let object):
            if !dishonest[peer] { furthest = max(furthest, round) }
            published[peer].insert(Self.mark(object))
        case .contributionReceived(let from, let round, let byteCount, let object):
            let object = Self.mark(object)
            spread.took(byteCount: byteCount, isRepeated: taken[peer].contains(object))
            guard let origin = indexOfPeer[from] else {
                violate("provenance", at: time, "\(names[peer]) took a contribution of a stranger, \(from.short)")
                return
            }
            quarantine.heard(origin)
            if !dishonest[origin], !published[origin].contains(object) {
                violate(
                    "provenance", at: time,
                    "\(names[peer]) took a contribution of round \(round) that \(names[origin]) never published")
            }
            if !taken[peer].insert(object).inserted {
                violate(
                    "replay", at: time,
                    "\(names[peer]) took \(names[origin])'s contribution of round \(round) twice")
            }
        case .caughtUp(let from, let to, _, _):
            due[peer] = to
            guard !dishonest[peer], to > furthest else { return }
            violate(
                "takeover", at: time,
                "\(names[peer]) jumps from round \(from) to \(to); no honest peer is beyond \(furthest)")
        case .mixed(let round, _, let present, let absent, _):
            if round != due[peer], !dishonest[peer] {
                violate("order", at: time, "\(names[peer]) mixes round \(round); round \(due[peer]) was its next")
            }
            due[peer] = round + 1
            spread.mixed(peer, round: round, partners: present.compactMap { indexOfPeer[$0] }, absent: absent.count)
        case .barred(let barred, let reason):
            guard let other = indexOfPeer[barred] else { return }
            quarantine.shutsOut(peer, other, at: time)
            guard !dishonest[other] else { return }
            violate("quarantine", at: time, "\(names[peer]) shuts out \(names[other]), which is honest: \(reason)")
        case .settlingLimitReached(let round, let disagreement):
            if !isMisled, !dishonest[peer] {
                violate(
                    "liveness", at: time,
                    "\(names[peer]) gave up to agree in round \(round) at a disagreement of \(disagreement)")
            }
        default: break
        }
    }

    /// A peer's process came to its end by itself.
    mutating func ends(_ peer: Int, at time: MonotonicTime) { quarantine.ends(peer, at: time) }

    /// A peer's adapter after something changed it.
    mutating func observe(_ delta: AdapterDelta, of peer: Int, at time: MonotonicTime) {
        guard delta.isFinite || dishonest[peer] else {
            violate("finite", at: time, "\(names[peer])'s adapter has values that are not finite")
            return
        }
        // Only of the toy is it known where averages and steps may lead.
        guard !isMisled, !dishonest[peer], !hull.least.isEmpty else { return }
        for (index, value) in delta.values.enumerated() {
            let slack = 1e-5 * max(1, hull.most[index] - hull.least[index])
            if value < hull.least[index] - slack || value > hull.most[index] + slack {
                violate(
                    "mass", at: time,
                    "\(names[peer])'s value \(index) is \(value), outside of what averages of all trainers give")
                return
            }
        }
    }

    /// Bytes went from (`sent`) or to (`received`) an address outside of the swarm.
    mutating func stranger(_ address: NetworkAddress, sent: Int, received: Int, at time: MonotonicTime) {
        strangers[address, default: (0, 0)].sent += sent
        strangers[address, default: (0, 0)].received += received
        let sums = strangers[address]!
        if sums.received > sums.sent {
            violate(
                "amplification", at: time, "\(address) sent \(sums.sent) bytes and was sent \(sums.received)")
        }
    }

    /// The run is over: did everybody get there, and to the same place?
    mutating func conclude(finals: [AdapterDelta?], at time: MonotonicTime) -> Double? {
        let honest = finals.indices.filter { !dishonest[$0] }
        for problem in quarantine.conclude(dishonest: dishonest, at: time) {
            violate("quarantine", at: time, problem)
        }
        for peer in honest where finals[peer] == nil {
            violate("liveness", at: time, "\(names[peer]) did not finish")
        }
        guard let distance = Self.distance(of: honest.filter { !forgetful.contains($0) }.compactMap { finals[$0] })
        else { return nil }
        if distance > consensusBound, !isMisled {
            violate(
                "consensus", at: time,
                "the finished peers' adapters are up to \(distance) from their mean; the bound is \(consensusBound)")
        }
        return distance
    }

    /// The largest distance of an adapter to their mean, relative to the mean's norm; nil without any.
    static func distance(of deltas: [AdapterDelta]) -> Double? {
        guard let first = deltas.first else { return nil }
        var mean = [Double](repeating: 0, count: first.values.count)
        for delta in deltas {
            for index in mean.indices { mean[index] += Double(delta.values[index]) / Double(deltas.count) }
        }
        let norm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let farthest =
            deltas.map { delta in
                var square = 0.0
                for index in mean.indices {
                    let difference = Double(delta.values[index]) - mean[index]
                    square += difference * difference
                }
                return square.squareRoot()
            }.max() ?? 0
        return norm > 0 ? farthest / norm : farthest
    }
}

/// Something that must not happen, and did.
package struct Violation: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The checker that found it.
    package var checker: String
    /// When, in seconds of virtual time from the swarm's start.
    package var seconds: Double
    /// What.
    package var message: String

    package var description: String { "\(checker) at \(seconds) s: \(message)" }
}
