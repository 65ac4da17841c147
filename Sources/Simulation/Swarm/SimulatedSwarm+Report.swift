package import Adapters
import Aggregation
import Basics
import Faults
import Federation
import SwarmFile

extension SimulatedSwarm {
    /// What came of the run.
    mutating func report() -> SimulationReport {
        let now = MonotonicTime(nanoseconds: elapsed.wholeNanoseconds)
        // A run that is cut short has promised neither that everybody finishes nor that all agree.
        let isCut = arrived.count == peers.count
        let distance =
            isCut
            ? SwarmChecker.distance(of: peers.compactMap { ($0.process?.delta ?? $0.final).map(agreed) })
            : checker.conclude(finals: peers.map { $0.final.map(agreed) }, at: now)
        let distances = losses ?? distancesToOptimum
        var ends: [SimulationReport.Peer] = []
        var digest = WordHash.basis
        var sent: UInt64 = 0
        for (index, peer) in peers.enumerated() {
            let traffic = peer.process?.traffic
            let bytesSent = peer.pastTraffic.sent + (traffic?.bytesSent ?? 0)
            sent += bytesSent
            if let final = peer.final {
                digest = WordHash.fold(WordHash.of(final.values), into: digest)
            }
            ends.append(
                SimulationReport.Peer(
                    name: peer.name, isFinished: peer.final != nil, round: peer.lastRound, starts: peer.starts,
                    bytesSent: bytesSent, bytesReceived: peer.pastTraffic.received + (traffic?.bytesReceived ?? 0),
                    loss: distances[index]))
        }
        if sent != bytesSent {
            checker.violate(
                "figures", at: now, "the peers say that they sent \(sent) bytes; the network was handed \(bytesSent)")
        }
        let correct = ends.indices.filter { !checker.dishonest[$0] && (ends[$0].isFinished || isCut) }
        let losses = correct.compactMap { ends[$0].loss }
        return SimulationReport(
            faults: scenario.faults.name, seed: scenario.seed, traceHash: Self.hexadecimal(trace.hash),
            adapterDigest: Self.hexadecimal(digest), events: trace.count, seconds: elapsed.inSeconds,
            datagrams: datagrams, bytesSent: bytesSent, datagramsLost: lost, spread: spread,
            consensusDistance: distance,
            meanLoss: losses.isEmpty ? nil : losses.reduce(0, +) / Double(losses.count),
            rounds: correct.map { ends[$0].round }.max() ?? 0, peers: ends,
            violations: checker.violations)
    }

    /// What of an adapter the swarm agrees on.
    private func agreed(_ delta: AdapterDelta) -> AdapterDelta {
        let factors = FactorExchange(topology.exchange.factors, schema: schema, rounds: topology.tuning.rounds)
        return delta.restricted(to: factors.shared) ?? delta
    }

    private var spread: SimulationReport.Spread {
        let meter = checker.spread
        return SimulationReport.Spread(
            lastDeliveryHops: meter.lastDeliveryHops, missed: meter.missed,
            redundancy: Double(meter.repeated) / Double(max(1, meter.received - meter.repeated)),
            bytesPerPayloadByte: Double(bytesSent) / Double(max(1, meter.payloadBytes)))
    }

    /// Half the squared distance of each final adapter to the sample-weighted optimum of the honest peers' targets, a value.
    private var distancesToOptimum: [Double?] {
        let optimum = WeightedMean.of(
            peers.indices.filter { !checker.dishonest[$0] && !peers[$0].target.isEmpty }.map {
                (peers[$0].sampleCount, AdapterDelta(schema: schema, values: peers[$0].target))
            })
        guard let optimum else { return peers.map { _ in nil } }
        return peers.map { peer in
            guard let distance = peer.final?.distance(to: optimum) else { return nil }
            return 0.5 * distance * distance / Double(schema.count)
        }
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension SimulatedSwarm {
    /// What a peer ended with.
    package struct End: Sendable {
        package var name: String
        /// Its adapter; nil where it did not finish.
        package var final: AdapterDelta?
        /// Its adapter when it had mixed in the last round with training; nil where it was not in that round.
        package var unsettled: AdapterDelta?
        package var sampleCount: Int
        /// Bytes that it had sent by then.
        package var bytesUnsettled: UInt64?
        /// Rounds whose local steps failed.
        package var failedRounds: Int
    }

    /// What the peers ended with, in the topology's order.
    package var ends: [End] {
        peers.map { peer in
            End(
                name: peer.name, final: peer.final, unsettled: peer.unsettled, sampleCount: peer.sampleCount,
                bytesUnsettled: peer.bytesUnsettled, failedRounds: peer.failedRounds)
        }
    }

    /// How far the run is.
    var progress: SimulationProgress {
        let rounds = peers.map(\.lastRound)
        return SimulationProgress(
            seconds: elapsed.inSeconds, events: trace.count, slowest: rounds.min() ?? 0, fastest: rounds.max() ?? 0,
            finished: peers.count { $0.final != nil }, peers: peers.count)
    }

    /// Tells who watches, if it is time again. What is told changes nothing.
    mutating func tellProgress() {
        guard let watch, trace.count >= nextLook else { return }
        nextLook = trace.count + SimulationProgress.interval
        watch(progress)
    }
}
