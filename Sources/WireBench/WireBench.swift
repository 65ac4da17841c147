import Basics
import Cryptography
import Foundation
import Transport
import Wire

/// Measures the protocol over real sockets of the loopback interface; prints lines of a table. `scripts/bench-wire` runs
/// it beside other programs.
@main struct WireBench {
    /// glibc gives the end of a heap back to the system, and takes it again page by page, unless a piece of some megabytes
    /// has been freed before. In a peer with a model it has; here it was a matter of luck, and a transfer without it took up to
    /// 40 % more processor time.
    private static func warmUpAllocator() {
        let piece = [UInt8](repeating: 1, count: 16 << 20)
        precondition(piece.last == 1, "a piece was taken, and is given back")
    }

    /// Arguments: how often to repeat (5), and which parts to measure (all): `pair`, `aes`, `short`, `short-aes`,
    /// `mesh`, `average`, `sessions`, `slow`. `flood` alone waits for `scripts/bench-flood`.
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let repetitions = arguments.lazy.compactMap { Int($0) }.first ?? 5
        let parts = Set(arguments.filter { Int($0) == nil })
        if parts == ["flood"] { return try await FloodBench.run() }
        func measures(_ part: String) -> Bool { parts.isEmpty || parts.contains(part) }
        warmUpAllocator()
        print("| what | measured |\n|---|---|")
        if measures("pair") { try await pair("100 MB, ChaCha20-Poly1305", repetitions: repetitions) }
        if measures("aes") {
            try await pair("100 MB, AES-256-GCM", repetitions: repetitions) { $0.suites = [.aes256GCM] }
        }
        if measures("short") {
            try await pair("100 MB, ChaCha20-Poly1305, 1200-byte datagrams", repetitions: repetitions) {
                $0.datagramByteLimit = $0.datagramByteCount
            }
        }
        if measures("short-aes") {
            try await pair("100 MB, AES-256-GCM, 1200-byte datagrams", repetitions: repetitions) {
                $0.suites = [.aes256GCM]
                $0.datagramByteLimit = $0.datagramByteCount
            }
        }
        if measures("mesh") { try await mesh(repetitions: repetitions) }
        if measures("average") {
            for count in [4, 8, 16] {
                try await AveragingBench.run(peers: count, byteCount: 16_800_000, repetitions: repetitions)
            }
        }
        if measures("sessions") { try HandshakeBench.run() }
        if measures("slow") { try SlowTransferBench.run() }
    }

    private static func pair(
        _ name: String, repetitions: Int, _ change: (inout WireConfiguration) -> Void = { _ in }
    ) async throws {
        var configuration = WireConfiguration()
        change(&configuration)
        var rates: [Double] = []
        var costs: [Double] = []
        var losses = 0
        for _ in 0..<repetitions {
            let result = try await exchange(
                peers: 2, byteCount: 100_000_000, senders: 1, configuration: configuration)
            rates.append(result.rate)
            costs.append(result.processorMilliseconds)
            losses += result.lost
        }
        print("| one pair, \(name) | \(number(median(rates))) MB/s (\(range(rates))) |")
        print("| processor time per received MB, both sides | \(number(median(costs), digits: 2)) ms |")
        print("| packets declared lost, \(repetitions) runs | \(losses) |")
    }

    private static func mesh(repetitions: Int) async throws {
        var totals: [Double] = []
        var fairness: [Double] = []
        for _ in 0..<repetitions {
            let result = try await exchange(peers: 8, byteCount: 16_800_000, senders: 8)
            totals.append(result.rate)
            fairness.append(result.fairness)
        }
        print("| 8 peers, each 16.8 MB to all others | \(number(median(totals))) MB/s in all (\(range(totals))) |")
        print("| the same: median arrival / last arrival | \(number(median(fairness), digits: 2)) |")
    }

    /// What one exchange took.
    struct Result {
        /// Received megabytes a second, all peers together.
        var rate: Double
        /// Processor milliseconds for each received megabyte.
        var processorMilliseconds: Double
        /// Median time of a peer's last arrival by the latest peer's.
        var fairness: Double
        /// Packets that were declared lost.
        var lost: Int
    }

    /// `senders` of `peers` give an object of `byteCount` random bytes to all others, over sessions that stand.
    static func exchange(
        peers count: Int, byteCount: Int, senders: Int, configuration: WireConfiguration = WireConfiguration()
    ) async throws -> Result {
        var generator = SeededGenerator(seed: 7)
        let swarm = try await BenchSwarm(count: count, configuration: configuration, using: &generator)
        let (peers, ids) = (swarm.peers, swarm.ids)
        var objects: [ObjectID] = []
        for index in 0..<senders {
            let payload = HashedPayload(generator.bytes(count: byteCount))
            let signed = swarm.manifest(by: index, round: 1, sequence: 1, payload: payload)
            objects.append(signed.id)
            await peers[index].perform { endpoint, _, _ in endpoint.publish(signed, payload) }
        }
        let begin = ContinuousClock.now
        let processor = processorSeconds()
        for index in 0..<senders {
            let id = objects[index]
            await peers[index].perform { endpoint, time, _ in
                for other in ids where other != ids[index] { endpoint.announce(id, to: other, at: time) }
            }
        }
        for (index, peer) in peers.enumerated() {
            let expected = senders - (index < senders ? 1 : 0)
            while await peer.received < expected { try await Task.sleep(for: .milliseconds(1)) }
        }
        let used = processorSeconds() - processor
        var arrivals: [Double] = []
        var lost = 0
        for (index, peer) in peers.enumerated() {
            lost += Int(await peer.statistics.packetsLost)
            if senders > 1 || index >= senders { arrivals.append((await peer.lastArrival - begin).inSeconds) }
        }
        await swarm.close()
        let megabytes = Double(senders * (count - 1) * byteCount) / 1e6
        let last = arrivals.max() ?? 0
        return Result(
            rate: megabytes / last, processorMilliseconds: used * 1000 / megabytes, fairness: median(arrivals) / last,
            lost: lost)
    }

    /// Processor seconds of this process so far.
    static func processorSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func number(_ value: Double, digits: Int = 0) -> String { String(format: "%.\(digits)f", value) }

    private static func range(_ values: [Double]) -> String {
        "\(number(values.min() ?? 0))–\(number(values.max() ?? 0))"
    }
}
