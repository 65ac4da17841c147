import Adapters
import Basics
import SwarmFile
import Wire

extension Peer {
    private var now: MonotonicTime { environment.clock.now() }

    /// Takes part until the swarm is done, until `leave()`, or until the task is cancelled, which ends it without a word;
    /// then the endpoint is closed. To be called once.
    ///
    /// - Throws: what the trainer says if it cannot be restored.
    package func run() async throws -> Result {
        precondition(!isRunning, "a peer runs once")
        isRunning = true
        if !driver.restored.isEmpty { try await trainer.restore(driver.restored) }
        driver.start(at: now, using: &randomness)
        drain()
        let receiving = environment.start { await self.receiveAll() }
        let refusals = endpoint.refusals.map { stream in environment.start { await self.tell(stream) } }
        let names = environment.lookUp == nil ? nil : environment.start { await self.followNames() }
        await serveDeadlines()
        receiving.cancel()
        names?.cancel()
        refusals?.cancel()
        cancelAlarm()
        // The end of one write begins the next file, under another task.
        while driver.isWriting { await writer?.value }
        await delivery?.value
        await endpoint.close()
        eventSink.finish()
        return Result(delta: final, reason: driver.stopReason ?? .left, traffic: driver.core.traffic)
    }

    /// Asks the peer to say goodbye and stop; `run` then returns. The last checkpoint is where it goes on later.
    package func leave() {
        driver.leave(at: now, using: &randomness)
        drain()
    }

    private func receiveAll() async {
        // On the thread of the socket, where there is one, unless the whole peer runs on the simulator's executor.
        await withTaskExecutorPreference(environment.executor ?? endpoint.taskExecutor) {
            for await burst in endpoint.incoming {
                for datagram in burst { driver.receive(datagram, at: now, using: &randomness) }
                drain()
                if driver.stopReason != nil { return }
            }
        }
    }

    /// Tells what the system would not send.
    private func tell(_ refusals: AsyncStream<SendRefusal>) async {
        for await refusal in refusals {
            driver.sendRefused(refusal, at: now)
            drain()
        }
    }

    /// Looks up the names of neighbours' hosts: at the start, and again from time to time while a neighbour is lost, which may
    /// have come back elsewhere.
    private func followNames() async {
        guard let lookUp = environment.lookUp else { return }
        var tried: [PeerID: MonotonicTime] = [:]
        var failures: [PeerID: String] = [:]
        while driver.stopReason == nil, !Task.isCancelled, !driver.core.configuration.hostNames.isEmpty {
            for (name, lostFor) in driver.core.lostHosts(at: now) {
                let last = tried[name.peer]
                guard last.map({ lostFor >= Self.lostPatience && now - $0 >= Self.lookUpPause }) ?? true else {
                    continue
                }
                do {
                    let address = try await lookUp(name.place)
                    failures[name.peer] = nil
                    driver.relocate(name.peer, to: address, at: now, using: &randomness)
                } catch {
                    let reason = "\(error)"
                    if failures.updateValue(reason, forKey: name.peer) != reason {
                        driver.hostUnknown(name, reason: reason, at: now)
                    }
                }
                tried[name.peer] = now
                drain()
            }
            await environment.clock.sleep(until: now + .seconds(1))
        }
    }

    /// How long a neighbour is lost before its name is looked up again, and the pause before that is done once more.
    private static let lostPatience = Duration.seconds(5)
    private static let lookUpPause = Duration.seconds(5)

    /// Does what is due whenever a sleep is over, until the peer stops.
    private func serveDeadlines() async {
        if driver.stopReason != nil { return }
        await withTaskExecutorPreference(environment.executor ?? endpoint.taskExecutor) {
            for await _ in wakes {
                if driver.stopReason != nil { return }
                driver.wake(at: now, using: &randomness)
                drain()
            }
        }
    }

    /// Sends what is to be sent and does what is to be done.
    private func drain() {
        var datagrams: [Datagram] = []
        while let effect = driver.nextEffect(at: now, using: &randomness) {
            if case .send(let datagram) = effect {
                datagrams.append(datagram)
                if datagrams.count < 4 { continue }
            }
            if !datagrams.isEmpty {
                endpoint.send(datagrams)
                // A new array: the old one is the socket's now.
                datagrams = []
            }
            perform(effect)
        }
        if !datagrams.isEmpty { endpoint.send(datagrams) }
    }

    private func perform(_ effect: PeerEffect) {
        switch effect {
        case .send, .audit: break
        case .report(let event): eventSink.yield(event)
        case .train(let request): _ = environment.start { await self.train(request) }
        case .write(let checkpoint):
            // Nobody waits for it, unless it is the last: what is exchanged goes first, also that of other peers on this
            // machine. On Linux its thread is ten steps nicer.
            writer = environment.start(priority: checkpoint.isFinished ? nil : .background) {
                await self.write { await $0.keep(checkpoint) }
            }
        case .remember(let memory): writer = environment.start { await self.write { await $0.keep(memory) } }
        case .deliver(let delta):
            final = delta
            if let deliver { delivery = environment.start { await deliver(delta) } }
        // `serveDeadlines` waits for wake-ups: with this one it notices the end.
        case .stop: wake.yield()
        case .wake(let time): setAlarm(at: time)
        }
    }

    /// Wakes the loop that serves deadlines at `time`, and no longer at the one that was asked for before.
    private func setAlarm(at time: MonotonicTime) {
        cancelAlarm()
        // A simulated peer's time is not the system's.
        if environment.executor == nil {
            alarm = endpoint.alarm(after: min(time - now, Self.longestAlarm)) { [wake] in wake.yield() }
            if alarm != nil { return }
        }
        sleeper = environment.start { [wake, clock = environment.clock] in
            await clock.sleep(until: time)
            // A sleep that is cancelled returns at once.
            if !Task.isCancelled { wake.yield() }
        }
    }

    /// The loop's clock stands still while the machine sleeps, and the deadlines' does not: what is due then is done soon
    /// after. An alarm that rings too early does no harm.
    private static let longestAlarm = Duration.seconds(10)

    private func cancelAlarm() {
        sleeper?.cancel()
        alarm?.cancel()
        alarm = nil
    }

    private func train(_ request: TrainingRequest) async {
        do {
            let outcome = try await trainer.train(request)
            let snapshot = try await trainer.snapshot()
            driver.trainingFinished(outcome, snapshot: snapshot, at: now, using: &randomness)
        } catch {
            driver.trainingFailed("\(error)", at: now, using: &randomness)
        }
        drain()
    }

    /// Writes a file beside the actor, and goes on with the next one that waits.
    private func write(_ keep: (any PeerStore) async -> String?) async {
        guard let store else { return }
        let failure = await keep(store)
        driver.written(failure: failure, at: now)
        drain()
    }
}
