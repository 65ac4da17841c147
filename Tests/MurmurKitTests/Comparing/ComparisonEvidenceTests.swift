import Basics
import Foundation
import InstructionTuning
import MurmurKit
import Observability
import Testing

@Suite struct RecordBootstrapTests {
    /// Of records of one token with losses of standard deviation s, the mean of n lies within 1.96 s / √n, 95 times of 100.
    @Test(arguments: 0..<10)
    func theIntervalIsThatOfTheMean(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let sums = (0..<400).map { _ in 2 + random.normal() }
        let mean = sums.reduce(0, +) / 400
        let interval = try #require(RecordBootstrap(tokens: sums.map { _ in 1 }, seed: 7).interval(of: sums))
        #expect(interval.contains(mean))
        #expect(abs((interval.upperBound - interval.lowerBound) / (2 * 1.96 / 20) - 1) < 0.15)
    }

    /// Long responses weigh more, as in the loss itself.
    @Test func tokensWeigh() throws {
        let interval = try #require(
            RecordBootstrap(tokens: Array(repeating: 4, count: 50), seed: 1).interval(
                of: Array(repeating: 8, count: 50)))
        #expect(interval == 2...2)
    }

    /// Two adapters that differ by the same everywhere: what single records are like cancels out.
    @Test func differencesArePaired() throws {
        var random = SeededGenerator(seed: 3)
        let one = (0..<100).map { _ in random.normal() * 100 }
        let bootstrap = RecordBootstrap(tokens: one.map { _ in 1 }, seed: 7)
        let gain = try #require(bootstrap.interval(of: zip(one, one.map { $0 - 0.5 }).map { $0 - $1 }))
        #expect(abs(gain.lowerBound - 0.5) < 1e-9 && abs(gain.upperBound - 0.5) < 1e-9)
    }

    @Test func thereIsNoneForTooLittle() {
        #expect(RecordBootstrap(tokens: [3], seed: 1).interval(of: [1]) == nil)
        #expect(RecordBootstrap(tokens: [3, 3], seed: 1).interval(of: [1, .nan]) == nil)
        #expect(RecordBootstrap(tokens: [0, 0], seed: 1).interval(of: [0, 0]) == nil)
        #expect(RecordBootstrap(tokens: [1, 1], seed: 1).interval(of: [1]) == nil)
    }
}

@Suite struct ComparisonEvidenceTests {
    private static func scores(_ loss: Double, answer: String?) -> [RecordScore] {
        (0..<6).map { index in
            RecordScore(
                category: "c\(index / 2)", negativeLogLikelihood: loss * Double(index + 1), tokens: index + 1,
                answer: index == 0 ? nil : answer)
        }
    }

    static let evidence = ComparisonEvidence(
        scores: .init(
            base: scores(4, answer: "base"), centralized: scores(1, answer: nil), fedavg: scores(1.5, answer: nil),
            alone: [scores(3, answer: "alone 0"), scores(2, answer: "alone 1")],
            gossip: [scores(1.5, answer: "together"), scores(2.5, answer: "together")]),
        records: (0..<6).map {
            InstructionRecord(
                instruction: "question \($0)", context: $0 == 2 ? "context" : "", response: "r\($0)",
                category: "c\($0 / 2)")
        },
        server: .init(losses: [], bytesPerRound: 8),
        partition: PartitionReport(
            try! DataPartition(
                peers: [.init(name: "a", records: [InstructionRecord(instruction: "i", response: "r", category: "c")])],
                heldOut: [])))

    /// Losses that are the same a token have intervals of no width; each peer has its own.
    @Test func intervalsAreOfTheirArms() {
        let intervals = Self.evidence.intervals(seed: 1)
        func lies(_ interval: ClosedRange<Double>?, _ value: Double) -> Bool {
            interval.map { abs($0.lowerBound - value) < 1e-9 && abs($0.upperBound - value) < 1e-9 } ?? false
        }
        #expect(lies(intervals.base, 4) && lies(intervals.alone, 2.5) && lies(intervals.gossip, 2))
        #expect(lies(intervals.gain, 0.5) && lies(intervals.behindServer, 0.5) && lies(intervals.centralized, 1))
        #expect(lies(intervals.peers[0], 1.5) && lies(intervals.peers[1], -0.5))
    }

    /// The first record of each category that has answers, whatever these are.
    @Test func samplesAreNotChosen() {
        let samples = Self.evidence.samples(peer: 1)
        #expect(samples.map(\.category) == ["c0", "c1", "c2"])
        #expect(samples.map(\.instruction) == ["question 1", "question 2\ncontext", "question 4"])
        #expect(samples[0].alone == "alone 1" && samples[0].base == "base" && samples[0].expected == "r1")
        #expect(Self.evidence.samples(peer: 2).isEmpty)
    }
}
