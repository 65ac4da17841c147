import Adapters
import Basics
import Faults
import Federation
import Recording
import Simulation
import Synchronization
import Testing

/// Others than the toy train: recordings are played back, and real work goes on beside the simulation.
@Suite struct TrainerTests {
    /// Quadratic trainers behind the waist of real ones: what they return comes later, from another thread.
    final class Elsewhere: SwarmTraining {
        let schema = AdapterSchema(tensors: [.init(name: "a", rows: 3, columns: 4)])
        let baseModelDigest = [UInt8](repeating: 3, count: 32)
        let sampleCounts: [Int]
        let recordings: Mutex<[[UInt8]]>

        init(count: Int) {
            sampleCounts = (0..<count).map { 10 + $0 }
            recordings = Mutex(Array(repeating: [], count: count))
        }

        func recording(of peer: Int) -> TrainingRecording {
            TrainingRecording(
                peer: "peer-\(peer)", sampleCount: sampleCounts[peer], baseModelDigest: baseModelDigest, schema: schema)
        }

        func trainer(of peer: Int) throws -> any AdapterTrainer {
            var generator = SeededGenerator(seed: 6, label: "target", index: UInt64(peer))
            let target = AdapterDelta(
                schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
            let base = QuadraticTrainer(target: target, sampleCount: sampleCounts[peer])
            return RecordingTrainer(base, now: nil) { [self] bytes in recordings.withLock { $0[peer] += bytes } }
        }

        func duration(of request: TrainingRequest, peer: Int) -> Duration { .milliseconds(700 + 100 * peer) }

        func losses(of finals: [AdapterDelta?]) async throws -> [Double?] { finals.map { $0?.norm } }
    }

    static func run(
        _ training: (any SwarmTraining)?, tier: SimulationScenario.Tier = .cores, faults: FaultSchedule = .none,
        count: Int = 5
    ) async throws -> SimulationReport {
        var scenario = SimulationScenario(
            topology: try SimulatedSwarmTests.topology("ring", count: count), faults: faults, seed: 8)
        scenario.training = training
        scenario.tier = tier
        scenario.patience = faults.healing + .seconds(60)
        var swarm = try SimulatedSwarm(scenario)
        return try await swarm.runWithTrainers()
    }

    @Test func trainingElsewhereChangesNothingFromRunToRun() async throws {
        let first = try await Self.run(Elsewhere(count: 5))
        #expect(first.violations.isEmpty, "\(first.violations)")
        #expect(first.everyoneFinished)
        #expect(first.peers.allSatisfy { ($0.loss ?? 0) > 0 })
        let second = try await Self.run(Elsewhere(count: 5))
        #expect(first == second)
        let actors = try await Self.run(Elsewhere(count: 5), tier: .actors)
        #expect(first == actors)
    }

    @Test func aCrashedPeersTrainerGoesOnFromItsSnapshot() async throws {
        var faults = FaultSchedule.none
        faults.healing = .seconds(20)
        faults.peers = [
            PeerFault(
                peers: .names(["peer-1"]), interval: .init(from: .milliseconds(2100)),
                kind: .crash(restart: .seconds(1), disk: .kept))
        ]
        let cores = try await Self.run(Elsewhere(count: 5), faults: faults)
        #expect(cores.violations.isEmpty && cores.everyoneFinished && cores.peers[1].starts == 2)
        let actors = try await Self.run(Elsewhere(count: 5), tier: .actors, faults: faults)
        #expect(cores == actors)
    }

    @Test func whoeverTrainsElsewhereIsWaitedFor() throws {
        var scenario = SimulationScenario(topology: try SimulatedSwarmTests.topology(count: 4), faults: .none, seed: 1)
        scenario.training = Elsewhere(count: 4)
        var swarm = try SimulatedSwarm(scenario)
        #expect(throws: SimulatedSwarm.TrainingIsElsewhere.self) { try swarm.run() }
    }

    /// What was recorded and is played back under the same conditions is the same run, to the last bit.
    @Test func aRecordingPlaysTheRunBack() async throws {
        let live = Elsewhere(count: 5)
        let first = try await Self.run(live)
        let recordings = try live.recordings.withLock(\.self).enumerated().map { peer, entries in
            try TrainingRecording(encoded: live.recording(of: peer).head + entries)
        }
        #expect(recordings.allSatisfy { $0.entries.map(\.round) == [0, 1, 2, 3] })
        // The durations were not recorded: all peers take the fallback, as one of them did.
        let played = try RecordedTraining(recordings, pace: nil, fallback: .milliseconds(900))
        let second = try await Self.run(played)
        #expect(first.adapterDigest == second.adapterDigest)
        #expect(second.everyoneFinished && second.violations.isEmpty)
        #expect(try await Self.run(played, tier: .actors) == second)
        // It holds no gradients, and does not pass over that they are asked for.
        var request = TrainingRequest(round: 0, steps: 1, delta: AdapterDelta(zeroOf: live.schema))
        request.correction = request.delta
        let asked = request
        let mismatch = await #expect(throws: RecordingMismatch.self) {
            _ = try await RecordedTrainer(recordings[0]).train(asked)
        }
        #expect(mismatch?.description.contains("exchange.tracking") == true)
    }

    @Test func aRoundThatWasNotRecordedGoesOnWithoutTraining() async throws {
        let live = Elsewhere(count: 3)
        _ = try await Self.run(live, count: 3)
        let recordings = try live.recordings.withLock(\.self).enumerated().map { peer, entries in
            var recording = try TrainingRecording(encoded: live.recording(of: peer).head + entries)
            recording.entries.removeAll { $0.round == 2 }
            return recording
        }
        let report = try await Self.run(
            RecordedTraining(recordings, pace: .seconds(1), fallback: .seconds(1)), count: 3)
        #expect(report.everyoneFinished && report.violations.isEmpty)
    }
}
