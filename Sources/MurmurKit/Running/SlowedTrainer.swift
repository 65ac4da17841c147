package import Adapters
import Basics
import Faults

/// A time in which a peer's local steps take a multiple of what they would: `slow` of a fault file, at a real process.
package struct Slowness: Sendable, Hashable {
    /// When it begins and ends, from the process's start.
    package var from: Duration
    package var until: Duration
    /// How many times as long the steps take.
    package var factor: Double

    package init(from: Duration, until: Duration, factor: Double) {
        self.from = from
        self.until = until
        self.factor = factor
    }

    /// From `FROM:UNTIL:FACTOR`, with seconds; nil where it is none.
    package init?(_ text: String) {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard numbers.count == 3, let from = numbers[0], let until = numbers[1], let factor = numbers[2],
            (0...1e7).contains(from), (from...1e7).contains(until), (1...1000).contains(factor)
        else { return nil }
        self.init(from: .seconds(from), until: .seconds(until), factor: factor)
    }

    /// What `init(_:)` reads.
    package var text: String { "\(from.inSeconds):\(until.inSeconds):\(factor)" }

    /// What `plan` does to a peer whose process starts `elapsed` after the swarm.
    static func of(_ plan: FaultPlan, peer: Int, startedAfter elapsed: Duration) -> [Slowness] {
        plan.faults.compactMap { fault in
            guard fault.peer == peer, case .slow(let factor) = fault.kind, fault.until > elapsed else { return nil }
            return Slowness(from: max(.zero, fault.from - elapsed), until: fault.until - elapsed, factor: factor)
        }
    }
}

/// A trainer that is slower than it has to be: it takes its time after the steps of another one, and computes nothing in it.
package struct SlowedTrainer: AdapterTrainer {
    private let base: any AdapterTrainer
    private let slownesses: [Slowness]
    private let origin: ContinuousClock.Instant

    /// Slows `base` down in the times that are counted from `origin`, the process's start.
    package init(_ base: any AdapterTrainer, _ slownesses: [Slowness], since origin: ContinuousClock.Instant) {
        self.base = base
        self.slownesses = slownesses
        self.origin = origin
    }

    package var schema: AdapterSchema { base.schema }
    package var sampleCount: Int { base.sampleCount }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        let begin = ContinuousClock.now
        let outcome = try await base.train(request)
        let factors = slownesses.filter { $0.from <= begin - origin && begin - origin < $0.until }.map(\.factor)
        if let factor = factors.max() {
            try await Task.sleep(for: (ContinuousClock.now - begin) * (factor - 1))
        }
        return outcome
    }

    package func snapshot() async throws -> [UInt8] { try await base.snapshot() }

    package func restore(_ snapshot: [UInt8]) async throws { try await base.restore(snapshot) }
}
