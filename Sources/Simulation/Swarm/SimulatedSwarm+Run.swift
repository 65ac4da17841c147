import Adapters
import Basics
import Faults
import Federation
import Wire

extension SimulatedSwarm {
    /// Runs to the end and says what came of it.
    ///
    /// - Throws: `TrainingIsElsewhere` if others train than the toy: `runWithTrainers` waits for them.
    package mutating func run() throws -> SimulationReport {
        guard scenario.training == nil else { throw TrainingIsElsewhere() }
        try begin()
        _ = try advance()
        return report()
    }

    /// Runs to the end, whoever trains, and says what came of it.
    package mutating func runWithTrainers() async throws -> SimulationReport {
        try begin()
        while let ticket = try advance() { await ticket.isSettled() }
        losses = try await scenario.training?.losses(of: peers.map(\.final))
        return report()
    }

    /// `run` was asked for where only `runWithTrainers` will do.
    package struct TrainingIsElsewhere: Error {}

    private mutating func begin() throws {
        // Faults of the first moment come before the start: an absent peer is not started.
        while let due = heap.firstTime, due <= time, let event = heap.pop() { try perform(event) }
        for index in peers.indices where peers[index].incarnation == 0 && !peers[index].returns { try launch(index) }
    }

    /// Runs to the end, or to where local steps have to be waited for: then their ticket is returned.
    private mutating func advance() throws -> TrainingTicket? {
        if let event = blocked.take() { try perform(event) }
        while running > 0, arrived.count < peers.count, let due = heap.firstTime {
            time = max(time, due)
            tellProgress()
            guard !isExhausted else { return nil }
            let event = heap.pop()!
            if case .trained(let index, let incarnation, let ticket) = event, peers[index].incarnation == incarnation,
                ticket.outcome == nil
            {
                blocked = event
                return ticket
            }
            try perform(event)
        }
        return nil
    }

    private mutating func perform(_ event: Event) throws {
        switch event {
        case .datagram(let to, let datagram): arrive(datagram, at: to)
        case .wake(let index, let incarnation, let due):
            // One that an earlier one has overtaken is no longer meant.
            guard peers[index].incarnation == incarnation, peers[index].wake == due else { return }
            if let paused = peers[index].pausedUntil {
                wake(index, at: paused)
                return
            }
            peers[index].wake = nil
            let local = peers[index].clock.local(at: time)
            peers[index].process!.wake(at: local, using: &generators[index])
            drain(index)
        case .trained(let index, let incarnation, let ticket):
            guard peers[index].incarnation == incarnation else { return }
            if let paused = peers[index].pausedUntil {
                heap.push(paused, .trained(index, incarnation: incarnation, ticket))
                return
            }
            finish(ticket, of: index)
            drain(index)
        case .written(let index, let incarnation): written(index, incarnation: incarnation)
        case .begins(let number): try begin(plan.faults[number])
        case .ends(let number): try end(plan.faults[number])
        case .intrudes(let number): intrude(number)
        }
    }

    /// A peer's local steps are done.
    private mutating func finish(_ ticket: TrainingTicket, of index: Int) {
        let local = peers[index].clock.local(at: time)
        switch ticket.outcome {
        case .success(var trained):
            distort(&trained.outcome.delta, as: ticket.behaviour)
            peers[index].process!.trainingFinished(
                trained.outcome, snapshot: trained.snapshot, at: local, using: &generators[index])
        case .failure(let failure):
            peers[index].failedRounds += 1
            peers[index].process!.trainingFailed(failure.description, at: local, using: &generators[index])
        case nil: preconditionFailure("a training that is under way has no result")
        }
    }

    /// Starts a process of the peer, from its disk.
    mutating func launch(_ index: Int) throws {
        let stored = stored(of: index)
        checker.starts(index, betrayed: peers[index].disk.hasBetrayed)
        if peers[index].final != nil, peers[index].disk.hasBetrayed { checker.forgets(index) }
        packets?.starts(index)
        mass?.starts(index)
        peers[index].disk.forgive()
        peers[index].incarnation += 1
        peers[index].starts += 1
        peers[index].returns = false
        if peers[index].hasEnded { running += 1 }
        peers[index].hasEnded = false
        peers[index].hasStopped = false
        peers[index].wake = nil
        peers[index].pausedUntil = nil
        peers[index].writing = nil
        let wall = peers[index].clock.wall(at: time, epoch: Self.epoch)
        let local = peers[index].clock.local(at: time)
        trace.note(
            time, 1, index, peers[index].incarnation, wall,
            line: peers[index].line("starts", ("number", peers[index].starts)))
        peers[index].process = try process(of: index, from: stored, wall: wall, at: local)
        peers[index].trainer = try scenario.training?.trainer(of: index)
        peers[index].restoring = stored.checkpoint.flatMap { $0.trainerSnapshot.isEmpty ? nil : $0.trainerSnapshot }
        let misconduct = misconduct(of: index)
        peers[index].process!.misbehave(misconduct)
        peers[index].process!.start(at: local, using: &generators[index])
        drain(index)
    }

    /// A process of the peer, of the tier that is simulated.
    private func process(
        of index: Int, from stored: StoredState, wall: UInt64, at local: MonotonicTime
    ) throws -> SimulatedProcess {
        let configuration = configurations[index]
        let keys = LocalPeer(peers[index].keys, addresses: [peers[index].address])
        guard let executor else {
            var driver = try PeerDriver(
                configuration: configuration, local: keys, swarm: secret, wire: scenario.wire, stored: stored,
                wallClock: wall, at: local)
            if mixing != nil { driver.beginAudit() }
            return SimulatedProcess(driver)
        }
        let surroundings = Surroundings(
            configuration, address: peers[index].address, kept: stored, executor: executor, wall: wall, at: local)
        return SimulatedProcess(
            try ActorProcess(
                configuration: configuration, local: keys, swarm: secret, wire: scenario.wire,
                surroundings: surroundings))
    }

    /// The process ends without a word.
    mutating func kill(_ index: Int, disk: DiskFate) {
        trace.note(time, 2, index, 0, 0, line: peers[index].line("killed", ("disk", disk.rawValue)))
        // Killed only after `forget`, which asks it for its traffic.
        let process = peers[index].process
        forget(index)
        process?.kill()
        if let unfinished = peers[index].writing?.encoded {
            // It had got this far with the writing: the blocks of the file and the operations around them, about nine.
            peers[index].disk.stepsLeft = Int.random(
                in: 0...unfinished.count / VirtualFileSystem.blockSize + 9, using: &generators[index])
            _ = save(unfinished, of: index)
            peers[index].disk.stepsLeft = nil
        }
        switch disk {
        case .kept: break
        case .torn: peers[index].disk.losePower()
        case .amnesia: peers[index].disk.erase()
        }
    }

    /// Where a peer keeps its checkpoints on its disk.
    static let folder = "state"

    /// What the peer's disk holds, as `CheckpointStore` finds it.
    private func stored(of index: Int) -> StoredState {
        let (checkpoint, problems) = CheckpointFiles.load(from: Self.folder, on: peers[index].disk)
        let (memory, others) = CheckpointFiles.loadMemory(from: Self.folder, on: peers[index].disk)
        return StoredState(checkpoint: checkpoint, memory: memory, problems: problems + others)
    }

    /// Writes what the protocol must not forget, as `CheckpointStore` does; whether there was something. It takes no time.
    mutating func keepMemory(of index: Int) -> Bool {
        guard let memory = peers[index].waitingMemory.take() else { return false }
        var failure: String?
        do {
            try CheckpointFiles.save(memory, in: Self.folder, on: &peers[index].disk)
        } catch {
            failure = "\(error)"
        }
        let local = peers[index].clock.local(at: time)
        peers[index].process!.written(failure: failure, at: local, using: &generators[index])
        return true
    }

    /// Writes a checkpoint's bytes as `CheckpointStore` does; what went wrong, or nil.
    mutating func save(_ bytes: [UInt8], of index: Int) -> String? {
        do {
            try CheckpointFiles.save(bytes, in: Self.folder, on: &peers[index].disk)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private mutating func written(_ index: Int, incarnation: Int) {
        guard peers[index].incarnation == incarnation, let checkpoint = peers[index].writing else { return }
        if let paused = peers[index].pausedUntil {
            heap.push(paused, .written(index, incarnation: incarnation))
            return
        }
        peers[index].writing = nil
        // Through the bytes, as a disk keeps it.
        let failure = save(checkpoint.encoded, of: index)
        peers[index].process!.written(
            failure: failure, at: peers[index].clock.local(at: time), using: &generators[index])
        drain(index)
    }
}
