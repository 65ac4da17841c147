import Basics
import Testing

@Suite struct SeededGeneratorTests {
    @Test func oneSeedReplays() {
        var first = SeededGenerator(seed: 7)
        var second = SeededGenerator(seed: 7)
        for _ in 0..<100 { #expect(first.next() == second.next()) }
    }

    @Test func labelsAndIndicesSeparateStreams() {
        var heads: Set<UInt64> = []
        for label in ["partition", "adapter", "batches"] {
            for index in UInt64(0)..<10 {
                var generator = SeededGenerator(seed: 7, label: label, index: index)
                heads.insert(generator.next())
            }
        }
        #expect(heads.count == 30)
    }

    @Test(arguments: [0.1, 0.5, 1.0, 5.0]) func gammaHasItsMean(shape: Double) {
        var generator = SeededGenerator(seed: 3)
        let count = 20_000
        let mean = (0..<count).reduce(0.0) { sum, _ in sum + generator.gamma(shape: shape) } / Double(count)
        // The standard error of the mean is sqrt(shape / count); six of them.
        #expect(abs(mean - shape) < 6 * (shape / Double(count)).squareRoot())
    }

    @Test(arguments: [0.01, 0.5, 10.0]) func dirichletSumsToOne(alpha: Double) {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<100 {
            let parts = generator.dirichlet(count: 8, alpha: alpha)
            #expect(abs(parts.reduce(0, +) - 1) < 1e-9)
            #expect(parts.allSatisfy { $0 >= 0 })
        }
    }
}
