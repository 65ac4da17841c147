import Foundation
import LinearAlgebra
import Overlay
import Wire

/// Peers that end with the exact average of what each of them holds, over sessions that stand.
enum AveragingBench {
    /// Prints its lines of the table.
    static func run(peers count: Int, byteCount: Int, repetitions: Int) async throws {
        var walls: [Double] = []
        var processors: [Double] = []
        var sent = 0.0
        for repetition in 0..<repetitions {
            var generator = SeededGenerator(seed: UInt64(11 + repetition))
            let swarm = try await BenchSwarm(count: count, using: &generator)
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
            sent = Double(await bytesSent(swarm) - before) / Double(count) / 1e6
            let expected = SliceAverage.reference(vectors)
            for peer in swarm.peers {
                let result = await peer.average
                precondition(result == expected, "every peer has the exact average")
            }
            await swarm.close()
        }
        let floor = 2 * Double(byteCount) * Double(count - 1) / Double(count) / 1e6
        let name = "exact average of \(WireBench.number(Double(byteCount) / 1e6, digits: 1)) MB by \(count) peers"
        print(
            "| \(name) | \(WireBench.number(WireBench.median(walls), digits: 2)) s, "
                + "\(WireBench.number(WireBench.median(processors), digits: 2)) s of processor time |")
        print(
            "| the same: sent by each peer, beside the least that is possible | "
                + "\(WireBench.number(sent, digits: 1)) MB, \(WireBench.number(floor, digits: 1)) MB |")
    }

    /// Random values between -1 and 1.
    private static func values(byteCount: Int, using generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for _ in 0..<byteCount / 2 {
            let bits = Float(generator.uniform() * 2 - 1).bitPattern >> 16
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        }
        return bytes
    }

    private static func bytesSent(_ swarm: BenchSwarm) async -> UInt64 {
        var sum: UInt64 = 0
        for peer in swarm.peers { sum += await peer.statistics.bytesSent }
        return sum
    }
}
