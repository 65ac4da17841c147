import Basics
import Synchronization
import Wire

/// An endpoint that keeps the first byte of what is sent through it.
final class RecordingEndpoint: DatagramEndpoint {
    private let bytes = Mutex<[UInt8]>([])

    let localAddress = NetworkAddress(host: "127.0.0.1", port: 1)
    let incoming = AsyncStream<[Datagram]> { $0.finish() }

    var sent: [UInt8] { bytes.withLock { $0 } }

    func send(_ datagrams: [Datagram]) {
        bytes.withLock { $0 += datagrams.map { $0.bytes[0] } }
    }

    func close() async {}
}
