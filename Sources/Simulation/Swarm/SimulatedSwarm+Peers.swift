import Adapters
import Aggregation
import Basics
import Cryptography
import Faults
import Federation
import Recording
import SwarmFile

extension SimulatedSwarm {
    /// How far a gradient step goes towards the target.
    static let rate: Float = 0.1

    /// Does what a peer's process wants done.
    mutating func perform(_ effect: PeerEffect, of index: Int) {
        switch effect {
        case .send(let datagram): send(datagram, from: index)
        case .train(let request):
            let (ticket, duration) = train(request, by: index)
            heap.push(
                time + duration * peers[index].slowness, .trained(index, incarnation: peers[index].incarnation, ticket))
        case .write(let checkpoint):
            peers[index].writing = checkpoint
            // Written after the last mixing with training, before any of settling.
            if checkpoint.round == topology.tuning.rounds, !checkpoint.isFinished {
                peers[index].unsettled = checkpoint.delta
            }
            heap.push(time + scenario.writingTime, .written(index, incarnation: peers[index].incarnation))
        case .remember(let memory): peers[index].waitingMemory = memory
        case .wake(let deadline):
            wake(index, at: max(time, peers[index].clock.time(at: deadline)))
        case .audit(let audit):
            mass?.observe(audit, of: index)
            if let problem = mixing?.observe(audit, of: index, dishonest: checker.dishonest) {
                violate("mass", "\(peers[index].name) \(problem)")
            }
        case .report(let event):
            let described = event.kind.described
            trace.note(
                time, 5, index, 0, described.traceWord,
                line: described.line(of: peers[index].name) { [peers] id in
                    peers.first { $0.id == id }?.name ?? id.short
                })
            checker.observe(event, of: index, at: MonotonicTime(nanoseconds: elapsed.wholeNanoseconds))
            if case .mixed(let round, _, _, _, _) = event.kind {
                peers[index].lastRound = round
                if let last = scenario.lastRound, round >= last { arrived.insert(index) }
                checkAdapter(of: index)
                checkTracking(of: index)
                if let broken = peers[index].process?.brokenBound {
                    violate("bounds", "\(peers[index].name) holds \(broken)")
                }
            }
            if case .traffic(let traffic) = event.kind, peers[index].bytesUnsettled == nil,
                peers[index].lastRound == topology.tuning.rounds - 1
            {
                peers[index].bytesUnsettled = peers[index].pastTraffic.sent + traffic.bytesSent
            }
        case .deliver(let delta):
            peers[index].final = delta
            trace.note(time, 6, index, 0, WordHash.of(delta.values), line: peers[index].line("delivered"))
            checkAdapter(of: index)
        case .stop: peers[index].hasStopped = true
        }
    }

    /// Begins local steps, and says how long they take.
    private mutating func train(_ request: TrainingRequest, by index: Int) -> (TrainingTicket, Duration) {
        let behaviour = peers[index].behaviour
        guard let training = scenario.training, let trainer = peers[index].trainer else {
            let outcome = QuadraticTrainer.outcome(of: request, target: peers[index].target, rate: Self.rate)
            let snapshot = [UInt8(truncatingIfNeeded: outcome.records)]
            return (TrainingTicket(outcome, snapshot: snapshot, as: behaviour), peers[index].trainingTime)
        }
        let ticket = TrainingTicket(request, by: trainer, from: peers[index].restoring.take(), as: behaviour)
        return (ticket, training.duration(of: request, peer: index))
    }

    /// Where gradients are tracked, the two ends of an edge have made the opposite of one round, to the last bit: else the
    /// mean of all trackers would move. Of a peer that began anew there may be two contributions of a round.
    private mutating func checkTracking(of index: Int) {
        guard let edges = peers[index].process?.trackedEdges, !edges.isEmpty else { return }
        func isSteady(_ index: Int) -> Bool { peers[index].starts == 1 && !checker.dishonest[index] }
        for other in peers.indices where isSteady(index) && isSteady(other) {
            guard let here = edges[peers[other].id], let there = peers[other].process?.trackedEdges[peers[index].id],
                here.round == there.round
            else { continue }
            let isOpposite = zip(here.difference, there.difference).allSatisfy { $0 == -$1 }
            if !isOpposite || here.difference.count != there.difference.count {
                violate("mass", "\(peers[index].name) and \(peers[other].name) track an edge differently")
            }
        }
    }

    mutating func violate(_ name: String, _ message: String) {
        checker.violate(name, at: MonotonicTime(nanoseconds: elapsed.wholeNanoseconds), message)
    }

    private mutating func checkAdapter(of index: Int) {
        guard let delta = peers[index].process?.delta else { return }
        checker.observe(delta, of: index, at: MonotonicTime(nanoseconds: elapsed.wholeNanoseconds))
    }

    /// The process has stopped and written everything, and ends.
    mutating func end(_ index: Int) {
        trace.note(time, 7, index, 0, 0, line: peers[index].line("stops"))
        checker.ends(index, at: MonotonicTime(nanoseconds: elapsed.wholeNanoseconds))
        mass?.ends(index, holding: peers[index].process?.mass)
        forget(index)
        peers[index].hasEnded = true
        running -= 1
    }

    /// There is no process any more.
    mutating func forget(_ index: Int) {
        if let traffic = peers[index].process?.traffic {
            if let dropped = peers[index].process?.datagramsDropped,
                let problem = packets?.ends(index, dropped: dropped)
            {
                violate("replay", "\(peers[index].name) \(problem)")
            }
            peers[index].pastTraffic.sent += traffic.bytesSent
            peers[index].pastTraffic.received += traffic.bytesReceived
        }
        peers[index].process = nil
        peers[index].incarnation += 1
    }

    mutating func begin(_ fault: FaultPlan.PlannedFault) throws {
        let index = fault.peer
        trace.note(time, 8, index, 0, 0, line: peers[index].line("fault_begins", ("fault", fault.kind)))
        switch fault.kind {
        case .crash(_, let disk):
            guard peers[index].process != nil else { return }
            kill(index, disk: disk)
            peers[index].returns = true
        case .absent: peers[index].returns = true
        case .pause:
            guard peers[index].process != nil else { return }
            peers[index].pausedUntil = Self.start + fault.until
            peers[index].waiting = 0
        case .slow(let factor): peers[index].slowness = factor
        case .clockStep(let step): peers[index].clock.wallOffset += step
        case .clockDrift(let share): peers[index].clock.setRate(1 + share, at: time)
        case .disk(let disk): peers[index].disk.fault = disk
        case .rebind: rebind(index)
        case .byzantine(let behaviour):
            peers[index].behaviour = behaviour
            let misconduct = misconduct(of: index)
            peers[index].process?.misbehave(misconduct)
            mass?.mislead()
            checker.isDishonest(index, misleads: behaviour.misleads, equivocates: behaviour == .equivocate)
        case .churn: preconditionFailure("a plan turns churn into crashes")
        }
    }

    mutating func end(_ fault: FaultPlan.PlannedFault) throws {
        let index = fault.peer
        trace.note(time, 9, index, 0, 0, line: peers[index].line("fault_ends", ("fault", fault.kind)))
        switch fault.kind {
        case .crash, .absent:
            // Of faults that overlap, the one that ended first has started it already.
            guard peers[index].returns, peers[index].process == nil else { return }
            try launch(index)
        case .pause:
            // A pause that began during this one ends later.
            guard peers[index].pausedUntil == time else { return }
            peers[index].pausedUntil = nil
            peers[index].waiting = 0
            drain(index)
        case .slow: peers[index].slowness = 1
        case .clockStep(let step): peers[index].clock.wallOffset -= step
        case .clockDrift: peers[index].clock.setRate(1, at: time)
        case .disk: peers[index].disk.fault = nil
        case .byzantine:
            peers[index].behaviour = nil
            peers[index].process?.misbehave(nil)
            checker.reforms(index)
        case .rebind, .churn: break
        }
    }

    /// The network gives the peer another address; what is sent to the old one reaches nobody.
    private mutating func rebind(_ index: Int) {
        let old = peers[index].address
        indexOfAddress[old] = nil
        lostAddresses.insert(old)
        peers[index].address = NetworkAddress(host: old.host, port: old.port + 1)
        indexOfAddress[peers[index].address] = index
    }

    /// What is done to what the peer sends, as it behaves now.
    func misconduct(of index: Int) -> Misconduct? {
        peers[index].behaviour?.misconduct.map {
            Misconduct($0, key: peers[index].keys.signing, exchange: configurations[index].exchange)
        }
    }

    /// What a dishonest peer makes of its adapter before it contributes it.
    func distort(_ delta: inout AdapterDelta, as behaviour: ByzantineBehaviour?) {
        switch behaviour {
        case .signFlip: delta = delta.map { -$0 }
        case .scale(let factor): delta = delta.map { $0 * Float(factor) }
        default: break
        }
    }
}
