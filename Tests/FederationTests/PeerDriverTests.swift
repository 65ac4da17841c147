import Adapters
import Basics
import Federation
import SwarmFile
import Testing
import Wire

/// The order in which a peer's process does things.
@Suite struct PeerDriverTests {
    /// Epochs over a peer's own records are its own number of steps.
    @Test func localEpochsFollowThePeersRecords() throws {
        let swarm = try VirtualSwarm(graph: "ring", count: 3, rounds: 2)
        var topology = swarm.topology
        (topology.tuning.localEpochs, topology.tuning.batch) = (2, 8)
        let graph = try topology.swarmGraph()
        let configurations = try PeerConfiguration.all(
            topology: topology, graph: graph, schema: swarm.schema, baseModelDigest: [UInt8](repeating: 7, count: 32),
            sampleCounts: [3, 16, 41])
        #expect(configurations.map(\.localSteps) == [1, 4, 11])
    }

    /// A driver for peer 0 of a ring of three that nobody answers.
    struct Rig {
        var driver: PeerDriver
        var generator = SeededGenerator(seed: 2)
        var time = MonotonicTime(nanoseconds: 1_000_000_000)

        init(stored: StoredState? = StoredState(), rounds: Int = 1) throws {
            let swarm = try VirtualSwarm(graph: "ring", count: 3, rounds: rounds)
            var configuration = try PeerConfiguration(
                topology: swarm.topology, index: 0, schema: swarm.schema,
                baseModelDigest: [UInt8](repeating: 7, count: 32), sampleCount: 10)
            configuration.startupPatience = .zero
            driver = try PeerDriver(
                configuration: configuration, local: LocalPeer(swarm.members[0].keys), swarm: swarm.secret,
                stored: stored, wallClock: 5, at: time)
        }

        mutating func effects() -> [PeerEffect] {
            var effects: [PeerEffect] = []
            while let effect = driver.nextEffect(at: time, using: &generator) { effects.append(effect) }
            return effects
        }

        mutating func finishTraining(_ request: TrainingRequest) {
            let outcome = TrainingOutcome(delta: request.delta, loss: 1, tokens: 1, records: 1)
            driver.trainingFinished(outcome, snapshot: [1], at: time, using: &generator)
        }
    }

    private static func request(_ effects: [PeerEffect]) -> TrainingRequest? {
        effects.lazy.compactMap { if case .train(let request) = $0 { request } else { nil } }.first
    }

    private static func rank(_ effect: PeerEffect) -> Int {
        switch effect {
        case .send: 0
        case .report, .train, .audit: 1
        case .deliver: 2
        case .write, .remember: 3
        case .stop: 4
        case .wake: 5
        }
    }

    @Test func datagramsComeFirstAndTheAlarmLast() throws {
        var rig = try Rig()
        rig.driver.start(at: rig.time, using: &rig.generator)
        let effects = rig.effects()
        #expect(effects.map(Self.rank) == effects.map(Self.rank).sorted())
        guard case .send? = effects.first, case .wake(let first)? = effects.last else {
            Issue.record("\(effects)")
            return
        }
        #expect(Self.request(effects) != nil)
        #expect(first > rig.time)
        // Nothing has changed: it was asked for, and is not asked for again.
        #expect(rig.effects().isEmpty)
        rig.time = first
        rig.driver.wake(at: first, using: &rig.generator)
        guard case .wake(let second)? = rig.effects().last else {
            Issue.record("no second alarm")
            return
        }
        #expect(second > first)
    }

    @Test func theTimeOfLocalStepsIsTaken() throws {
        var rig = try Rig()
        rig.driver.start(at: rig.time, using: &rig.generator)
        let request = try #require(Self.request(rig.effects()))
        rig.time = rig.time + .seconds(3)
        rig.finishTraining(request)
        let durations = rig.effects().compactMap { effect -> Duration? in
            guard case .report(let event) = effect, case .trained(_, _, _, _, let duration) = event.kind else {
                return nil
            }
            return duration
        }
        #expect(durations == [.seconds(3)])
    }

    /// Alone and without patience the peer goes through its rounds at once; what it wants written meanwhile waits, and the
    /// newest is what is written next.
    @Test func oneFileIsWrittenAtATimeAndTheNewestNext() throws {
        var rig = try Rig(rounds: 9)
        rig.driver.start(at: rig.time, using: &rig.generator)
        var written: [Int] = []
        var waiting = rig.effects()
        var files = 0
        for _ in 0..<3 {
            rig.finishTraining(try #require(Self.request(waiting)))
            rig.time = rig.time + .seconds(60)
            rig.driver.wake(at: rig.time, using: &rig.generator)
            waiting = rig.effects()
            for case .write(let checkpoint) in waiting { written.append(checkpoint.round) }
            files += waiting.count { Self.rank($0) == 3 }
        }
        #expect(written == [1] && files == 1 && rig.driver.isWriting)
        rig.driver.written(failure: nil, at: rig.time)
        for case .write(let checkpoint) in rig.effects() { written.append(checkpoint.round) }
        #expect(written.count == 2 && written[1] >= 3)
        rig.driver.leave(at: rig.time, using: &rig.generator)
        let last = rig.effects()
        guard case .stop(.left)? = last.last else {
            Issue.record("\(last)")
            return
        }
        #expect(!rig.driver.isDone)
        rig.driver.written(failure: "full", at: rig.time)
        let told = rig.effects().contains { effect in
            guard case .report(let event) = effect, case .checkpointFailed = event.kind else { return false }
            return true
        }
        #expect(told && rig.driver.isDone)
    }

    /// Whoever is told of a finish may leave: who crashed before the final adapter is on the disk would come back to nobody.
    @Test(arguments: [nil, "full"] as [String?]) func theFinishIsToldOnceItIsKept(failure: String?) throws {
        var rig = try Rig()
        rig.driver.start(at: rig.time, using: &rig.generator)
        rig.finishTraining(try #require(Self.request(rig.effects())))
        func isFinish(_ effect: PeerEffect) -> Bool {
            switch effect {
            case .report(let event): if case .finished = event.kind { true } else { false }
            case .deliver: true
            default: false
            }
        }
        // Alone: the training round's checkpoint, settling, then the final one's.
        var final: PeerCheckpoint?
        for _ in 0..<20 where final == nil {
            rig.time = rig.time + .seconds(60)
            rig.driver.wake(at: rig.time, using: &rig.generator)
            let effects = rig.effects()
            #expect(!effects.contains(where: isFinish))
            for case .write(let checkpoint) in effects {
                if checkpoint.isFinished { final = checkpoint } else { rig.driver.written(failure: nil, at: rig.time) }
            }
        }
        #expect(final != nil && !rig.driver.core.isFinished)
        rig.time = rig.time + .seconds(5)
        rig.driver.wake(at: rig.time, using: &rig.generator)
        #expect(!rig.effects().contains(where: isFinish))
        rig.driver.written(failure: failure, at: rig.time)
        let told = rig.effects()
        #expect(told.count(where: isFinish) == 2 && rig.driver.core.isFinished)
        guard case .wake(let moment)? = told.last else {
            Issue.record("what it has to say does not wait for another reason to wake: \(told)")
            return
        }
        #expect(moment == rig.time)
    }

    @Test func withoutADiskNothingIsWritten() throws {
        var rig = try Rig(stored: nil)
        rig.driver.start(at: rig.time, using: &rig.generator)
        rig.finishTraining(try #require(Self.request(rig.effects())))
        rig.time = rig.time + .seconds(60)
        rig.driver.wake(at: rig.time, using: &rig.generator)
        #expect(!rig.effects().contains { Self.rank($0) == 3 })
        #expect(!rig.driver.isWriting)
    }

    @Test func whatCouldNotBeReadIsTold() throws {
        var rig = try Rig(stored: StoredState(problems: ["it is damaged"]))
        rig.driver.start(at: rig.time, using: &rig.generator)
        let first = rig.effects().compactMap { effect -> PeerEvent? in
            if case .report(let event) = effect { event } else { nil }
        }.first
        #expect(first?.kind == .stateDamaged(reason: "it is damaged"))
    }
}
