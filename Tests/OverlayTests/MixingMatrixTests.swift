import Foundation
import Overlay
import Testing

extension MixingMatrix {
    /// Xiao and Boyd's matrix: each end of an edge takes one part of as many as the larger degree and one.
    init(graph: SwarmGraph) {
        self.init(graph: graph, stationary: Array(repeating: 1, count: graph.count)) { peer, other in
            1 / Double(max(graph.degree(of: peer), graph.degree(of: other)) + 1)
        }
    }
}

@Suite struct MixingMatrixTests {
    @Test(arguments: [3, 4, 5, 8, 17]) func ringsHaveTheirKnownSpectrum(count: Int) {
        let expected = (0..<count).map { (1 + 2 * cos(2 * Double.pi * Double($0) / Double(count))) / 3 }.sorted(by: >)
        let values = MixingMatrix(graph: .ring(count: count)).eigenvalues
        for (value, other) in zip(values, expected) { #expect(abs(value - other) < 1e-12) }
    }

    @Test func closedForms() {
        #expect(MixingMatrix(graph: .complete(count: 6)).secondEigenvalueModulus < 1e-12)
        #expect(MixingMatrix(graph: .complete(count: 6)).rounds(to: 1e-3) == 1)
        // Beyond the sizes whose eigenvalues are all computed.
        #expect(MixingMatrix(graph: .complete(count: 256)).rounds(to: 1e-3) == 1)
        #expect(abs(MixingMatrix(graph: .star(count: 10)).spectralGap - 0.1) < 1e-12)
    }

    @Test func largeSwarmsAreEstimatedAsSmallOnesAreSolved() {
        let ring = MixingMatrix(graph: .exponential(count: 256))
        let exact = ring.eigenvalues
        let modulus = max(abs(exact[1]), abs(exact[255]))
        #expect(abs(ring.secondEigenvalueModulus - modulus) < 1e-6)
    }
}
