import Adapters
import Foundation
import Overlay
import Wire

extension Peer {
    /// Takes part until the swarm is done, or until `leave()`; then the endpoint is closed. To be called once.
    ///
    /// - Throws: what the trainer says if it cannot be restored.
    package func run() async throws -> Result {
        precondition(!isRunning, "a peer runs once")
        isRunning = true
        for problem in storeProblems {
            eventSink.yield(
                PeerEvent(time: SystemClock.now(), kind: .checkpointFailed(round: core.round, reason: problem)))
        }
        if !restored.isEmpty { try await trainer.restore(restored) }
        core.start(at: SystemClock.now(), using: &generator)
        drain()
        let receiving = Task { await self.receiveAll() }
        await serveDeadlines()
        receiving.cancel()
        while isWriting { await writer?.value }
        await delivery?.value
        await endpoint.close()
        eventSink.finish()
        return Result(delta: final, reason: stopReason ?? .left, traffic: core.traffic)
    }

    /// Asks the peer to say goodbye and stop; `run` then returns. The last checkpoint is where it goes on later.
    package func leave() {
        core.leave(at: SystemClock.now(), using: &generator)
        drain()
    }

    private func receiveAll() async {
        await withTaskExecutorPreference(endpoint.taskExecutor) {
            for await burst in endpoint.incoming {
                for datagram in burst { core.receive(datagram, at: SystemClock.now(), using: &generator) }
                drain()
                if stopReason != nil { return }
            }
        }
    }

    /// Sleeps from deadline to deadline; a drain that brings an earlier one wakes it.
    private func serveDeadlines() async {
        var sleeper: Task<Void, Never>?
        for await _ in wakes {
            sleeper?.cancel()
            if stopReason != nil { return }
            let time = SystemClock.now()
            if let due = core.nextDeadline, due <= time {
                core.handleTimeout(at: time, using: &generator)
                drain()
                continue
            }
            guard let due = core.nextDeadline else { continue }
            sleeper = Task { [wake] in
                await SystemClock.sleep(until: due)
                if !Task.isCancelled { wake.yield() }
            }
        }
    }

    /// Sends what is to be sent and does what is to be done.
    private func drain() {
        var datagrams: [Datagram] = []
        while let datagram = core.pollBurst(at: SystemClock.now(), using: &generator) {
            datagrams.append(datagram)
            if datagrams.count == 4 {
                endpoint.send(datagrams)
                // A new array: the old one is the socket's now.
                datagrams = []
            }
        }
        if !datagrams.isEmpty { endpoint.send(datagrams) }
        while let directive = core.pollDirective() { perform(directive) }
        wake.yield()
    }

    private func perform(_ directive: PeerDirective) {
        switch directive {
        case .train(let request): Task { await self.train(request) }
        case .checkpoint(let checkpoint):
            waitingCheckpoint = checkpoint
            writeCheckpoint()
        case .remember(let memory):
            waitingMemory = memory
            writeCheckpoint()
        case .report(let event): eventSink.yield(event)
        case .deliver(let delta):
            final = delta
            if let deliver { delivery = Task { await deliver(delta) } }
        case .stop(let reason): stopReason = reason
        }
    }

    private func train(_ request: TrainingRequest) async {
        let begin = SystemClock.now()
        do {
            let outcome = try await trainer.train(request)
            let snapshot = try await trainer.snapshot()
            let end = SystemClock.now()
            core.trainingFinished(outcome, snapshot: snapshot, duration: end - begin, at: end, using: &generator)
        } catch {
            core.trainingFailed("\(error)", at: SystemClock.now(), using: &generator)
        }
        drain()
    }

    /// Writes what waits beside the actor, one file at a time.
    private func writeCheckpoint() {
        guard let store, !isWriting else { return }
        if let memory = waitingMemory {
            waitingMemory = nil
            isWriting = true
            writer = Task {
                // Nothing depends on it at once: an old initiation would get one more answer, without effect.
                _ = await Self.save(memory, in: store)
                self.isWriting = false
                self.writeCheckpoint()
            }
            return
        }
        guard let checkpoint = waitingCheckpoint else { return }
        waitingCheckpoint = nil
        isWriting = true
        writer = Task {
            let failure = await Self.save(checkpoint, in: store)
            self.isWriting = false
            if let failure {
                self.core.checkpointFailed(round: checkpoint.round, reason: failure, at: SystemClock.now())
            } else {
                self.core.checkpointWritten(round: checkpoint.round, at: SystemClock.now())
            }
            self.drain()
            self.writeCheckpoint()
        }
    }

    /// Encodes and writes off the actor; whether it is on disk.
    @concurrent private static func save(_ memory: EndpointMemory, in store: CheckpointStore) async -> Bool {
        (try? store.save(memory)) != nil
    }

    /// Encodes and writes off the actor; what went wrong, or nil.
    @concurrent private static func save(_ checkpoint: PeerCheckpoint, in store: CheckpointStore) async -> String? {
        do {
            try store.save(checkpoint)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
