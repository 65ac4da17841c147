import Basics
import Cryptography
import Foundation
import Wire

/// A pair of peers that others may flood meanwhile: `scripts/bench-flood` does, from a process of its own.
enum FloodBench {
    /// Prints the receiving peer's port and exchange key; then carries 100 MB for every line of the standard input, and
    /// prints megabytes a second and processor milliseconds a megabyte.
    static func run() async throws {
        var generator = SeededGenerator(seed: 13)
        let swarm = try await BenchSwarm(count: 2, using: &generator)
        let payload = HashedPayload(generator.bytes(count: 100_000_000))
        let key = swarm.keys[1].exchange.publicKey.map { String(format: "%02x", $0) }.joined()
        say("\(swarm.addresses[1].port) \(key)")
        var sequence: UInt64 = 0
        while readLine() != nil {
            sequence += 1
            let signed = swarm.manifest(by: 0, round: sequence, sequence: sequence, payload: payload)
            let (id, other) = (signed.id, swarm.ids[1])
            await swarm.peers[0].perform { endpoint, _, _ in endpoint.publish(signed, payload) }
            let before = await swarm.peers[1].received
            let begin = ContinuousClock.now
            let processor = WireBench.processorSeconds()
            await swarm.peers[0].perform { endpoint, time, _ in endpoint.announce(id, to: other, at: time) }
            while await swarm.peers[1].received == before { try await Task.sleep(for: .milliseconds(1)) }
            let seconds = (await swarm.peers[1].lastArrival - begin).inSeconds
            let used = WireBench.processorSeconds() - processor
            let megabytes = Double(payload.bytes.count) / 1e6
            await swarm.peers[0].perform { endpoint, _, _ in endpoint.retire(id) }
            say(
                WireBench.number(megabytes / seconds, digits: 1) + " "
                    + WireBench.number(used * 1000 / megabytes, digits: 2))
        }
        await swarm.close()
    }

    /// A line that is not held back.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
