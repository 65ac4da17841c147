import Adapters
import Basics
import LanguageModel
import SwarmFile

extension InstructionTuner {
    /// Takes the steps of one round; on the lane.
    func steps(_ request: TrainingRequest, _ state: inout TunerState) throws -> TrainingOutcome {
        var adapter = origin.adapter(of: request.delta)
        var lossSum = 0.0
        var tokens = 0
        for _ in 0..<request.steps {
            let step = try step(&adapter, &state)
            lossSum += step.loss * Double(step.tokens)
            tokens += step.tokens
            listener?(step)
        }
        return TrainingOutcome(
            delta: origin.delta(of: adapter), loss: tokens == 0 ? 0 : lossSum / Double(tokens), tokens: tokens,
            records: request.steps * settings.recordsPerStep)
    }

    private func step(_ adapter: inout [Float], _ state: inout TunerState) throws -> TuningStep {
        let number = state.optimizer.step
        let rate =
            settings.learningRate
            * settings.schedule.factor(step: number, totalSteps: settings.totalSteps, warmup: settings.warmup)
        let batch = state.sampler.next().map { sequences[$0] }
        var dropout = SeededGenerator(seed: seed, label: "dropout/\(peer)", index: UInt64(number))
        let result = try engine.lossAndGradients(sequences: batch, adapter: adapter, dropoutSeed: dropout.next())
        let norm = result.gradients.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard result.lossSum.isFinite, norm.isFinite else {
            throw TuningError.notFinite(peer: peer, step: number, learningRate: rate)
        }
        let scale =
            settings.clipNorm > 0
            ? AdamW.clippingScale(gradients: result.gradients, limit: settings.clipNorm) : 1
        state.optimizer.settings.learningRate = rate
        state.optimizer.update(&adapter, gradients: result.gradients, gradientScale: scale)
        return TuningStep(
            step: number, loss: result.meanLoss, tokens: result.tokenCount, learningRate: rate, gradientNorm: norm)
    }
}
