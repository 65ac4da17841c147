package import Adapters
import Basics
package import InstructionTuning
import Synchronization

/// What of a peer's validation part is measured on.
package enum ValidationChoice: Sendable, Hashable {
    /// All of it.
    case whole
    /// `exchange.gain-records` of it, at even distances: what the gains are measured on, adapter after adapter.
    case gains
}

/// Measures adapters on a peer's validation part: records of its own that it does not train on.
package struct Validator: Sendable {
    /// How many records it measures on.
    package let records: Int
    /// The mean loss of an adapter, in nats per response token.
    package let loss: @Sendable (AdapterDelta) async throws -> Double
    private let summary: (@Sendable (AdapterDelta) async throws -> EvaluationSummary)?

    package init(records: Int, loss: @escaping @Sendable (AdapterDelta) async throws -> Double) {
        self.records = records
        self.loss = loss
        summary = nil
    }

    private init(records: Int, summary: @escaping @Sendable (AdapterDelta) async throws -> EvaluationSummary) {
        self.records = records
        self.summary = summary
        loss = { try await summary($0).loss }
    }

    /// One that tells of categories, too.
    package static func byCategory(
        records: Int, _ summary: @escaping @Sendable (AdapterDelta) async throws -> EvaluationSummary
    ) -> Validator {
        Validator(records: records, summary: summary)
    }

    /// The mean losses of several adapters, by category where that is known.
    package func losses(of adapters: [AdapterDelta]) async throws -> ProbedLosses {
        var probed = ProbedLosses(records: records, losses: [])
        for adapter in adapters {
            guard let summary else {
                probed.losses.append(try await loss(adapter))
                continue
            }
            let measured = try await summary(adapter)
            if probed.losses.isEmpty {
                probed.categories = measured.categories.map {
                    .init(name: $0.name, records: $0.summary.records, losses: [])
                }
            }
            probed.losses.append(measured.loss)
            // The same records every time, and so the same categories.
            for (index, category) in measured.categories.enumerated() {
                probed.categories[index].losses.append(category.summary.loss)
            }
        }
        return probed
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
    let validator: Validator
    private let own: Mutex<AdapterDelta?>
    private let keepsOwn: Bool
    private let keep: @Sendable (AdapterDelta, ValidationFinding) -> Void
    private let record = Mutex(ValidationRecord())
    private let listener = Mutex<(@Sendable (ValidationFinding) -> Void)?>(nil)

    /// - Parameters:
    ///   - keepsOwn: whether what the last local steps led to is kept in mind, and in snapshots.
    ///   - keep: called with each adapter that has less loss than all before it.
    package init(
        _ base: any AdapterTrainer, _ validator: Validator, keepsOwn: Bool = false,
        keep: @escaping @Sendable (AdapterDelta, ValidationFinding) -> Void
    ) {
        self.base = base
        self.validator = validator
        self.keepsOwn = keepsOwn
        own = Mutex(nil)
        self.keep = keep
    }

    package var schema: AdapterSchema { base.schema }
    package var sampleCount: Int { base.sampleCount }
    /// How the measurements went so far.
    package var findings: ValidationRecord { record.withLock { $0 } }
    /// How many records are measured on.
    package var records: Int { validator.records }
    /// What the last local steps led to, before mixing; nil where that is not kept in mind.
    package var ownAdapter: AdapterDelta? { own.withLock { $0 } }

    /// Tells `listener` of each measurement from now on.
    package func begin(_ listener: @escaping @Sendable (ValidationFinding) -> Void) {
        self.listener.withLock { $0 = listener }
    }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        try await measure(request.delta, round: request.round, isFinal: false)
        let outcome = try await base.train(request)
        if keepsOwn, outcome.delta.isFinite { own.withLock { $0 = outcome.delta } }
        return outcome
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
        let whole = keepsOwn ? OwnAdapter.encoded(ownAdapter, before: state) : state
        return record.withLock { $0.encoded(before: whole) }
    }

    package func restore(_ snapshot: [UInt8]) async throws {
        let (restored, whole) = try ValidationRecord.decode(snapshot)
        // Also where it is not kept in mind any more, or was not before: every peer decides that by itself.
        let (adapter, state) = try OwnAdapter.decode(whole, as: schema)
        try await base.restore(state)
        record.withLock { $0 = restored }
        if keepsOwn { own.withLock { $0 = adapter } }
    }

    package func begin() async throws { try await base.begin() }

    package func end() async { await base.end() }
}

/// A peer's own adapter in its trainer's snapshot.
enum OwnAdapter {
    private static let mark = Array("murmurow".utf8)

    /// The eight bytes `murmurow`, the number of values (8 bytes; 0 for none), the values (4 bytes each), then `state`.
    static func encoded(_ own: AdapterDelta?, before state: [UInt8]) -> [UInt8] {
        let values = own?.values ?? []
        var bytes = mark
        bytes.reserveCapacity(16 + 4 * values.count + state.count)
        bytes.append(integer: UInt64(values.count))
        bytes.append(floats: values[...])
        return bytes + state
    }

    /// What `encoded` wrote; nil and all of the bytes where there is no such thing.
    ///
    /// - Throws: `TuningError.badSnapshot` for an adapter of another length.
    static func decode(
        _ bytes: [UInt8], as schema: AdapterSchema
    ) throws(TuningError) -> (own: AdapterDelta?, state: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.bytes(count: mark.count) == mark else { return (nil, bytes) }
        guard let count = reader.integer(UInt64.self), count == 0 || count == UInt64(schema.count) else {
            throw .badSnapshot("its own adapter has another length")
        }
        guard let values = reader.floats(count: Int(count)) else { throw .badSnapshot("its own adapter is cut short") }
        guard let state = reader.bytes(count: reader.remaining) else { throw .badSnapshot("it is cut short") }
        return (values.isEmpty ? nil : AdapterDelta(schema: schema, values: values), state)
    }
}
