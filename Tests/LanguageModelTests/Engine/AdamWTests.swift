import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

@Suite struct AdamWTests {
    /// Five steps of torch.optim.AdamW, written by scripts/make-fixtures.
    @Test func stepsAgreeWithPyTorch() throws {
        let path = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/adamw.json").path
        let json = try JSONValue.parse(try ReadableFile.contents(of: path))
        func row(_ value: JSONValue) -> [Float] { (value.array ?? []).compactMap(\.double).map(Float.init) }
        var parameters = row(try #require(json["start"]))
        let gradients = try #require(json["gradients"]?.array).map(row)
        let expected = try #require(json["parameters"]?.array).map(row)
        var optimiser = AdamW(
            count: parameters.count,
            settings: .init(learningRate: 0.05, beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1))
        for (gradient, after) in zip(gradients, expected) {
            // A saved and restored optimiser goes on exactly as the original.
            optimiser = try #require(
                AdamW(
                    settings: optimiser.settings, step: optimiser.step, first: optimiser.first,
                    second: optimiser.second))
            optimiser.update(&parameters, gradients: gradient)
            for (found, wanted) in zip(parameters, after) { #expect(abs(found - wanted) < 2e-6) }
        }
        #expect(optimiser.step == 5)
    }

    /// What is frozen stays with its moments, and the rest moves as if it were alone.
    @Test func whatIsFrozenStays() {
        let settings = AdamW.Settings(learningRate: 0.05, weightDecay: 0.1)
        var whole = AdamW(count: 6, settings: settings)
        var parameters: [Float] = [1, 2, 3, 4, 5, 6]
        whole.update(&parameters, gradients: [1, 1, 1, 1, 1, 1])
        let (before, first, second) = (parameters, whole.first, whole.second)
        var free = whole
        var moved = parameters
        free.update(&moved, gradients: [1, -2, 3, -4, 5, -6])
        whole.update(&parameters, gradients: [1, -2, 3, -4, 5, -6], frozen: [0..<2, 4..<5])
        for place in 0..<6 {
            let isFrozen = [0, 1, 4].contains(place)
            #expect(parameters[place] == (isFrozen ? before : moved)[place])
            #expect(whole.first[place] == (isFrozen ? first : free.first)[place])
            #expect(whole.second[place] == (isFrozen ? second : free.second)[place])
        }
        #expect(whole.step == 2)
    }

    @Test func badStateIsRefused() {
        let settings = AdamW.Settings(learningRate: 1)
        #expect(AdamW(settings: settings, step: 0, first: [0], second: []) == nil)
        #expect(AdamW(settings: settings, step: -1, first: [0], second: [0]) == nil)
        #expect(AdamW(settings: settings, step: 1, first: [.nan], second: [0]) == nil)
        #expect(AdamW(settings: settings, step: 1, first: [0], second: [-1]) == nil)
    }

    @Test func clippingHoldsTheNorm() {
        #expect(AdamW.clippingScale(gradients: [3, 4], limit: 10) == 1)
        #expect(abs(AdamW.clippingScale(gradients: [3, 4], limit: 1) - 0.2) < 1e-6)
    }
}
