import Adapters
import Basics
import Foundation
import InstructionTuning
import LanguageModel
import LinearAlgebra
import SwarmFile
import Synchronization
import Testing

@Suite("Instruction tuner") struct InstructionTunerTests {
    private let lane = ComputeLane()

    private func start(_ bench: TuningWorkbench) -> AdapterDelta { AdapterDelta(zeroOf: bench.origin.schema) }

    @Test("Tuning lowers the loss of what it is tuned on")
    func learns() async throws {
        var rig = TuningRig()
        rig.settings.rounds = 12
        let bench = try rig.workbench()
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(24), lane: lane)
        let run = try await LocalTuning.run(tuner, rounds: 12, localSteps: 5)
        let first = try #require(run.curve.first?.loss)
        let last = try #require(run.curve.last?.loss)
        #expect(last < 0.6 * first, "\(first) to \(last)")
        #expect(run.delta.isFinite && run.delta.norm > 0)
        let evaluator = try bench.evaluator(
            records: TuningRig.records(12), lane: lane, options: .init(generates: false))
        let before = try await evaluator.evaluate(adapter: bench.origin.adapter(of: start(bench)))
        let after = try await evaluator.evaluate(adapter: bench.origin.adapter(of: run.delta))
        #expect(after.loss < 0.6 * before.loss)
    }

    @Test("Only the factors that are asked for are trained", arguments: [LoRAFactors.a, .b])
    func trainsWhatItIsAskedFor(factors: LoRAFactors) async throws {
        let bench = try TuningRig().workbench()
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        // Both factors have moments and gradients before.
        let begun = try await tuner.train(.init(round: 0, steps: 3, delta: start(bench))).delta
        let after = try await tuner.train(.init(round: 1, steps: 3, delta: begun, factors: factors)).delta
        let other: LoRAFactors = factors == .a ? .b : .a
        let schema = bench.origin.schema
        let (frozen, kept) = (after.restricted(to: schema.part(other)), begun.restricted(to: schema.part(other)))
        let distance = try #require(frozen).distance(to: try #require(kept))
        // Adding the seed adapter and taking it away again rounds.
        #expect(distance < 1e-6 * begun.norm)
        let trained = try #require(after.restricted(to: schema.part(factors)))
        #expect(trained.distance(to: try #require(begun.restricted(to: schema.part(factors)))) > 1e-3)
    }

    /// A residual that is zero changes no step of what is trained, clipping, decay and dropout included; and it does not
    /// move, also where it is not zero.
    @Test(arguments: [3, 12])
    func theResidualIsNotTrained(residualRank: Int) async throws {
        var rig = TuningRig()
        rig.settings.clipNorm = 0.5
        let narrow = try rig.workbench()
        rig.lora = rig.lora.widened(by: residualRank)
        let wide = try rig.workbench()
        #expect(wide.lora.rank == 4 + residualRank)
        let schema = wide.origin.schema
        let frozen = schema.frozenRanges(factors: .both, residualRank: residualRank)
        func train(_ bench: TuningWorkbench, from delta: AdapterDelta, residual: Int) async throws -> [TrainingOutcome]
        {
            let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
            var outcomes: [TrainingOutcome] = []
            for round in 0..<3 {
                let delta = outcomes.last?.delta ?? delta
                outcomes.append(
                    try await tuner.train(.init(round: round, steps: 5, delta: delta, residualRank: residual)))
            }
            return outcomes
        }
        /// The values of an adapter without those of the residual.
        func trained(_ delta: AdapterDelta) -> [Float] {
            var left = Array(delta.values)
            for range in frozen.reversed() { left.removeSubrange(range) }
            return left
        }
        let without = try await train(narrow, from: start(narrow), residual: 0)
        let with = try await train(wide, from: start(wide), residual: residualRank)
        for (one, other) in zip(without, with) {
            #expect(abs(one.loss - other.loss) < 1e-5 * one.loss && one.tokens == other.tokens)
            let distance = zip(one.delta.values, trained(other.delta)).reduce(0.0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            }.squareRoot()
            #expect(distance < 1e-3 * one.delta.norm, "\(distance) of \(one.delta.norm)")
            for range in frozen { #expect(other.delta.values[range].allSatisfy { $0 == 0 }) }
        }

        // With something in it the losses are others, and it is what it was to the last bit.
        var generator = SeededGenerator(seed: 8)
        var begin = start(wide)
        for range in frozen { for place in range { begin[place] = 0.3 * Float(generator.normal()) } }
        let after = try await train(wide, from: begin, residual: residualRank)
        #expect(abs(after[0].loss - with[0].loss) > 1e-3 * with[0].loss)
        let adapter = wide.origin.adapter(of: after[2].delta), first = wide.origin.adapter(of: begin)
        for range in frozen { #expect(adapter[range].map(\.bitPattern) == first[range].map(\.bitPattern)) }
        #expect(zip(trained(after[2].delta), trained(begin)).contains { $0 != $1 })
        // Who does not ask for it trains it.
        let moved = try await train(wide, from: begin, residual: 0)
        #expect(frozen.contains { range in range.contains { moved[0].delta[$0] != begin[$0] } })
    }

    /// The steps of one round as they are written down: the gradient of the loss, `μ (x − x₀)` added to it, clipping, AdamW.
    private func stepsByHand(
        _ rig: TuningRig, steps: Int, from delta: AdapterDelta, proximal: Double = 0, correction: [Float]? = nil
    ) throws -> (adapter: [Float], gradient: [Double]) {
        let bench = try rig.workbench()
        let records = EncodedRecords(TuningRig.records(10), with: bench.encoder)
        let engine = TrainingEngine(model: bench.model, lora: bench.lora, options: bench.options)
        let start = bench.origin.adapter(of: delta)
        var adapter = start
        var sampler = BatchSampler(
            count: records.sequences.count, batch: rig.settings.recordsPerStep, seed: rig.seed, stream: "a")
        var optimizer = AdamW(
            count: start.count,
            settings: .init(learningRate: rig.settings.learningRate, weightDecay: rig.settings.weightDecay))
        var mean = [Double](repeating: 0, count: start.count)
        for number in 0..<steps {
            let batch = sampler.next().map { records.sequences[$0] }
            var dropout = SeededGenerator(seed: rig.seed, label: "dropout/a", index: UInt64(number))
            var gradients = try engine.lossAndGradients(
                sequences: batch, adapter: adapter, dropoutSeed: dropout.next()
            ).gradients
            for index in gradients.indices { mean[index] += Double(gradients[index]) / Double(steps) }
            if let correction { for index in gradients.indices { gradients[index] += correction[index] } }
            for index in gradients.indices where proximal > 0 {
                gradients[index] += Float(proximal) * (adapter[index] - start[index])
            }
            let limit = rig.settings.clipNorm
            optimizer.settings.learningRate =
                rig.settings.learningRate
                * rig.settings.schedule.factor(
                    step: number, totalSteps: rig.settings.totalSteps, warmup: rig.settings.warmup)
            optimizer.update(
                &adapter, gradients: gradients,
                gradientScale: limit > 0 ? AdamW.clippingScale(gradients: gradients, limit: limit) : 1)
        }
        return (bench.origin.delta(of: adapter).values, mean)
    }

    @Test(
        "The proximal term is added to the gradient, to the last bit; zero changes no bit", arguments: [0, 0.5, 20.0])
    func proximal(weight: Double) async throws {
        let rig = TuningRig()
        let bench = try rig.workbench()
        let other = try bench.tuner(peer: "b", records: TuningRig.records(10), lane: lane)
        let begin = try await other.train(.init(round: 0, steps: 3, delta: start(bench))).delta
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        let after = try await tuner.train(.init(round: 0, steps: 6, delta: begin, proximal: weight)).delta
        let byHand = try stepsByHand(rig, steps: 6, from: begin, proximal: weight).adapter
        #expect(after.values.map(\.bitPattern) == byHand.map(\.bitPattern))
    }

    @Test("A correction is added to the gradient, to the last bit; zero changes no bit, and the mean gradient is told")
    func correction() async throws {
        let rig = TuningRig()
        let bench = try rig.workbench()
        let other = try bench.tuner(peer: "b", records: TuningRig.records(10), lane: lane)
        let begin = try await other.train(.init(round: 0, steps: 3, delta: start(bench))).delta
        var generator = SeededGenerator(seed: 5)
        for size in [0, 0.02] as [Float] {
            let correction = begin.map { _ in size * Float(generator.normal()) }
            let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
            var request = TrainingRequest(round: 0, steps: 6, delta: begin)
            request.correction = correction
            let outcome = try await tuner.train(request)
            let byHand = try stepsByHand(rig, steps: 6, from: begin, correction: correction.values)
            #expect(outcome.delta.values.map(\.bitPattern) == byHand.adapter.map(\.bitPattern))
            let gradient = try #require(outcome.gradient)
            #expect(zip(gradient.values, byHand.gradient).allSatisfy { abs(Double($0) - $1) <= 1e-6 * (1 + abs($1)) })
            #expect(gradient.norm > 1e-3)
            if size == 0 {
                let plain = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
                let without = try await plain.train(TrainingRequest(round: 0, steps: 6, delta: begin))
                #expect(without.delta == outcome.delta && without.gradient == nil)
            }
        }
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        var foreign = TrainingRequest(round: 0, steps: 1, delta: begin)
        foreign.correction = AdapterDelta(zeroOf: AdapterSchema(tensors: [.init(name: "a", rows: 1, columns: 1)]))
        let request = foreign
        await #expect(throws: TuningError.foreignDelta) { _ = try await tuner.train(request) }
    }

    @Test("What is added is the gradient of half the weight times the squared way, by finite differences")
    func proximalIsAGradient() throws {
        var generator = SeededGenerator(seed: 3)
        let count = 40
        let start = (0..<count).map { _ in Float(generator.normal()) }
        let adapter = (0..<count).map { _ in Float(generator.normal()) }
        let term = try #require(ProximalTerm(weight: 0.7, start: start))
        var added = [Float](repeating: 0, count: count)
        term.add(to: &added, at: adapter)
        func value(_ x: [Double]) -> Double {
            zip(x, start).reduce(0) { $0 + 0.35 * ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
        }
        for index in 0..<count {
            var (above, below) = (adapter.map(Double.init), adapter.map(Double.init))
            above[index] += 1e-4
            below[index] -= 1e-4
            let slope = (value(above) - value(below)) / 2e-4
            #expect(abs(slope - Double(added[index])) < 1e-5)
        }
        #expect(ProximalTerm(weight: 0, start: start) == nil)
    }

    @Test("The more a round is drawn back, the nearer it stays to where it began")
    func proximalHoldsBack() async throws {
        let bench = try TuningRig().workbench()
        var ways: [Double] = []
        for weight in [0.0, 1, 30] {
            let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
            var delta = start(bench)
            // Of the second round: the moments know the term, and the start is no longer zero.
            for round in 0..<2 {
                let begin = delta
                delta = try await tuner.train(.init(round: round, steps: 10, delta: begin, proximal: weight)).delta
                if round == 1 { ways.append(delta.distance(to: begin)) }
            }
        }
        #expect(ways[0] > 1.02 * ways[1] && ways[1] > 1.5 * ways[2], "\(ways)")
    }

    @Test("Stopped and resumed after any round is uninterrupted, to the last bit", arguments: [0, 2.0])
    func resume(proximal: Double) async throws {
        let bench = try TuningRig().workbench()
        let records = TuningRig.records(10)
        let steady = try bench.tuner(peer: "a", records: records, lane: lane)
        var delta = start(bench)
        var stopped: (delta: AdapterDelta, snapshot: [UInt8]) = (delta, try await steady.snapshot())
        for round in 0..<6 {
            let outcome = try await steady.train(.init(round: round, steps: 5, delta: delta, proximal: proximal))
            // A second process: a new trainer from the saved bytes.
            let resumed = try bench.tuner(peer: "a", records: records, lane: ComputeLane())
            try await resumed.restore(stopped.snapshot)
            let again = try await resumed.train(
                .init(round: round, steps: 5, delta: stopped.delta, proximal: proximal))
            #expect(again.delta.values.map(\.bitPattern) == outcome.delta.values.map(\.bitPattern), "round \(round)")
            #expect(again.loss == outcome.loss && again.tokens == outcome.tokens && again.records == 20)
            let snapshot = try await steady.snapshot()
            #expect(try await resumed.snapshot() == snapshot)
            delta = outcome.delta
            stopped = (delta, snapshot)
        }
    }

    @Test("Steps run on a thread of a lane, never on the executor that answers the network")
    func stepsStayOnTheLane() async throws {
        let bench = try TuningRig().workbench()
        let places = Mutex<[Bool]>([])
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(8), lane: lane, threads: 2) { _ in
            // Only what an executor runs belongs to a task.
            let isOutsideExecutors = withUnsafeCurrentTask { $0 == nil }
            places.withLock { $0.append(isOutsideExecutors) }
        }
        _ = try await tuner.train(.init(round: 0, steps: 3, delta: start(bench)))
        #expect(places.withLock { $0 } == [true, true, true])
        #expect(withUnsafeCurrentTask { $0 != nil })
    }

    @Test("Accumulated batches are one large batch")
    func accumulation() async throws {
        func values(batch: Int, accumulation: Int) async throws -> [Float] {
            var rig = TuningRig()
            rig.settings.batch = batch
            rig.settings.accumulation = accumulation
            let bench = try rig.workbench()
            let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
            let outcome = try await tuner.train(.init(round: 0, steps: 3, delta: start(bench)))
            #expect(outcome.records == 3 * batch * accumulation)
            return outcome.delta.values
        }
        let (large, parts, small) = try await (
            values(batch: 6, accumulation: 1), values(batch: 2, accumulation: 3), values(batch: 2, accumulation: 1)
        )
        #expect(large == parts && parts != small)
    }

    @Test("Targets that the model does not have are refused with those it has")
    func foreignTargets() throws {
        var rig = TuningRig()
        rig.lora.targets = [.queryKeyValue]
        let error = #expect(throws: TuningError.self) { try rig.workbench() }
        #expect(error?.description.contains("has no qkv_proj; it has q_proj") == true)
        rig.lora.targets = []
        rig.lora.modules = [try #require(ModuleName("layers.99.self_attn.q_proj"))]
        #expect(throws: TuningError.self) { try rig.workbench() }
        rig.lora.targets = Set(LoRAConfiguration.Target.allCases)
        rig.lora.modules = []
        #expect(try rig.workbench().origin.schema.tensors.count == 14 * TuningRig.model.configuration.layerCount)
    }

    @Test("Peers of one seed draw different batches and dropout, one peer always the same")
    func seeds() async throws {
        let bench = try TuningRig().workbench()
        func values(_ peer: String) async throws -> [Float] {
            let tuner = try bench.tuner(peer: peer, records: TuningRig.records(10), lane: lane)
            return try await tuner.train(.init(round: 0, steps: 3, delta: start(bench))).delta.values
        }
        let (one, again, other) = try await (values("a"), values("a"), values("b"))
        #expect(one == again)
        #expect(one != other)
    }

    @Test("Steps are reported with the learning rate of the whole run, rounds or not")
    func schedule() async throws {
        let steps = Mutex<[TuningStep]>([])
        let rig = TuningRig()
        let bench = try rig.workbench()
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane) { step in
            steps.withLock { $0.append(step) }
        }
        var delta = start(bench)
        for round in 0..<3 { delta = try await tuner.train(.init(round: round, steps: 5, delta: delta)).delta }
        let seen = steps.withLock { $0 }
        #expect(seen.map(\.step) == Array(0..<15))
        for step in seen {
            let factor = SwarmTopology.Tuning.Schedule.cosine.factor(step: step.step, totalSteps: 30, warmup: 3)
            #expect(step.learningRate == 5e-3 * factor)
            #expect(step.gradientNorm > 0 && step.tokens > 0)
        }
    }

    @Test("A loss that is no number ends the round with an error and leaves the trainer as it was")
    func notFinite() async throws {
        let bench = try TuningRig().workbench()
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        let before = try await tuner.snapshot()
        var broken = start(bench)
        broken[3] = .nan
        let error = await #expect(throws: TuningError.self) {
            _ = try await tuner.train(.init(round: 0, steps: 2, delta: broken))
        }
        #expect("\(try #require(error))".contains("not a finite number"))
        #expect(try await tuner.snapshot() == before)
    }

    @Test("Foreign deltas, settings and records are refused")
    func refused() async throws {
        var rig = TuningRig()
        let bench = try rig.workbench()
        let tuner = try bench.tuner(peer: "a", records: TuningRig.records(10), lane: lane)
        let foreign = AdapterDelta(zeroOf: AdapterSchema(tensors: [.init(name: "x", rows: 1, columns: 1)]))
        await #expect(throws: TuningError.foreignDelta) {
            _ = try await tuner.train(.init(round: 0, steps: 1, delta: foreign))
        }
        let long = InstructionRecord(instruction: String(repeating: "x", count: 100), response: "y")
        #expect(throws: TuningError.records(.noRecords(peer: "a", given: 1, cutoff: 48))) {
            _ = try bench.tuner(peer: "a", records: [long], lane: lane)
        }
        #expect(throws: TuningError.records(.foreignTokenizer(token: 233, vocabularySize: 128))) {
            _ = try bench.tuner(peer: "a", records: [.init(instruction: "é", response: "y")], lane: lane)
        }
        rig.settings.batch = 0
        #expect(throws: TuningError.self) { _ = try rig.workbench() }
        rig.settings = SwarmTopology.Tuning()
        rig.settings.template = "none"
        #expect(throws: PromptTemplateError.self) { _ = try rig.workbench() }
    }
}
