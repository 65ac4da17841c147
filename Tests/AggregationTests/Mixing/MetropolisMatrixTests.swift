import Aggregation
import Basics
import Foundation
import Overlay
import Testing

/// The matrix that Metropolis–Hastings weights make of a graph.
@Suite struct MetropolisMatrixTests {
    /// Rounds to 1e-3 by worst case, from a simulation that shares no code with this one.
    @Test(arguments: [
        ("ring", 8, 32), ("ring", 16, 133), ("ring", 32, 536), ("star", 8, 52), ("star", 16, 108), ("torus", 16, 14),
        ("torus", 64, 56),
    ]) func predictedRoundsAgreeWithSimulatedOnes(kind: String, count: Int, rounds: Int) throws {
        let graph =
            switch kind {
            case "ring": SwarmGraph.ring(count: count)
            case "star": SwarmGraph.star(count: count)
            default: try SwarmGraph.torus(count: count)
            }
        let matrix = MetropolisMixing().matrix(of: graph, sampleCounts: Array(repeating: 7, count: count))
        let predicted = try #require(TopologyAudit(graph: graph, matrix: matrix, bound: 1e-3).roundsToBound)
        #expect(abs(predicted - rounds) <= 1)
    }

    @Test(arguments: 0..<8 as Range<UInt64>) func weightsAreStochasticAndReversible(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let graph = try SwarmGraph.randomRegular(count: 12, degree: 3, using: &generator)
        let counts = (0..<12).map { _ in Int.random(in: 1...5000, using: &generator) }
        let matrix = try #require(MetropolisMixing().matrix(of: graph, sampleCounts: counts))
        for row in 0..<12 {
            #expect(abs((0..<12).reduce(0.0) { $0 + matrix[row, $1] } - 1) < 1e-14)
            #expect(matrix[row, row] > 0)
            for column in 0..<12 {
                let there = matrix.stationary[row] * matrix[row, column]
                let back = matrix.stationary[column] * matrix[column, row]
                #expect(abs(there - back) < 1e-16)
            }
        }
        let values = matrix.eigenvalues
        #expect(abs(values[0] - 1) < 1e-12 && values[1] < 1 && values[11] > -1)
        #expect(abs(values.reduce(0, +) - (0..<12).reduce(0.0) { $0 + matrix[$1, $1] }) < 1e-11)
    }

    @Test(arguments: 0..<6 as Range<UInt64>) func contractionStaysWithinThePrediction(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let graph = try SwarmGraph.randomRegular(count: 10, degree: 4, using: &generator)
        let counts = (0..<10).map { _ in Int.random(in: 1...50, using: &generator) }
        let matrix = try #require(MetropolisMixing().matrix(of: graph, sampleCounts: counts))
        let start = (0..<10).map { _ in generator.normal() }
        let mean = zip(start, matrix.stationary).reduce(0) { $0 + $1.0 * $1.1 }
        func distance(_ x: [Double]) -> Double {
            zip(x, matrix.stationary).reduce(0.0) { $0 + $1.1 * ($1.0 - mean) * ($1.0 - mean) }.squareRoot()
        }
        var x = start
        for round in 1...40 {
            x = (0..<10).map { row in (0..<10).reduce(0.0) { $0 + matrix[row, $1] * x[$1] } }
            let bound = pow(matrix.secondEigenvalueModulus, Double(round)) * distance(start)
            #expect(distance(x) <= bound * (1 + 1e-9) + 1e-13)
        }
    }

    @Test func theRuleMixesAsItsMatrixSays() throws {
        let graph = SwarmGraph(count: 4, edges: [.init(0, 1), .init(0, 2), .init(0, 3), .init(2, 3)])
        let counts = [10, 300, 40, 7]
        let matrix = try #require(MetropolisMixing().matrix(of: graph, sampleCounts: counts))
        for (peer, other) in [(0, 1), (1, 0), (2, 3), (0, 3)] {
            let weight = MetropolisMixing.weight(
                count: counts[peer], degree: graph.degree(of: peer), otherCount: counts[other],
                otherDegree: graph.degree(of: other))
            #expect(matrix[peer, other] == weight)
        }
        #expect(matrix[1, 2] == 0)
    }
}
