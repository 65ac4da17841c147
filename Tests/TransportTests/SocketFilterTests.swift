import Basics
import Cryptography
import Foundation
import Synchronization
import Testing
import Transport
import Wire

#if os(Linux)
private let systemFilters = FileManager.default.isReadableFile(atPath: "/proc/net/udp")
#else
private let systemFilters = false
#endif

/// The system's filter against floods on real sockets: what it lets pass, what it drops, when it comes and goes.
@Suite("The socket's filter", .serialized, .enabled(if: systemFilters, "there is no such filter here"))
struct SocketFilterTests {
    /// Counts what arrives, by the second byte.
    private final class Tally: Sendable {
        private let counts = Mutex<[UInt8: Int]>([:])

        func take(_ burst: [Datagram]) {
            counts.withLock { counts in
                for packet in burst.lazy.flatMap(\.packets) { counts[packet.bytes[1], default: 0] += 1 }
            }
        }

        subscript(mark: UInt8) -> Int { counts.withLock { $0[mark, default: 0] } }
    }

    private static func packets(_ type: UInt8, mark: UInt8, count: Int, to address: NetworkAddress) -> [Datagram] {
        Array(
            repeating: Datagram(address: address, bytes: [type, mark] + Array(repeating: 7, count: 62)), count: count)
    }

    /// Initiations as fast as a socket sends them, for so long.
    @concurrent private static func flood(
        _ victim: NetworkAddress, from socket: UDPEndpoint, for duration: Duration, pause: Duration = .milliseconds(10)
    ) async throws {
        let burst = Datagram(
            address: victim, bytes: Array(repeating: 1, count: 1200 * 50), segmentByteCount: 1200)
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            socket.send(Array(repeating: burst, count: 8))
            try await Task.sleep(for: pause)
        }
    }

    /// Datagrams that the system has dropped of those to the port: full buffers and the filter.
    private static func drops(at port: UInt16, isV6: Bool) throws -> Int {
        let table = try String(contentsOfFile: isV6 ? "/proc/net/udp6" : "/proc/net/udp", encoding: .utf8)
        let suffix = ":" + String(format: "%04X", port)
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 12, fields[1].hasSuffix(suffix) { return Int(fields[12]) ?? 0 }
        }
        return 0
    }

    /// Waits until `count` with the mark have arrived: long, where all of them must, as the machine may have other work.
    private static func settled(
        _ tally: Tally, mark: UInt8, expecting count: Int, patience: Duration = .seconds(10)
    ) async throws -> Int {
        let end = ContinuousClock.now + patience
        while tally[mark] < count, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(25)) }
        return tally[mark]
    }

    /// Sends so many that all should arrive, never more at once than the socket keeps for an owner that has no time.
    private static func deliver(
        _ type: UInt8, mark: UInt8, count: Int, from socket: UDPEndpoint, to target: NetworkAddress, _ tally: Tally
    ) async throws -> Int {
        for sent in stride(from: 0, to: count, by: 50) {
            socket.send(packets(type, mark: mark, count: min(50, count - sent), to: target))
            _ = try await settled(tally, mark: mark, expecting: min(count, sent + 50))
        }
        return tally[mark]
    }

    @Test(
        "A flood is dropped by the system, partners and data pass, and afterwards everybody does",
        .timeLimit(.minutes(2)), arguments: ["127.0.0.1", "::1"])
    func floodIsDropped(host: String) async throws {
        let address = NetworkAddress(host: host, port: 0)
        let sockets = try await [UDPEndpoint.bind(to: address), .bind(to: address), .bind(to: address)]
        let (victim, partner, stranger) = (sockets[0], sockets[1], sockets[2])
        let tally = Tally()
        let loop = Task { for await burst in victim.incoming { tally.take(burst) } }
        let target = victim.localAddress
        // Whom the victim has sent data is a partner.
        victim.send(Self.packets(4, mark: 0, count: 1, to: partner.localAddress))
        let calm = try await Self.deliver(1, mark: 10, count: 400, from: stranger, to: target, tally)
        #expect(calm == 400, "without a flood everybody passes")

        var arrived = Int.max
        var dropped = 0
        for attempt in 0..<10 as Range<UInt8> where arrived > 500 {
            try await Self.flood(target, from: stranger, for: .milliseconds(1500))
            // In another second the process alone would hand on all of these.
            try await Task.sleep(for: .milliseconds(1200))
            let before = try Self.drops(at: target.port, isV6: host == "::1")
            for _ in 0..<16 {
                stranger.send(Self.packets(1, mark: 20 + attempt, count: 100, to: target))
                try await Task.sleep(for: .milliseconds(5))
            }
            arrived = try await Self.settled(tally, mark: 20 + attempt, expecting: 1600, patience: .seconds(1))
            dropped = try Self.drops(at: target.port, isV6: host == "::1") - before
        }
        // One in sixteen at random: of 1600 more than 220 or fewer than 20 is beyond twelve and eight deviations.
        #expect((20...220).contains(arrived))
        #expect(dropped >= 1600 - 220, "the system says that it dropped them")

        let known = try await Self.deliver(1, mark: 40, count: 300, from: partner, to: target, tally)
        #expect(known == 300, "a partner's initiations pass")
        for type in [2, 3, 4] as [UInt8] {
            let others = try await Self.deliver(type, mark: 50 + type, count: 200, from: stranger, to: target, tally)
            #expect(others == 200, "whatever else passes")
        }
        // After some calm seconds the filter is taken off with the next datagram.
        try await Task.sleep(for: .seconds(7))
        stranger.send(Self.packets(4, mark: 60, count: 1, to: target))
        _ = try await Self.settled(tally, mark: 60, expecting: 1)
        try await Task.sleep(for: .milliseconds(100))
        #expect(try await Self.deliver(1, mark: 61, count: 400, from: stranger, to: target, tally) == 400)
        for socket in sockets { await socket.close() }
        await loop.value
    }

    @Test("A session with a peer that nobody knows the address of can be made under a flood", .timeLimit(.minutes(2)))
    func newSession() async throws {
        var generator = SeededGenerator(seed: 81)
        let keys = [try IdentityKeys.generate(using: &generator), try IdentityKeys.generate(using: &generator)]
        let ids = keys.map { PeerID(bytes: $0.signing.publicKey)! }
        let swarm = try SwarmSecret(name: "filter", seed: 1)
        let loopback = NetworkAddress(host: "127.0.0.1", port: 0)
        let sockets = try await [UDPEndpoint.bind(to: loopback), .bind(to: loopback), .bind(to: loopback)]
        // Its tries follow each other quickly, so that the test need not wait for sixteen of them.
        var eager = WireConfiguration()
        eager.handshakeRetry = .milliseconds(5)
        eager.handshakeRetryLimit = .milliseconds(5)
        let peers = (0..<2).map { index in
            SocketPeer(
                keys: keys[index],
                remotes: [
                    RemotePeer(
                        id: ids[1 - index], exchangeKey: keys[1 - index].exchange.publicKey,
                        address: index == 0 ? nil : sockets[0].localAddress)
                ], swarm: swarm, socket: sockets[index], seed: UInt64(index), configuration: eager)
        }
        let loops = peers.map { peer in Task { await peer.run() } }
        let victim = sockets[0].localAddress
        let attacker = sockets[2]
        let flooding = Task {
            while !Task.isCancelled {
                try await Self.flood(victim, from: attacker, for: .milliseconds(200), pause: .milliseconds(20))
            }
        }
        try await Task.sleep(for: .milliseconds(2500))
        await peers[1].perform { endpoint, time, generator in
            endpoint.connect(to: ids[0], at: time, using: &generator)
        }
        while await !peers[0].events.contains(.connected(ids[1])) { try await Task.sleep(for: .milliseconds(20)) }
        flooding.cancel()
        for socket in sockets { await socket.close() }
        for loop in loops { await loop.value }
    }
}
