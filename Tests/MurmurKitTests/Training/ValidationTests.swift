import Adapters
import Foundation
import InstructionTuning
import LinearAlgebra
import MurmurKit
import Recording
import SwarmFile
import Synchronization
import TestSupport
import Testing

/// What is measured on a peer's validation part, and what is kept.
@Suite struct ValidationTests {
    @Test func theLeastLossIsTheBest() {
        var record = ValidationRecord()
        let losses: [Double] = [3, 2.5, 2.5, .nan, .infinity, 2.75, 2.25, 2.25]
        let areBest = losses.enumerated().map { record.take($1, at: $0) }
        #expect(areBest == [true, true, false, false, false, false, true, false])
        #expect(record.best == 2.25 && record.bestPlace == 6 && record.sinceBest == 1 && record.last == 2.25)
        var lost = ValidationRecord()
        #expect(!lost.take(.nan, at: 0) && lost.best == nil && lost.sinceBest == 1)
    }

    @Test func aRecordIsReadAsItWasWritten() throws {
        var record = ValidationRecord()
        for state in [[], [1, 2, 3]] as [[UInt8]] {
            let read = try ValidationRecord.decode(record.encoded(before: state))
            #expect(read.record == record && read.state == state)
            _ = record.take(2, at: 7)
            _ = record.take(3, at: 8)
        }
        let bytes = record.encoded(before: [])
        for length in 0..<bytes.count {
            #expect(throws: TuningError.self) { try ValidationRecord.decode(Array(bytes.prefix(length))) }
        }
        var foreign = bytes
        foreign[0] ^= 1
        let other = foreign
        #expect(throws: TuningError.self) { try ValidationRecord.decode(other) }
    }

    /// A toy that is drawn to a target beyond the adapter that is best by its own measure: the best lies in the midst.
    private static let schema = AdapterSchema(tensors: [.init(name: "toy", rows: 1, columns: 2)])

    private static func toy() -> QuadraticTrainer {
        QuadraticTrainer(target: AdapterDelta(schema: schema, values: [4, 4]), sampleCount: 10)
    }

    private static let validator = Validator(records: 5) { delta in
        delta.values.reduce(0) { $0 + Double(($1 - 2) * ($1 - 2)) }
    }

    @Test func theBestOfTheRoundsIsKeptAndTrainingGoesOn() async throws {
        let kept = Mutex<[(AdapterDelta, ValidationFinding)]>([])
        let told = Mutex<[ValidationFinding]>([])
        let trainer = ValidatingTrainer(Self.toy(), Self.validator) { delta, finding in
            kept.withLock { $0.append((delta, finding)) }
        }
        trainer.begin { finding in told.withLock { $0.append(finding) } }
        let alone = Self.toy()
        var (delta, without) = (AdapterDelta(zeroOf: Self.schema), AdapterDelta(zeroOf: Self.schema))
        var losses: [Double] = []
        var saved: [UInt8] = []
        for round in 0..<12 {
            losses.append(try await Self.validator.loss(delta))
            if round == 5 { saved = try await trainer.snapshot() }
            delta = try await trainer.train(TrainingRequest(round: round, steps: 2, delta: delta)).delta
            without = try await alone.train(TrainingRequest(round: round, steps: 2, delta: without)).delta
            #expect(delta == without, "measuring changes nothing")
        }
        losses.append(try await Self.validator.loss(delta))
        try await trainer.end(with: delta, round: 12)
        let least = try #require(losses.indices.min { losses[$0] < losses[$1] })
        #expect(least > 0 && least < 12, "the best must lie in the midst for this test: \(losses)")
        let (best, finding) = try #require(kept.withLock { $0 }.last)
        #expect(finding.round == least && finding.loss == losses[least])
        #expect(try await Self.validator.loss(best) == losses[least])
        #expect(trainer.findings.best == losses[least] && trainer.findings.bestPlace == least)
        #expect(trainer.findings.sinceBest == 12 - least && trainer.findings.last == losses[12])
        let all = told.withLock { $0 }
        #expect(all.map(\.loss) == losses && all.map(\.round) == Array(0...12))
        #expect(all.map(\.isFinal) == losses.indices.map { $0 == 12 })
        #expect(all.filter(\.isBest).map(\.round) == kept.withLock { $0.map { $0.1.round } })

        // A trainer that goes on from a checkpoint knows what was found before it.
        let second = ValidatingTrainer(Self.toy(), Self.validator) { _, _ in }
        try await second.restore(saved)
        let before = losses.prefix(5)
        #expect(second.findings.best == before.min() && second.findings.last == before.last)
        let bare = try await Self.toy().snapshot()
        await #expect(throws: TuningError.self) { try await second.restore(bare) }
        #expect(second.findings.best == before.min())
    }

    @Test func aRoundGoesOnWhereItCannotBeMeasured() async throws {
        let trainer = ValidatingTrainer(
            Self.toy(), Validator(records: 1) { _ in throw TuningError.badSettings("the disk is gone") }
        ) { _, _ in Issue.record("nothing was measured") }
        let outcome = try await trainer.train(
            TrainingRequest(round: 0, steps: 1, delta: AdapterDelta(zeroOf: Self.schema)))
        #expect(outcome.delta.values.allSatisfy { $0 > 0 } && trainer.findings == ValidationRecord())
    }

    /// Whoever trains, the same records measure, none of them is trained on, and the loss is that of an evaluator.
    @Test(.enabled(if: TrainerScript.isPossible)) func allTrainersMeasureTheSameRecords() async throws {
        let folder = try TemporaryFolder()
        var topology = try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
        topology.data.validation = 2
        let partition = try ModelComposition.partition(topology)
        let part = try #require(partition.part(of: "peer-1"))
        #expect(!part.validation.isEmpty && Set(part.validation).isDisjoint(with: part.records))
        let composition = try ModelComposition(topology)
        let builtIn = try BuiltInTrainers(composition, partition, placement: .shared)
        let tuner = try builtIn.trainer(of: "peer-1")
        let validator = try #require(try builtIn.validator(of: "peer-1", tuner))
        #expect(validator.records == part.validation.count && tuner.sampleCount == part.records.count)
        let zero = AdapterDelta(zeroOf: tuner.schema)
        let evaluator = try composition.workbench.evaluator(
            records: part.validation, lane: .shared(for: 0), options: .init(generates: false))
        let expected = try await evaluator.evaluate(adapter: composition.workbench.origin.values).loss
        #expect(try await validator.loss(zero) == expected)

        try folder.write(TrainerScript.text, to: "trainer.py")
        let commands = try CommandTrainers(
            topology, partition,
            SwarmTopology.TrainerCommand(["python3", folder.path("trainer.py"), "good", "", folder.path("pid")]),
            threads: 1, folder: folder.path("run"))
        let other = try commands.trainer(of: "peer-1")
        let measured = try #require(try commands.validator(of: "peer-1", other))
        #expect(measured.records == validator.records)
        // The script answers with a loss of its own, and with the tokens of the file it was given: these are checked.
        #expect(try await measured.loss(zero).isFinite)
        await other.end()
        topology.data.validation = 0
        let plain = try BuiltInTrainers(
            composition, try ModelComposition.partition(topology), placement: .shared)
        #expect(try plain.validator(of: "peer-1", tuner) == nil)
    }
}
