package import Adapters
import Basics
package import InstructionTuning
import Synchronization

/// Measures adapters on a peer's validation part: records of its own that it does not train on.
package struct Validator: Sendable {
    /// How many records it measures on.
    package let records: Int
    /// The mean loss of an adapter, in nats per response token.
    package let loss: @Sendable (AdapterDelta) async throws -> Double

    package init(records: Int, loss: @escaping @Sendable (AdapterDelta) async throws -> Double) {
        self.records = records
        self.loss = loss
    }
}

/// How a run's measurements on the validation part went: the least loss, where it was, and what came after it.
package struct ValidationRecord: Sendable, Hashable {
    /// The least loss; nil before the first measurement.
    package private(set) var best: Double?
    /// The round or step whose adapter had it.
    package private(set) var bestPlace = 0
    /// Measurements since then, none of which was better.
    package private(set) var sinceBest = 0
    /// The newest loss.
    package private(set) var last: Double?

    package init() {}

    /// Takes account of a measurement.
    ///
    /// - Returns: whether there was none with less loss before. A loss that is no number never is the least.
    package mutating func take(_ loss: Double, at place: Int) -> Bool {
        last = loss
        guard loss.isFinite, best.map({ loss < $0 }) ?? true else {
            sinceBest += 1
            return false
        }
        (best, bestPlace, sinceBest) = (loss, place, 0)
        return true
    }

    private static let mark = Array("murmurva".utf8)

    /// The eight bytes `murmurva`, best loss, place, measurements since, and newest loss (8 bytes each, no number for an
    /// absent loss), and then `state`, the trainer's own.
    package func encoded(before state: [UInt8]) -> [UInt8] {
        var bytes = Self.mark
        bytes.reserveCapacity(40 + state.count)
        bytes.append(integer: (best ?? .nan).bitPattern)
        bytes.append(integer: UInt64(bestPlace))
        bytes.append(integer: UInt64(sinceBest))
        bytes.append(integer: (last ?? .nan).bitPattern)
        return bytes + state
    }

    /// What `encoded(before:)` wrote.
    ///
    /// - Throws: `TuningError.badSnapshot` for anything else.
    package static func decode(
        _ bytes: [UInt8]
    ) throws(TuningError) -> (record: ValidationRecord, state: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.bytes(count: mark.count) == mark, let best = reader.integer(UInt64.self),
            // Counts far beyond any run's would overflow when they grow.
            let place = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }), place < 1 << 48,
            let since = reader.integer(UInt64.self).flatMap({ Int(exactly: $0) }), since < 1 << 48,
            let last = reader.integer(UInt64.self), let state = reader.bytes(count: reader.remaining)
        else { throw .badSnapshot("it is of a run without a validation part") }
        func loss(_ pattern: UInt64) -> Double? {
            let value = Double(bitPattern: pattern)
            return value.isNaN ? nil : value
        }
        var record = ValidationRecord()
        (record.best, record.bestPlace, record.sinceBest) = (loss(best), place, since)
        record.last = loss(last)
        return (record, state)
    }
}

/// A measurement on the validation part, as it is told.
package struct ValidationFinding: Sendable, Hashable {
    /// The round that begins with the adapter; of the final adapter the number of rounds.
    package var round: Int
    package var loss: Double
    /// Whether it is the least loss so far.
    package var isBest: Bool
    /// Whether it is the adapter that the run ends with.
    package var isFinal: Bool
}

/// A trainer that measures, before each round's local steps, the adapter that the round begins with: what mixing has made
/// of the last one. The steps themselves are another trainer's, and are the same as without.
///
/// A peer that finds no better adapter any more goes on training: its neighbours count on its part.
package final class ValidatingTrainer: AdapterTrainer {
    private let base: any AdapterTrainer
    private let validator: Validator
    private let keep: @Sendable (AdapterDelta, ValidationFinding) -> Void
    private let record = Mutex(ValidationRecord())
    private let listener = Mutex<(@Sendable (ValidationFinding) -> Void)?>(nil)

    /// - Parameter keep: called with each adapter that has less loss than all before it.
    package init(
        _ base: any AdapterTrainer, _ validator: Validator,
        keep: @escaping @Sendable (AdapterDelta, ValidationFinding) -> Void
    ) {
        self.base = base
        self.validator = validator
        self.keep = keep
    }

    package var schema: AdapterSchema { base.schema }
    package var sampleCount: Int { base.sampleCount }
    /// How the measurements went so far.
    package var findings: ValidationRecord { record.withLock { $0 } }
    /// How many records are measured on.
    package var records: Int { validator.records }

    /// Tells `listener` of each measurement from now on.
    package func begin(_ listener: @escaping @Sendable (ValidationFinding) -> Void) {
        self.listener.withLock { $0 = listener }
    }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        try await measure(request.delta, round: request.round, isFinal: false)
        return try await base.train(request)
    }

    /// Measures the adapter that the run ends with.
    package func end(with delta: AdapterDelta, round: Int) async throws {
        try await measure(delta, round: round, isFinal: true)
    }

    /// A round does not fail because it could not be measured.
    private func measure(_ delta: AdapterDelta, round: Int, isFinal: Bool) async throws {
        let loss: Double
        do {
            loss = try await validator.loss(delta)
        } catch {
            try Task.checkCancellation()
            Terminal.note("murmur: the adapter was not measured on the validation part: \(error)")
            return
        }
        let isBest = record.withLock { $0.take(loss, at: round) }
        let finding = ValidationFinding(round: round, loss: loss, isBest: isBest, isFinal: isFinal)
        if isBest { keep(delta, finding) }
        listener.withLock { $0 }?(finding)
    }

    package func snapshot() async throws -> [UInt8] {
        let state = try await base.snapshot()
        return record.withLock { $0.encoded(before: state) }
    }

    package func restore(_ snapshot: [UInt8]) async throws {
        let (restored, state) = try ValidationRecord.decode(snapshot)
        try await base.restore(state)
        record.withLock { $0 = restored }
    }

    package func begin() async throws { try await base.begin() }

    package func end() async { await base.end() }
}
