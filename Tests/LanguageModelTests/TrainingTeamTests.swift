import Adapters
import LanguageModel
import LinearAlgebra
import Testing

@Suite struct TrainingTeamTests {
    @Test(arguments: [1, 2, 3, 7]) func lanesShareOneBatch(count: Int) async throws {
        let model = GradientTests.model(GradientTests.Scenario(name: "team"))
        let lora = LoRAConfiguration(rank: 2, alpha: 4, targets: [.query, .value, .down])
        let lanes = (0..<count).map { _ in ComputeLane() }
        let team = TrainingTeam(model: model, lora: lora, lanes: lanes, passTokens: 32)
        let engine = TrainingEngine(model: model, lora: lora)
        let sequences = GradientTests.sequences(seed: 31, lengths: [9, 4, 16, 2, 11])
        let adapter = GradientTests.adapter(engine.schema, seed: 5)
        let together = try await team.lossAndGradients(sequences: sequences, adapter: adapter)
        let alone = try engine.lossAndGradients(sequences: sequences, adapter: adapter)
        #expect(together.tokenCount == alone.tokenCount)
        #expect(abs(together.lossSum - alone.lossSum) < 1e-4)
        let norm = alone.gradients.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for (a, b) in zip(together.gradients, alone.gradients) { #expect(abs(a - b) < 1e-5 * norm) }
        let again = try await team.lossAndGradients(sequences: sequences, adapter: adapter)
        #expect(again.gradients == together.gradients)
        let evaluated = try await team.evaluate(sequences: sequences, adapter: adapter)
        #expect(evaluated.map(\.tokenCount) == sequences.map(\.targetCount))
        #expect(try await team.evaluate(sequences: [], adapter: adapter).isEmpty)
    }
}
