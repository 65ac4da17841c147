import MurmurKit
import Overlay
import SwarmFile
import TestSupport
import Testing

/// What `murmur topology audit --measure` finds is what mathematics promises.
@Suite struct MixingTrialTests {
    private func outcome(
        graph: String, peers: Int, mixing: String, _ conditions: MixingTrial.Conditions = .init()
    ) throws -> MixingTrial.Outcome {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            murmuration: 1
            swarm: { name: trial, seed: 7 }
            model: { base: builtin:fledgling }
            tuning: { template: terse }
            data: { source: builtin:chores }
            exchange: { mixing: \(mixing), weights: uniform }
            graph: { kind: \(graph) }
            peers: { count: \(peers) }
            """, to: "trial.yaml")
        var trial = try MixingTrial(SwarmComposition.load(folder.path("trial.yaml")).topology, conditions)
        return trial.run()
    }

    @Test(arguments: [("ring", 8), ("torus", 16), ("hypercube", 16), ("exponential", 16)])
    func metropolisShrinksAsItsMatrixSays(graph: String, peers: Int) throws {
        let outcome = try outcome(graph: graph, peers: peers, mixing: "metropolis")
        let (measured, predicted) = (try #require(outcome.contraction), try #require(outcome.predicted))
        #expect(abs(measured / predicted - 1) < 0.05)
        #expect(outcome.bias < 1e-5)
        #expect(outcome.massBias == nil)
        #expect(try #require(outcome.roundsToBound) > 1)
    }

    @Test(arguments: [4, 8, 16]) func onePeerARoundReachesTheMeanInOnePeriod(peers: Int) throws {
        let outcome = try outcome(graph: "exponential", peers: peers, mixing: "one-peer-exponential")
        #expect(outcome.roundsToBound == peers.trailingZeroBitCount)
        #expect(outcome.predicted == 0)
        #expect(outcome.sharesPerRound == 1)
        #expect(outcome.bias < 1e-6)
    }

    @Test(arguments: [5, 6, 12, 16]) func baseTwoReachesTheMeanOfAnyNumberInOnePeriod(peers: Int) throws {
        let outcome = try outcome(graph: "base-2", peers: peers, mixing: "one-peer-base-2")
        #expect(try #require(outcome.roundsToBound) <= BaseTwoTurns(count: peers, place: 0).period)
        #expect(try #require(outcome.predicted) < 1e-9)
        #expect(outcome.sharesPerRound <= 1)
        #expect(outcome.bias < 1e-6)
    }

    @Test(arguments: [0.05, 0.5]) func onlyPushSumKeepsTheMeanUnderLoss(loss: Double) throws {
        var conditions = MixingTrial.Conditions()
        conditions.loss = loss
        conditions.seed = 3
        let pushSum = try outcome(graph: "exponential", peers: 16, mixing: "push-sum", conditions)
        #expect(try #require(pushSum.massBias) < 1e-12)
        #expect(pushSum.bias < 1e-4)
        let onePeer = try outcome(graph: "exponential", peers: 16, mixing: "one-peer-exponential", conditions)
        #expect(try #require(onePeer.massBias) < 1e-12)
        #expect(onePeer.bias < 1e-4)
        for mixing in ["metropolis", "pairwise"] {
            let other = try outcome(graph: "exponential", peers: 16, mixing: mixing, conditions)
            #expect(other.bias > 100 * pushSum.bias)
        }
    }

    /// A peer that misses a round is missed by all: then the mean of the others' rules stays too.
    @Test(arguments: ["metropolis", "pairwise", "push-sum", "one-peer-exponential"])
    func missedRoundsCostTimeAlone(mixing: String) throws {
        var conditions = MixingTrial.Conditions()
        conditions.missed = 0.1
        let outcome = try outcome(graph: "exponential", peers: 12, mixing: mixing, conditions)
        #expect(outcome.bias < 1e-4)
        #expect(outcome.roundsToBound != nil)
        let sendsOne = ["pairwise", "one-peer-exponential"].contains(mixing)
        #expect(sendsOne ? outcome.sharesPerRound <= 1 : outcome.sharesPerRound > 3)
    }

    /// One seed, one outcome.
    @Test func aTrialRepeatsItself() throws {
        var conditions = MixingTrial.Conditions()
        (conditions.loss, conditions.rounds) = (0.3, 40)
        let first = try outcome(graph: "ring", peers: 6, mixing: "push-sum", conditions)
        let second = try outcome(graph: "ring", peers: 6, mixing: "push-sum", conditions)
        #expect(first.bias == second.bias)
        #expect(first.contraction == second.contraction)
    }
}
