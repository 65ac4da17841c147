import Basics
import Testing
import Transport
import Wire

/// What the system would not send is told, once, and costs the socket nothing.
@Suite struct RefusalTests {
    static func initiation(to address: NetworkAddress) -> Datagram {
        Datagram(address: address, bytes: [1] + [UInt8](repeating: 0, count: 1199))
    }

    @Test(.timeLimit(.minutes(1))) func anotherAddressFamilyIsTold() async throws {
        let sender = try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))
        let receiver = try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))
        let stranger = NetworkAddress(host: "::1", port: 9)
        for _ in 0..<5 { sender.send([Self.initiation(to: stranger)]) }
        sender.send([Datagram(address: stranger, bytes: [4, 0, 0, 0])])
        // The socket still works.
        sender.send([Datagram(address: receiver.localAddress, bytes: [9])])
        for await burst in receiver.incoming {
            #expect(burst.map(\.bytes) == [[9]])
            break
        }
        await sender.close()
        await receiver.close()
        var told: [SendRefusal] = []
        for await refusal in try #require(sender.refusals) { told.append(refusal) }
        #expect(told.map(\.address) == [stranger])
        #expect(told.first?.reason.contains("address family") == true)
    }

    @Test(.timeLimit(.minutes(1))) func anAddressThatTheSystemForbidsIsTold() async throws {
        let sender = try await UDPEndpoint.bind(to: NetworkAddress(host: "127.0.0.1", port: 0))
        // Broadcasting needs a permission that the socket does not ask for.
        let everybody = NetworkAddress(host: "255.255.255.255", port: 9)
        sender.send([Self.initiation(to: everybody)])
        for await refusal in try #require(sender.refusals) {
            #expect(refusal.address == everybody && !refusal.reason.isEmpty)
            break
        }
        await sender.close()
    }
}
