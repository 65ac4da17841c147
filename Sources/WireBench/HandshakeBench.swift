import Basics
import Cryptography
import Foundation
import Wire

/// What handshakes and sessions cost: one endpoint with a thousand others, all in this process, without sockets.
enum HandshakeBench {
    /// Prints its lines of the table.
    static func run() throws {
        let count = 1000
        var generator = SeededGenerator(seed: 3)
        let swarm = try SwarmSecret(name: "bench", seed: 1)
        let hubKeys = try IdentityKeys.generate(using: &generator)
        let keys = try (0..<count).map { _ in try IdentityKeys.generate(using: &generator) }
        let hubAddress = NetworkAddress(host: "127.0.0.1", port: 1)
        let hubRemote = RemotePeer(
            id: PeerID(bytes: hubKeys.signing.publicKey)!, exchangeKey: hubKeys.exchange.publicKey, address: hubAddress)
        let remotes = (0..<count).map { index in
            RemotePeer(
                id: PeerID(bytes: keys[index].signing.publicKey)!, exchangeKey: keys[index].exchange.publicKey,
                address: NetworkAddress(host: "127.0.0.1", port: UInt16(2 + index)))
        }
        let before = residentBytes()
        var hub = ProtocolEndpoint(
            local: LocalPeer(hubKeys), remotes: remotes, swarm: swarm, configuration: WireConfiguration(),
            handshakeTimestamp: 1, at: .zero)
        var spokes = (0..<count).map { index in
            ProtocolEndpoint(
                local: LocalPeer(keys[index]), remotes: [hubRemote], swarm: swarm, configuration: WireConfiguration(),
                handshakeTimestamp: 1, at: .zero)
        }
        let begin = WireBench.processorSeconds()
        for remote in remotes { hub.connect(to: remote.id, at: .zero, using: &generator) }
        var hubSeconds = 0.0
        pump(&hub, &spokes, hubAddress: hubAddress, at: .zero, hubSeconds: &hubSeconds, using: &generator)
        let handshakes = WireBench.processorSeconds() - begin
        let completed = hub.statistics.handshakesCompleted
        let cost = WireBench.number(handshakes * 1e6 / Double(max(1, completed)))
        print("| handshake, both sides, processor time (\(completed) sessions) | \(cost) µs |")
        let memory = WireBench.number(Double(residentBytes() - before) / 1e6, digits: 1)
        print("| \(completed) sessions, both sides in one process | \(memory) MB |")
        hubSeconds = 0
        for second in 1...60 {
            let time = MonotonicTime.zero + .seconds(second)
            let start = WireBench.processorSeconds()
            hub.handleTimeout(at: time, using: &generator)
            hubSeconds += WireBench.processorSeconds() - start
            for index in spokes.indices { spokes[index].handleTimeout(at: time, using: &generator) }
            pump(&hub, &spokes, hubAddress: hubAddress, at: time, hubSeconds: &hubSeconds, using: &generator)
        }
        let idle = WireBench.number(hubSeconds / 60 * 100, digits: 2)
        print("| the same, idle, one side, without the socket | \(idle) % of a core |")
    }

    /// Carries datagrams until nobody has any; counts the hub's own time.
    private static func pump(
        _ hub: inout ProtocolEndpoint, _ spokes: inout [ProtocolEndpoint], hubAddress: NetworkAddress,
        at time: MonotonicTime, hubSeconds: inout Double, using generator: inout SeededGenerator
    ) {
        var moved = true
        while moved {
            moved = false
            var start = WireBench.processorSeconds()
            var outgoing: [Datagram] = []
            while let datagram = hub.pollTransmit(at: time, using: &generator) { outgoing.append(datagram) }
            while hub.pollEvent() != nil {}
            hubSeconds += WireBench.processorSeconds() - start
            var back: [Datagram] = []
            for datagram in outgoing {
                spokes[Int(datagram.address.port) - 2].receive(
                    Datagram(address: hubAddress, bytes: datagram.bytes), at: time, using: &generator)
            }
            for index in spokes.indices {
                while let answer = spokes[index].pollTransmit(at: time, using: &generator) {
                    back.append(
                        Datagram(
                            address: NetworkAddress(host: "127.0.0.1", port: UInt16(2 + index)), bytes: answer.bytes))
                }
                while spokes[index].pollEvent() != nil {}
            }
            start = WireBench.processorSeconds()
            for datagram in back { hub.receive(datagram, at: time, using: &generator) }
            hubSeconds += WireBench.processorSeconds() - start
            moved = !outgoing.isEmpty || !back.isEmpty
        }
    }

    /// Bytes of memory that the process has.
    static func residentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * 4096
    }
}

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
