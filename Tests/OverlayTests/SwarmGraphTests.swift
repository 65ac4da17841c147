import Basics
import Overlay
import Testing

@Suite struct SwarmGraphTests {
    @Test func familiesHaveTheirDegreesAndDiameters() throws {
        #expect(SwarmGraph.ring(count: 8).diameter == 4)
        #expect(SwarmGraph.ring(count: 2).edges == [.init(0, 1)])
        #expect(SwarmGraph.complete(count: 5).edges.count == 10)
        #expect(SwarmGraph.complete(count: 5).diameter == 1)
        #expect(SwarmGraph.star(count: 6).degree(of: 0) == 5 && SwarmGraph.star(count: 6).diameter == 2)
        let torus = try SwarmGraph.torus(count: 16)
        #expect(torus.neighbours.allSatisfy { $0.count == 4 } && torus.diameter == 4)
        let cube = try SwarmGraph.hypercube(count: 16)
        #expect(cube.neighbours.allSatisfy { $0.count == 4 } && cube.diameter == 4)
        #expect(SwarmGraph.exponential(count: 8).neighbours[0] == [1, 2, 4, 6, 7])
        #expect(SwarmGraph.exponential(count: 8).diameter == 2)
    }

    @Test func impossibleFamiliesSayWhy() {
        #expect(throws: SwarmGraph.ImpossibleGraph.self) { try SwarmGraph.torus(count: 7) }
        #expect(throws: SwarmGraph.ImpossibleGraph.self) { try SwarmGraph.hypercube(count: 12) }
        var generator = SeededGenerator(seed: 1)
        #expect(throws: SwarmGraph.ImpossibleGraph.self) {
            try SwarmGraph.randomRegular(count: 5, degree: 3, using: &generator)
        }
    }

    @Test(arguments: [
        (4, 3), (10, 3), (16, 4), (9, 8), (50, 6), (12, 2), (40, 20), (41, 22), (60, 58), (300, 150), (300, 299),
    ])
    func randomRegularGraphsAreRegularConnectedAndSeeded(count: Int, degree: Int) throws {
        var one = SeededGenerator(seed: 5), other = SeededGenerator(seed: 5)
        let graph = try SwarmGraph.randomRegular(count: count, degree: degree, using: &one)
        #expect(graph.neighbours.allSatisfy { $0.count == degree })
        #expect(graph.isConnected)
        #expect(try SwarmGraph.randomRegular(count: count, degree: degree, using: &other) == graph)
    }

    @Test func cutPeersAreFound() {
        #expect(SwarmGraph.star(count: 5).cutPeers == [0])
        #expect(SwarmGraph.ring(count: 5).cutPeers.isEmpty)
        let path = SwarmGraph(count: 4, edges: [.init(0, 1), .init(1, 2), .init(2, 3)])
        #expect(path.cutPeers == [1, 2])
    }

    /// Against the definition: without such a peer the rest falls apart.
    @Test(arguments: 0..<40 as Range<UInt64>) func cutPeersAreThoseWithoutWhomTheRestFallsApart(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 3...24, using: &generator)
        // A tree, and some edges more.
        var edges = (1..<count).map { SwarmGraph.Edge($0, Int.random(in: 0..<$0, using: &generator)) }
        for _ in 0..<Int.random(in: 0...count, using: &generator) {
            let one = Int.random(in: 0..<count, using: &generator), other = Int.random(in: 0..<count, using: &generator)
            if one != other { edges.append(.init(one, other)) }
        }
        let expected = (0..<count).filter { removed in
            let rest = SwarmGraph(count: count, edges: edges.filter { $0.first != removed && $0.second != removed })
            return rest.unreachable(from: removed == 0 ? 1 : 0).count > 1
        }
        #expect(SwarmGraph(count: count, edges: edges).cutPeers == expected)
    }

    @Test func largeGraphsAreMeasuredToo() {
        #expect(SwarmGraph.ring(count: 100_000).diameter == 50_000)
        #expect(SwarmGraph.ring(count: 100_000).cutPeers.isEmpty)
        let path = SwarmGraph(count: 50_000, edges: (1..<50_000).map { SwarmGraph.Edge($0 - 1, $0) })
        #expect(path.diameter == 49_999)
        #expect(path.cutPeers == Array(1..<49_999))
        #expect(MixingMatrix(graph: .star(count: 50_000)).rows.map(\.count).max() == 50_000)
    }

    @Test func brokenGraphsAreNotConnected() {
        let graph = SwarmGraph(count: 4, edges: [.init(0, 1), .init(2, 3)])
        #expect(!graph.isConnected && graph.unreachable() == [2, 3] && graph.diameter == nil)
        #expect(TopologyAudit(graph: graph, matrix: MixingMatrix(graph: graph)).roundsToBound == nil)
    }

    @Test func withoutAMatrixNoRoundsArePromised() {
        let audit = TopologyAudit(graph: .ring(count: 8), matrix: nil)
        #expect(audit.roundsToBound == nil && audit.spectralGap == nil && audit.diameter == 4)
    }
}
