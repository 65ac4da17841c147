import Adapters
import Aggregation
import Basics
import Overlay

/// What the tests of the exchange have in common: a schema, identities, rosters and adapters.
enum ExchangeRig {
    static let schema = AdapterSchema(tensors: [.init(name: "a", rows: 2, columns: 3)])

    static func id(_ number: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(number), count: 32))! }

    static func delta(_ values: [Float]) -> AdapterDelta { AdapterDelta(schema: schema, values: values) }

    static func delta(_ value: Float) -> AdapterDelta { delta([Float](repeating: value, count: 6)) }

    static func drawn(using generator: inout SeededGenerator) -> AdapterDelta {
        delta((0..<6).map { _ in Float(generator.normal()) })
    }

    /// The round of peer `own` in a swarm in which everybody knows everybody.
    static func round(_ number: Int = 0, of own: Int = 0, count: Int = 3, weight: Int = 1) -> MixingRound {
        let members = (0..<count).filter { $0 != own }.map { Roster.Member(id: id($0), place: $0, degree: count - 1) }
        let roster = Roster(place: own, sampleCount: weight, swarmCount: count, depth: 1, members: members)
        return MixingRound(number: number, weight: weight, roster: roster)
    }
}

/// Push-sum with running sums, in a few lines: a rule with mass, a header, a share for every neighbour and state. It is here
/// to hold `MixingRule` to what the next rules need.
struct RunningSums: MixingRule {
    /// The numerator `x` and the weight of the mass that the peer holds; its adapter is `x / weight`.
    private(set) var numerator: [Double] = []
    private(set) var mass = 1.0
    /// What each neighbour was given in all, and what was heard of each.
    private var given: [PeerID: (values: [Double], mass: Double)] = [:]
    private var taken: [PeerID: (values: [Double], mass: Double)] = [:]

    var headerByteCount: Int { 8 }

    mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        // Whatever the local steps made of the adapter goes into the numerator.
        numerator = delta.values.map { Double($0) * mass }
        let part = 1 / Double(round.roster.degree + 1)
        return round.roster.members.map { member in
            let before = given[member.id] ?? ([Double](repeating: 0, count: numerator.count), 0)
            let sums = zip(before.values, numerator).map { Float($0 + part * $1) }
            return OutgoingShare(
                audience: .only([member.id]), delta: AdapterDelta(schema: delta.schema, values: sums),
                header: Self.bytes(before.mass + part * mass))
        }
    }

    mutating func sent(_ share: OutgoingShare, in round: MixingRound) {
        guard case .only(let peers) = share.audience, let peer = peers.first else { return }
        let before = given[peer] ?? ([Double](repeating: 0, count: numerator.count), 0)
        let sums = (values: share.delta.values.map(Double.init), mass: Self.mass(share.header))
        // What goes is what arrives, to the last bit, however the sums were rounded.
        for index in numerator.indices { numerator[index] -= sums.values[index] - before.values[index] }
        mass -= sums.mass - before.mass
        given[peer] = sums
    }

    mutating func mix(_ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound) -> MixingOutcome {
        for share in heard {
            let sums = (values: share.delta.values.map(Double.init), mass: Self.mass(share.header))
            let before = taken[share.origin] ?? ([Double](repeating: 0, count: numerator.count), 0)
            for index in numerator.indices { numerator[index] += sums.values[index] - before.values[index] }
            mass += sums.mass - before.mass
            taken[share.origin] = sums
        }
        let mixed = AdapterDelta(schema: own.schema, values: numerator.map { Float($0 / mass) })
        return MixingOutcome(delta: mixed, disagreement: own.distance(to: mixed), weights: [], keptWeight: mass)
    }

    /// The mass alone: enough to see that a state comes through.
    var state: [UInt8] { Self.bytes(mass) }

    mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard state.count == 8 else { throw ExchangeStateError(description: "a mass has eight bytes") }
        mass = Self.mass(state)
    }

    private static func bytes(_ mass: Double) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(integer: mass.bitPattern)
        return bytes
    }

    private static func mass(_ bytes: [UInt8]) -> Double {
        var reader = ByteReader(bytes)
        return Double(bitPattern: reader.integer(UInt64.self) ?? 0)
    }
}
