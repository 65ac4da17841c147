import Adapters
import Basics
package import Overlay

/// Chebyshev's semi-iteration for settling (`exchange.settling: chebyshev`): in the first settling rounds peers go
/// further than mixing takes them, by a part of the way since the round before.
///
/// With W the mixing matrix, λ the second largest modulus of its eigenvalues and x(−1) = x(0), settling round k goes
///
///     x(k + 1) = ω(k + 1) (W x(k) − x(k − 1)) + x(k − 1),
///     ω(1) = 1,   ω(2) = 1 / (1 − λ² / 2),   ω(k + 1) = 1 / (1 − λ² ω(k) / 4)
///
/// (Golub and Varga, 1961; for averaging over graphs Montijano et al., arXiv 1111.4825, and Scaman et al., arXiv
/// 1702.08704.) After k rounds what peers differ in has shrunk to `1 / T_k(1 / λ)` of what it was, T being Chebyshev's
/// polynomials: by `(1 − √(1 − λ²)) / λ` a round in the long run, where mixing alone shrinks it by λ. W keeps the mean,
/// and so does this, because ω follows from the topology and the round's number and is the same at all peers.
///
/// It ends after `rounds`, which every peer works out from the topology: agreement is proved for averages only, so
/// nobody measures it before that. `docs/mathematics.md`, "Settling faster".
package struct ChebyshevSettling: Sendable, Hashable {
    /// λ: what a round of mixing leaves of what peers differ in, at worst.
    package let modulus: Double
    /// ω of each accelerated round.
    private var factors: [Double]

    /// Settling rounds that are accelerated. Those that follow are not.
    package var rounds: Int { factors.count }

    /// How far apart neighbours are when settling begins, for which the number of rounds is made: a quarter of an
    /// adapter's norm. Who is further apart mixes a few rounds more, who is nearer took some in vain.
    static let start = 0.25
    /// No graph needs more; on one that would, mixing does the rest.
    static let most = 10_000

    /// So many rounds as it takes from `start` to what neighbours may differ in when the swarm agrees; nil where mixing
    /// alone does that in a round, or never.
    ///
    /// - Parameters:
    ///   - modulus: of the swarm's mixing matrix, as from zero to one.
    ///   - limits: when the swarm agrees.
    package init?(modulus: Double, limits: SettlingLimits) {
        guard modulus > 1e-9, modulus < 1 - 1e-12 else { return nil }
        self.modulus = modulus
        factors = [1]
        let square = modulus * modulus
        for count in 1..<max(2, rounds(to: limits.edgeBound / Self.start)) {
            factors.append(count == 1 ? 1 / (1 - square / 2) : 1 / (1 - square * factors[count - 1] / 4))
        }
        // One round is mixing alone.
        guard rounds(to: limits.edgeBound / Self.start) > 1 else { return nil }
    }

    /// ω of the settling round that so many others precede: one where that is not accelerated.
    package func factor(in settlingNumber: Int) -> Double {
        factors.indices.contains(settlingNumber) ? factors[settlingNumber] : 1
    }

    /// What a round leaves of the differences in the long run: `(1 − √(1 − λ²)) / λ`.
    package var contraction: Double { (1 - (1 - modulus * modulus).squareRoot()) / modulus }

    /// What the first so many rounds leave of them, at worst: `1 / T_k(1 / λ)`.
    package func remainder(after count: Int) -> Double {
        var (before, now) = (1.0, 1 / modulus)
        guard count > 0 else { return 1 }
        for _ in 1..<count where now < 1e300 { (before, now) = (now, 2 / modulus * now - before) }
        return 1 / now
    }

    /// The least number of rounds after which any start has come nearer to the mean by the factor `bound`.
    package func rounds(to bound: Double) -> Int {
        var (before, now, count) = (1.0, 1 / modulus, 1)
        while 1 / now > bound, count < Self.most { (before, now, count) = (now, 2 / modulus * now - before, count + 1) }
        return count
    }

    /// Settling rounds in all: the accelerated ones, one in which everybody measures, and `depth` in which the news
    /// goes round.
    package func settlingRounds(depth: Int) -> Int { rounds + depth + 1 }

    /// What it does not go with, in words that follow "chebyshev does not go with"; nil where it goes with both of
    /// these. `docs/decisions/0059-….md` says why.
    package static func obstacle(mixing: ExchangePolicy.Mixing, factors: ExchangePolicy.Factors) -> String? {
        switch mixing {
        case .metropolis: break
        case .pushSum, .onePeerExponential, .onePeerBaseTwo:
            return
                "mixing: \(mixing.rawValue), where a peer's weight changes from round to round: going further would move the mean"
        case .allReduce: return "mixing: all-reduce, which needs no more than one round"
        case .pairwise: return "mixing: pairwise, with which it was not tried; metropolis settles in the same way"
        }
        switch factors {
        case .both, .freezeA, .alternate, .shareA: return nil
        case .product, .productResidual:
            return "factors: \(factors.rawValue), which turns the factors' frame in every round"
        }
    }
}

/// Chebyshev's semi-iteration of one peer, with what it keeps from one settling round to the next. Nothing of it is in
/// a checkpoint: none is written between settling rounds, and who begins anew or catches up begins with a round of
/// mixing.
struct ChebyshevStep: Sendable {
    private let settings: ChebyshevSettling
    /// The adapter that the peer had in the settling round before.
    private var last: (round: Int, own: AdapterDelta)?
    /// Who was heard in the round under way, and in the one before.
    private var heard: [PeerID] = []
    private var heardBefore: [PeerID]?
    /// How often others were heard than in the round before.
    private var changes = 0

    /// After so many changes the peer mixes without acceleration until settling ends. What is missing now and then does
    /// little; under matrices that change in every round the recurrence may grow.
    static let changesAllowed = 4

    init(_ settings: ChebyshevSettling) { self.settings = settings }

    /// Takes note of whose contributions of the round are about to be mixed.
    mutating func hears(_ shares: [HeardShare], in round: MixingRound) {
        heard = shares.filter { $0.round == round.number }.map(\.origin)
    }

    /// x of the next round.
    ///
    /// - Parameters:
    ///   - mixed: W x, what mixing made of the round's contributions.
    ///   - own: x. Both are the part of the adapter that is exchanged.
    mutating func carried(_ mixed: AdapterDelta, from own: AdapterDelta, in round: MixingRound) -> AdapterDelta {
        guard isAccelerated(round) else {
            restart()
            return mixed
        }
        let before = last
        if let heardBefore, heardBefore != heard { changes += 1 }
        last = (round.number, own)
        heardBefore = heard
        let factor = settings.factor(in: round.settlingNumber)
        guard let before, before.round == round.number - 1, before.own.schema == own.schema, factor != 1,
            changes <= Self.changesAllowed
        else { return mixed }
        var carried = mixed
        for index in carried.values.indices {
            let previous = Double(before.own.values[index])
            carried[index] = Float(previous + factor * (Double(mixed.values[index]) - previous))
        }
        // Nothing that could not be written down is gone on with.
        return carried.isFinite ? carried : mixed
    }

    /// Whether a round is one of those in which the peer may go further than the average.
    func isAccelerated(_ round: MixingRound) -> Bool { round.isSettling && round.settlingNumber < settings.rounds }

    /// Forgets where it was: the peer has taken over what others have.
    mutating func restart() {
        last = nil
        heardBefore = nil
    }
}

extension ExchangePolicy {
    /// When a swarm agrees whose news has to travel `depth` edges.
    package func settlingLimits(depth: Int, rounds: Int = 0) -> SettlingLimits {
        SettlingLimits(
            consensusBound: consensusBound, depth: depth, rounds: rounds,
            hasCopies: sendsDifferences(whileSettling: true))
    }

    /// How the peers of `graph` settle faster; nil where they only mix. λ is that of equal sample counts, which is what
    /// every peer knows: where theirs differ much it is a little too small, and peers come together a little more
    /// slowly.
    package func chebyshev(on graph: SwarmGraph, depth: Int) -> ChebyshevSettling? {
        guard settling == .chebyshev else { return nil }
        let counts = Array(repeating: 1, count: graph.count)
        guard let matrix = mixing.matrix(of: graph, sampleCounts: counts) else { return nil }
        return ChebyshevSettling(modulus: matrix.secondEigenvalueModulus, limits: settlingLimits(depth: depth))
    }

    /// How a peer finds out that the swarm agrees.
    package func settlingRule(_ limits: SettlingLimits) -> any SettlingRule {
        guard let chebyshev else { return mixing.settling(limits) }
        return AgreementSettling(limits, unmeasured: chebyshev.rounds)
    }
}
