import Basics
import LanguageModel
import Testing

@Suite struct TokenSamplerTests {
    private func counts(_ options: GenerationOptions, logits: [Float]) -> [Int] {
        var generator = SeededGenerator(seed: 8)
        let sampler = TokenSampler(options: options)
        var result = [Int](repeating: 0, count: logits.count)
        for _ in 0..<10_000 { result[Int(sampler.choose(logits, using: &generator))] += 1 }
        return result
    }

    private func options(temperature: Double, topK: Int = 0, topP: Double = 1) -> GenerationOptions {
        GenerationOptions(
            maximumTokens: 1, stopTokens: [], temperature: temperature, topK: topK, topP: topP)
    }

    // The logarithms of 0.1, 0.4, 0.2 and 0.3.
    private let logits: [Float] = [-2.302585, -0.916291, -1.609438, -1.203973]

    @Test func zeroTemperatureTakesTheLikeliest() {
        #expect(counts(options(temperature: 0), logits: logits) == [0, 10_000, 0, 0])
    }

    @Test func temperatureOneSamplesTheProbabilities() {
        let found = counts(options(temperature: 1), logits: logits)
        for (count, expected) in zip(found, [1000.0, 4000, 2000, 3000]) { #expect(abs(Double(count) - expected) < 300) }
    }

    @Test func limitsCutTheTail() {
        let byCount = counts(options(temperature: 1, topK: 2), logits: logits)
        #expect(byCount[0] == 0 && byCount[2] == 0 && abs(byCount[1] - 5714) < 300)
        let byMass = counts(options(temperature: 1, topP: 0.65), logits: logits)
        #expect(byMass[0] == 0 && byMass[2] == 0 && byMass[3] > 0)
        #expect(counts(options(temperature: 1, topP: 0.35), logits: logits)[1] == 10_000)
    }
}
