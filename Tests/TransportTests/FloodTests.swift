import Basics
import Cryptography
import Foundation
import Testing
import Transport
import Wire

@Suite("Floods on a real socket", .serialized)
struct FloodTests {
    /// Where the forged messages go.
    private enum Flood: CaseIterable {
        case none, elsewhere, victim
    }

    /// First messages that anyone can forge who knows the responder's exchange key against a transfer that is under way. What
    /// has to hold is that it arrives, and that the flood gets no more than it gives; how much goodput it costs is printed:
    /// against no flood, and against the same flood at a socket of nobody's, as on two cores the attacker's own work costs
    /// most (less with `MURMUR_FLOOD_BURSTS`). Ten thousand a second unless `MURMUR_FLOOD_RATE` says otherwise: a machine with other work to do must get
    /// through, too.
    @Test("A transfer goes on under forged first messages", .timeLimit(.minutes(2)))
    func forgedInitiations() async throws {
        let isMeasured = ProcessInfo.processInfo.environment["MURMUR_FLOOD_RATE"] != nil
        var rates: [Flood: [Double]] = [:]
        for round in 0..<(isMeasured ? 5 : 1) as Range<UInt64> {
            for (number, flood) in Flood.allCases.enumerated() {
                let outcome = try await transfer(seed: 51 + 10 * round + UInt64(number), flood: flood)
                rates[flood, default: []].append(outcome.megabytesPerSecond)
                guard flood == .victim else { continue }
                #expect(outcome.forged > 64)
                #expect(
                    outcome.answeredBytes <= outcome.forged * 1200 / 10, "cookies are a nineteenth of an initiation")
                print("flood: \(Int(Double(outcome.forged) / outcome.seconds)) forged first messages a second")
            }
        }
        for flood in Flood.allCases {
            let sorted = rates[flood, default: []].sorted()
            print("flood \(flood): goodput \(Int(sorted[sorted.count / 2])) MB/s (\(sorted.map { Int($0) }))")
        }
    }

    private struct Outcome {
        var seconds: Double
        var megabytesPerSecond: Double
        var forged = 0
        var answeredBytes = 0
    }

    private func transfer(seed: UInt64, flood: Flood) async throws -> Outcome {
        var generator = SeededGenerator(seed: seed)
        let keys = [try IdentityKeys.generate(using: &generator), try IdentityKeys.generate(using: &generator)]
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        let swarm = try SwarmSecret(name: "flood", seed: 1)
        var sockets: [UDPEndpoint] = []
        for _ in 0..<4 { sockets.append(try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))) }
        let peers = (0..<2).map { index in
            SocketPeer(
                keys: keys[index],
                remotes: [
                    RemotePeer(
                        id: ids[1 - index], exchangeKey: keys[1 - index].exchange.publicKey,
                        address: sockets[1 - index].localAddress)
                ], swarm: swarm, socket: sockets[index], seed: UInt64(index))
        }
        let isMeasured = ProcessInfo.processInfo.environment["MURMUR_FLOOD_RATE"] != nil
        let payload = generator.bytes(count: isMeasured ? 100_000_000 : 20_000_000)
        let manifest = SignedManifest(
            ContributionManifest(
                swarm: swarm.identifier, origin: ids[0], round: 1, sequence: 1,
                baseModelDigest: Array(repeating: 0, count: 32), schemaDigest: Array(repeating: 0, count: 32),
                encoding: 0, sampleCount: 1, payload: payload), signedWith: keys[0].signing)
        let loops = peers.map { peer in Task { await peer.run() } }
        await peers[0].perform { endpoint, time, generator in
            endpoint.connect(to: ids[1], at: time, using: &generator)
            endpoint.publish(manifest, payload: payload)
            endpoint.announce(manifest.id, to: ids[1], at: time)
        }
        while await !peers[1].events.contains(.announced(from: ids[0], manifest)) {
            try await Task.sleep(for: .milliseconds(2))
        }
        let packets = forged(for: keys[1].exchange.publicKey, using: &generator)
        let attacker = sockets[2]
        let victim = sockets[flood == .victim ? 1 : 3].localAddress
        let flooding = Task { flood == .none ? 0 : await Self.flood(victim, from: attacker, with: packets) }
        let answers = Task {
            var bytes = 0
            for await burst in attacker.incoming { bytes += burst.reduce(0) { $0 + $1.bytes.count } }
            return bytes
        }
        let start = ContinuousClock.now
        await peers[1].perform { endpoint, time, _ in endpoint.request(manifest.id, from: ids[0], at: time) }
        var failures = 0
        while true {
            let ends = await peers[1].events.filter(\.isEnd)
            if case .received = ends.last { break }
            if ends.count > failures {
                // Starved of everything for half a minute: asked for again, as the layer above does.
                failures = ends.count
                try await Task.sleep(for: .seconds(1))
                await peers[1].perform { endpoint, time, _ in endpoint.request(manifest.id, from: ids[0], at: time) }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        let seconds = (ContinuousClock.now - start).inSeconds
        flooding.cancel()
        let sent = await flooding.value
        #expect(await peers[1].events.contains(.received(from: ids[0], manifest, payload: payload)))
        for socket in sockets { await socket.close() }
        for loop in loops { await loop.value }
        return Outcome(
            seconds: seconds, megabytesPerSecond: Double(payload.count) / seconds / 1e6, forged: sent,
            answeredBytes: await answers.value)
    }

    private func forged(for key: [UInt8], using generator: inout SeededGenerator) -> [[UInt8]] {
        let codeKey = Digest.blake2b256(key, personalisation: "murmur-mac1")
        return (0..<64).map { _ in
            let body: [UInt8] = [1, 0, 0, 0] + generator.bytes(count: 1164)
            return body + Digest.of(body, byteCount: 16, key: codeKey) + generator.bytes(count: 16)
        }
    }

    /// Sends until it is cancelled; returns how many.
    @concurrent private static func flood(
        _ victim: NetworkAddress, from socket: UDPEndpoint, with packets: [[UInt8]]
    ) async -> Int {
        let rate = Double(ProcessInfo.processInfo.environment["MURMUR_FLOOD_RATE"] ?? "") ?? 10_000
        let start = ContinuousClock.now
        var sent = 0
        let burst: [Datagram]
        if ProcessInfo.processInfo.environment["MURMUR_FLOOD_BURSTS"] != nil {
            // 54 of them in one call, and in one datagram as far as loopback goes: the cheapest for who sends them.
            burst = [Datagram(address: victim, bytes: packets[..<54].flatMap { $0 }, segmentByteCount: 1200)]
        } else {
            burst = packets.map { Datagram(address: victim, bytes: $0) }
        }
        let count = burst.reduce(0) { $0 + $1.bytes.count / 1200 }
        while !Task.isCancelled {
            socket.send(burst)
            sent += count
            let due = start + .seconds(Double(sent) / rate)
            try? await Task.sleep(until: due, clock: .continuous)
        }
        return sent
    }
}

extension WireEvent {
    /// Whether a requested object has arrived or will not.
    var isEnd: Bool {
        switch self {
        case .received, .transferFailed: true
        default: false
        }
    }
}
