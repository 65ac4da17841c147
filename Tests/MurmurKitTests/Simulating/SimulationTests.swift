import Faults
import Foundation
import MurmurKit
import Recording
import Simulation
import SwarmFile
import TestSupport
import Testing

@Suite struct SimulationTests {
    @Test func replayingSaysWhatDiffersFromTheUsual() {
        var choices = SimulationChoices(topologyPath: "ring.yaml")
        #expect(choices.replay(7) == "murmur simulate ring.yaml --seed 7")
        choices.faultsPath = "f.yaml"
        choices.runsActors = true
        choices.runsBothTiers = true
        choices.hasCryptography = false
        choices.lastRound = 3
        choices.values = 128
        choices.trainer = .recorded(folder: "run")
        choices.trainingTime = 2.5
        choices.limit = 60
        choices.drawsFaults = true
        choices.drawsByzantine = true
        #expect(
            choices.replay(7)
                == "murmur simulate ring.yaml --faults f.yaml --draw-faults --draw-byzantine --seed 7 --actors "
                + "--both-tiers --crypto off --last-round 3 --values 128 --trainer run --training-time 2.5 --limit 60.0"
        )
        #expect(choices.duration == .milliseconds(2500))
    }

    @Test func drawnFaultsComeWithDrawnSurroundings() throws {
        let folder = try TemporaryFolder()
        let topology = try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
        var choices = SimulationChoices(topologyPath: "t")
        let plain = choices.scenario(topology, nil, nil, seed: 3)
        #expect(plain.faults == .none && plain.tier == .cores && plain.patience == nil)
        choices.drawsFaults = true
        choices.runsActors = true
        let drawn = choices.scenario(topology, nil, nil, seed: 3)
        #expect(drawn.faults == .drawn(seed: 3) && drawn.tier == .actors && drawn.patience != nil)
    }

    @Test func aRunThatIsEndedSaysHowFarItCame() async throws {
        let folder = try TemporaryFolder()
        let topology = try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
        var choices = SimulationChoices(topologyPath: "t")
        choices.lastRound = 1
        var swarm = try SimulatedSwarm(choices.scenario(topology, nil, nil, seed: 3))
        let report = try await swarm.runWithTrainers()
        let count = topology.peers.count
        let text = report.summary(isToy: true, lastRound: 1)
        #expect(text.contains("\(count) of \(count) peers reached round 1, where the run was ended"), "\(text)")
        #expect(text.contains("adapters of nobody") && !text.contains("0 of"), "\(text)")
    }

    @Test func oneSeedLeavesReportAndTrace() async throws {
        let folder = try TemporaryFolder()
        var choices = SimulationChoices(topologyPath: try SmallTopology.write(in: folder))
        choices.runsBothTiers = true
        let trace = folder.path("run.trace")
        try await SimulationRun(choices).runOne(
            seed: 5, outputs: .init(trace: trace, folder: folder.path("out"), json: false))
        #expect(FileManager.default.fileExists(atPath: folder.path("out/simulation.json")))
        #expect(TraceReader.isTrace(trace) && !TraceReader.isTrace(choices.topologyPath))
        let reader = try TraceReader(path: trace)
        var lines: [TraceLine] = []
        try reader.forEach(.init(peers: ["peer-0"], events: ["mixed", "finished"])) { line in
            lines.append(line)
            return true
        }
        #expect(lines.count > 2 && lines.allSatisfy { $0.subject == "peer-0" })
        #expect(lines.last?.json.contains("\"event\"") == true)
        var count = 0
        try reader.forEach(.init()) { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3, "reading ends when there is enough")
        try (lines[0].text + "\nnonsense\n").write(
            toFile: folder.path("bad.trace"), atomically: true, encoding: .utf8)
        let failure = #expect(throws: CommandFailure.self) {
            try TraceReader(path: folder.path("bad.trace")).forEach(.init()) { _ in true }
        }
        #expect(failure?.description.contains("bad.trace:2") == true)
        await #expect(throws: CommandFailure.self) {
            try await SimulationRun(choices).runOne(seed: 5, outputs: .init(trace: "/proc/none/trace"))
        }
    }

    @Test func aSweepFailsWhereACheckerObjects() async throws {
        let folder = try TemporaryFolder()
        var choices = SimulationChoices(topologyPath: try SmallTopology.write(in: folder))
        try await SimulationRun(choices).sweep(from: 1, count: 3, width: 2, untilViolation: false, json: true)
        choices.limit = 0.5
        let failure = await #expect(throws: CommandFailure.self) {
            try await SimulationRun(choices).sweep(from: 1, count: 3, width: 1, untilViolation: true, json: false)
        }
        #expect(failure?.description == "1 of 1 seeds violated a checker")
        await #expect(throws: CommandFailure.self) {
            try await SimulationRun(choices).runOne(seed: 1, outputs: .init())
        }
    }

    @Test func whatTheEngineReturnedIsPlayedBack() async throws {
        let folder = try TemporaryFolder()
        var choices = SimulationChoices(topologyPath: try SmallTopology.write(in: folder, rounds: 1))
        choices.trainer = .builtIn
        try await SimulationRun(choices, recordingPath: folder.path("rec")).runOne(
            seed: 2, outputs: .init(folder: folder.path("first"), json: true))
        choices.trainer = .recorded(folder: folder.path("rec"))
        try await SimulationRun(choices).runOne(seed: 2, outputs: .init(folder: folder.path("second"), json: true))
        func digest(_ name: String) throws -> String? {
            let data = try Data(contentsOf: folder.url.appendingPathComponent("\(name)/simulation.json"))
            return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["adapterDigest"] as? String
        }
        #expect(try digest("first") != nil)
        #expect(try digest("first") == (try digest("second")))
        choices.trainer = .recorded(folder: folder.path("none"))
        #expect(throws: (any Error).self) { try SimulationRun(choices) }
    }
}
