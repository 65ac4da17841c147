import Adapters
import Federation
import Overlay
import Wire

extension SimulatedSwarm {
    /// Runs to the end and says what came of it.
    package mutating func run() throws -> SimulationReport {
        // Faults of the first moment come before the start: an absent peer is not started.
        while let due = heap.firstTime, due <= time, let happening = heap.pop() { try perform(happening) }
        for index in peers.indices where peers[index].life == 0 && !peers[index].returns { try launch(index) }
        while running > 0, let due = heap.firstTime {
            time = max(time, due)
            guard !isExhausted else { break }
            try perform(heap.pop()!)
        }
        return report()
    }

    private mutating func perform(_ happening: Happening) throws {
        switch happening {
        case .datagram(let to, let datagram): arrive(datagram, at: to)
        case .wake(let index, let life, let due):
            // One that an earlier one has overtaken is no longer meant.
            guard peers[index].life == life, peers[index].wake == due, peers[index].core != nil else { return }
            if let paused = peers[index].pausedUntil {
                wake(index, at: paused)
                return
            }
            peers[index].wake = nil
            let local = peers[index].clock.local(at: time)
            if let due = peers[index].core!.nextDeadline, due <= local {
                peers[index].core!.handleTimeout(at: local, using: &generators[index])
            }
            drain(index)
        case .trained(let index, let life, let outcome, let duration):
            guard peers[index].life == life, peers[index].core != nil else { return }
            if let paused = peers[index].pausedUntil {
                heap.push(paused, .trained(index, life: life, outcome, duration))
                return
            }
            let local = peers[index].clock.local(at: time)
            peers[index].core!.trainingFinished(
                outcome, snapshot: [UInt8(truncatingIfNeeded: outcome.records)], duration: duration, at: local,
                using: &generators[index])
            drain(index)
        case .written(let index, let life): written(index, life: life)
        case .begins(let number): try begin(plan.faults[number])
        case .ends(let number): try end(plan.faults[number])
        case .intrudes(let number): intrude(number)
        }
    }

    /// Starts a process of the peer, from its disk.
    mutating func launch(_ index: Int) throws {
        let checkpoint = CheckpointFiles.load(from: Self.folder, on: peers[index].disk).checkpoint
        checker.starts(index, betrayed: peers[index].disk.hasBetrayed)
        peers[index].disk.forgive()
        peers[index].life += 1
        peers[index].starts += 1
        peers[index].returns = false
        if peers[index].stopped != nil { running += 1 }
        peers[index].stopped = nil
        peers[index].wake = nil
        peers[index].pausedUntil = nil
        peers[index].writing = nil
        peers[index].waitingCheckpoint = nil
        let wall = peers[index].clock.wall(at: time, epoch: Self.epoch)
        let local = peers[index].clock.local(at: time)
        trace.note(time, 1, index, peers[index].life, wall, line: "\(peers[index].name) starts")
        peers[index].core = try PeerCore(
            configuration: configurations[index], local: LocalPeer(peers[index].keys), swarm: secret,
            checkpoint: checkpoint, handshakeTimestamp: checkpoint?.nextTimestamp(wallClock: wall) ?? wall,
            memory: CheckpointFiles.loadMemory(from: Self.folder, on: peers[index].disk).memory ?? EndpointMemory(),
            at: local)
        peers[index].core!.misconduct = peers[index].behaviour?.misconduct
        peers[index].core!.start(at: local, using: &generators[index])
        drain(index)
    }

    /// The process ends without a word.
    mutating func kill(_ index: Int, disk: DiskFate) {
        guard let core = peers[index].core else { return }
        trace.note(time, 2, index, 0, 0, line: "\(peers[index].name) is killed")
        peers[index].pastTraffic.sent += core.traffic.bytesSent
        peers[index].pastTraffic.received += core.traffic.bytesReceived
        peers[index].core = nil
        peers[index].life += 1
        if let unfinished = peers[index].writing?.encoded {
            // It had got this far with the writing.
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

    /// Writes a checkpoint's bytes as `CheckpointStore` does; what went wrong, or nil.
    mutating func save(_ bytes: [UInt8], of index: Int) -> String? {
        do {
            try CheckpointFiles.save(bytes, in: Self.folder, on: &peers[index].disk)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private mutating func written(_ index: Int, life: Int) {
        guard peers[index].life == life, let checkpoint = peers[index].writing else { return }
        if let paused = peers[index].pausedUntil {
            heap.push(paused, .written(index, life: life))
            return
        }
        peers[index].writing = nil
        let local = peers[index].clock.local(at: time)
        // Through the bytes, as a disk keeps it.
        if let failure = save(checkpoint.encoded, of: index) {
            peers[index].core?.checkpointFailed(round: checkpoint.round, reason: failure, at: local)
        } else {
            peers[index].core?.checkpointWritten(round: checkpoint.round, at: local)
        }
        if let next = peers[index].waitingCheckpoint {
            peers[index].waitingCheckpoint = nil
            write(next, of: index)
        }
        drain(index)
    }

    mutating func write(_ checkpoint: PeerCheckpoint, of index: Int) {
        if peers[index].writing != nil {
            peers[index].waitingCheckpoint = checkpoint
        } else {
            peers[index].writing = checkpoint
            heap.push(time + Self.writingTime, .written(index, life: peers[index].life))
        }
    }
}
