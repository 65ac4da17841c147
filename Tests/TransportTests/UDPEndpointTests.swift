import Basics
import Testing
import Transport
import Wire

@Suite("UDP on the loopback interface")
struct UDPEndpointTests {
    static let loopback = NetworkAddress(host: "127.0.0.1", port: 0)

    /// Takes datagrams until there are `count`, or none came for a while.
    func take(_ count: Int, from endpoint: some DatagramEndpoint) async -> [Datagram] {
        var taken: [Datagram] = []
        for await burst in endpoint.incoming {
            taken += burst
            if taken.count >= count { break }
        }
        return taken
    }

    /// Through the loss that a test may wrap it in, too.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func anAlarmRingsOnceUnlessItIsCancelled(isLossy: Bool) async throws {
        let socket = try await UDPEndpoint.bind(to: Self.loopback)
        let endpoint: any DatagramEndpoint =
            isLossy ? LossyEndpoint(socket, loss: 1, using: SeededGenerator(seed: 1)) : socket
        let (rings, bell) = AsyncStream<String>.makeStream()
        let cancelled = try #require(endpoint.alarm(after: .milliseconds(900)) { bell.yield("cancelled") })
        let due = try #require(endpoint.alarm(after: .milliseconds(-5)) { bell.yield("due") })
        _ = try #require(endpoint.alarm(after: .milliseconds(20)) { bell.yield("later") })
        _ = try #require(endpoint.alarm(after: .milliseconds(1100)) { bell.finish() })
        cancelled.cancel()
        var heard: [String] = []
        for await ring in rings { heard.append(ring) }
        #expect(heard == ["due", "later"])
        // It has rung: this changes nothing.
        due.cancel()
        await endpoint.close()
    }

    @Test(.timeLimit(.minutes(1))) func datagramsCross() async throws {
        let first = try await UDPEndpoint.bind(to: Self.loopback)
        let second = try await UDPEndpoint.bind(to: Self.loopback)
        #expect(first.localAddress.port != 0)
        let sent = (0..<100).map { index in
            Datagram(address: second.localAddress, bytes: [UInt8](repeating: UInt8(index), count: 1200 - index))
        }
        // No more at once than a socket's buffer holds: the reader may be late.
        var received: [Datagram] = []
        for start in stride(from: 0, to: sent.count, by: 20) {
            first.send(Array(sent[start..<start + 20]))
            received += await take(20, from: second)
        }
        #expect(received.map(\.bytes) == sent.map(\.bytes))
        #expect(received.allSatisfy { $0.address == first.localAddress })
        await first.close()
        await second.close()
        // The stream ends with the socket.
        for await _ in second.incoming {}
    }

    @Test func anAddressInUseIsNamed() async throws {
        let first = try await UDPEndpoint.bind(to: Self.loopback)
        let expected = TransportError.addressInUse(first.localAddress)
        await #expect(throws: expected) { try await UDPEndpoint.bind(to: first.localAddress) }
        #expect("\(expected)".contains("127.0.0.1:\(first.localAddress.port) is in use"))
        await #expect(throws: TransportError.self) {
            try await UDPEndpoint.bind(to: NetworkAddress(host: "203.0.113.7", port: 0))
        }
        await #expect(throws: TransportError.notNumeric(NetworkAddress(host: "some name", port: 1))) {
            try await UDPEndpoint.bind(to: NetworkAddress(host: "some name", port: 1))
        }
        await first.close()
    }

    @Test(.timeLimit(.minutes(1))) func aRefusedDatagramDoesNotEndTheSocket() async throws {
        let first = try await UDPEndpoint.bind(to: Self.loopback)
        let gone = try await UDPEndpoint.bind(to: Self.loopback)
        let nowhere = gone.localAddress
        await gone.close()
        for _ in 0..<20 { first.send([Datagram(address: nowhere, bytes: [1])]) }
        let second = try await UDPEndpoint.bind(to: Self.loopback)
        for _ in 0..<20 { first.send([Datagram(address: nowhere, bytes: [1])]) }
        second.send([Datagram(address: first.localAddress, bytes: [2])])
        #expect(await take(1, from: first).map(\.bytes) == [[2]])
        first.send([Datagram(address: second.localAddress, bytes: [3])])
        #expect(await take(1, from: second).map(\.bytes) == [[3]])
        await first.close()
        await second.close()
    }

    @Test(.timeLimit(.minutes(1))) func burstsArriveAsTheirPackets() async throws {
        let first = try await UDPEndpoint.bind(to: Self.loopback)
        let second = try await UDPEndpoint.bind(to: Self.loopback)
        var generator = SeededGenerator(seed: 5)
        let bytes = (0..<(20 * 1200 + 77)).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let sent = Datagram(address: second.localAddress, bytes: bytes, segmentByteCount: 1200)
        #expect(sent.packets.map(\.bytes.count) == Array(repeating: 1200, count: 20) + [77])
        first.send([sent, Datagram(address: second.localAddress, bytes: [9])])
        var packets: [[UInt8]] = []
        for await burst in second.incoming {
            packets += burst.flatMap(\.packets).map(\.bytes)
            if packets.count >= 22 { break }
        }
        #expect(packets == sent.packets.map(\.bytes) + [[9]])
        await first.close()
        await second.close()
    }

    @Test(.timeLimit(.minutes(1))) func aLostSocketIsBoundAgain() async throws {
        let first = try await UDPEndpoint.bind(to: Self.loopback)
        let second = try await UDPEndpoint.bind(to: Self.loopback)
        let address = second.localAddress
        await second.loseSocket()
        // What is sent meanwhile is lost, as on any network; soon datagrams arrive at the old address again.
        let sender = Task {
            while !Task.isCancelled {
                first.send([Datagram(address: address, bytes: [4])])
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
        #expect(await take(1, from: second).first?.bytes == [4])
        sender.cancel()
        second.send([Datagram(address: first.localAddress, bytes: [5])])
        #expect(await take(1, from: first).map(\.bytes) == [[5]])
        #expect(second.localAddress == address)
        await first.close()
        await second.close()
        for await _ in second.incoming {}
    }

    @Test func namesAreResolved() async throws {
        #expect(try await resolve(host: "127.0.0.1", port: 5) == NetworkAddress(host: "127.0.0.1", port: 5))
        #expect(try await resolve(host: "::1", port: 5) == NetworkAddress(host: "::1", port: 5))
        let local = try await resolve(host: "localhost", port: 6)
        #expect(["127.0.0.1", "::1"].contains(local.host))
        await #expect(throws: TransportError.unknownHost("no such host.invalid")) {
            try await resolve(host: "no such host.invalid", port: 1)
        }
        await #expect(throws: TransportError.unknownHost("nobody.invalid")) {
            try await resolve(host: "nobody.invalid", port: 1, isIPv6: false)
        }
        // A socket reaches its own family only: one of the two is there, or else it is said which is missing.
        for isIPv6 in [false, true] {
            do {
                #expect(try await resolve(host: "localhost", port: 6, isIPv6: isIPv6).isIPv6 == isIPv6)
            } catch {
                #expect(error == .otherFamily("localhost", isIPv6: isIPv6), "\(error)")
            }
        }
    }

    @Test func lossIsSeeded() async throws {
        func survivors(seed: UInt64) async -> [UInt8] {
            let recorder = RecordingEndpoint()
            let lossy = LossyEndpoint(recorder, loss: 0.4, duplication: 0.1, using: SeededGenerator(seed: seed))
            lossy.send((0..<200).map { Datagram(address: Self.loopback, bytes: [UInt8($0)]) })
            return recorder.sent
        }
        let first = await survivors(seed: 3)
        #expect(await survivors(seed: 3) == first)
        #expect(await survivors(seed: 4) != first)
        #expect((90...170).contains(first.count))
    }
}
