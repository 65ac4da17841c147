import Basics
import Cryptography
import Foundation
import Wire

/// Peers that end with the exact average of what each of them holds, over sessions that stand: the same
/// peers again and again, each time with other values.
enum AveragingBench {
    /// Prints its lines of the table.
    static func run(peers count: Int, byteCount: Int, repetitions: Int) async throws {
        var walls: [Double] = []
        var processors: [Double] = []
        var sent = 0.0
        var configuration = WireConfiguration()
        // As real peers: the fastest cipher of this machine.
        configuration.suites = CipherSuite.ofThisMachine
        var generator = SeededGenerator(seed: 11)
        let swarm = try await BenchSwarm(count: count, configuration: configuration, using: &generator)
        for _ in 0..<repetitions {
            let vectors = (0..<count).map { _ in values(byteCount: byteCount, using: &generator) }
            for index in 0..<count {
                await swarm.peers[index].prepare(SliceAverage(index: index, count: count, values: vectors[index]))
            }
            let before = await bytesSent(swarm)
            let begin = ContinuousClock.now
            let processor = WireBench.processorSeconds()
            await withTaskGroup { group in
                for peer in swarm.peers { group.addTask { await peer.startAveraging(ids: swarm.ids) } }
            }
            var last = begin
            for peer in swarm.peers {
                while await !peer.hasAveraged { try await Task.sleep(for: .milliseconds(1)) }
                last = max(last, await peer.averagedAt)
            }
            processors.append(WireBench.processorSeconds() - processor)
            walls.append((last - begin).inSeconds)
            sent = max(sent, Double(await bytesSent(swarm) - before) / Double(count) / 1e6)
            let expected = SliceAverage.reference(vectors)
            for peer in swarm.peers {
                let result = await peer.average
                precondition(result == expected, "every peer has the exact average")
            }
        }
        await swarm.close()
        let floor = 2 * Double(byteCount) * Double(count - 1) / Double(count) / 1e6
        let name =
            "exact average of \(WireBench.number(Double(byteCount) / 1e6, digits: 1)) MB by \(count) peers, "
            + configuration.suites[0].noiseName
        print(
            "| \(name) | \(WireBench.number(WireBench.median(walls), digits: 2)) s "
                + "(\(WireBench.number(walls.min() ?? 0, digits: 2))–\(WireBench.number(walls.max() ?? 0, digits: 2))), "
                + "\(WireBench.number(WireBench.median(processors), digits: 2)) s of processor time |")
        print(
            "| the same: sent by each peer at most, beside the least that is possible | "
                + "\(WireBench.number(sent, digits: 1)) MB, \(WireBench.number(floor, digits: 1)) MB |")
    }

    /// Random values, 0.0039 to 2 in size: sums of a few are exact in double precision.
    private static func values(byteCount: Int, using generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount + 8)
        while bytes.count < byteCount {
            var word = generator.next()
            for _ in 0..<4 {
                // Sign and fraction as drawn, the exponent one of eight.
                let short = UInt16(truncatingIfNeeded: word) & 0xbfff | 0x3c00
                bytes.append(UInt8(truncatingIfNeeded: short))
                bytes.append(UInt8(truncatingIfNeeded: short >> 8))
                word >>= 16
            }
        }
        bytes.removeLast(bytes.count - byteCount)
        return bytes
    }

    private static func bytesSent(_ swarm: BenchSwarm) async -> UInt64 {
        var sum: UInt64 = 0
        for peer in swarm.peers { sum += await peer.statistics.bytesSent }
        return sum
    }
}

extension BenchPeer {
    /// Whether the average is whole.
    var hasAveraged: Bool { averaging?.isFinished ?? false }

    var average: [UInt8] { averaging?.result ?? [] }

    /// Takes a part in an average, and forgets the last one.
    func prepare(_ average: SliceAverage) {
        for object in served { endpoint.retire(object) }
        served = []
        averaging = average
        averageNumber += 1
    }

    /// Rounds of the manifests: a contribution to a slice, and a slice of the average.
    private var contributionRound: UInt64 { 2 * averageNumber }
    private var averageRound: UInt64 { 2 * averageNumber + 1 }

    /// A number that no other manifest of ours bears: those of a slice's contributions, then those of averages.
    private func sequence(_ number: Int) -> UInt64 { averageNumber * UInt64(2 * others.count) + UInt64(number) }

    /// Gives every other peer its slice of our values.
    func startAveraging(ids: [PeerID]) {
        others = ids
        for (slice, id) in ids.enumerated() where id != ownID {
            guard let payload = averaging?.contribution(to: slice) else { return }
            let manifest = publish(payload, round: contributionRound, sequence: sequence(slice))
            endpoint.announce(manifest.id, to: id, at: now)
        }
        settle()
    }

    /// Takes in a slice.
    func take(_ manifest: ContributionManifest, _ payload: [UInt8]) {
        if manifest.round == contributionRound {
            guard let average = averaging?.take(contribution: payload) else { return }
            let slice = others.firstIndex(of: ownID) ?? 0
            let signed = publish(average, round: averageRound, sequence: sequence(others.count + slice))
            for id in others where id != ownID { endpoint.announce(signed.id, to: id, at: now) }
        } else if let slice = others.firstIndex(of: manifest.origin) {
            averaging?.take(average: payload, of: slice)
        }
        if hasAveraged { averagedAt = .now }
    }

    private func publish(_ payload: [UInt8], round: UInt64, sequence: UInt64) -> SignedManifest {
        let payload = HashedPayload(payload)
        let manifest = Self.manifest(
            of: payload, swarm: swarm.identifier, keys: keys, round: round, sequence: sequence)
        served.append(endpoint.publish(manifest, payload))
        return manifest
    }
}
