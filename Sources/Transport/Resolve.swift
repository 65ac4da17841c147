package import Basics
import NIOCore
import NIOPosix

/// The first numeric address of a host name, or of a numeric address written as text. Asks the system's resolver, on a
/// thread of its own.
///
/// - Throws: `TransportError.unknownHost`.
package func resolve(host: String, port: UInt16) async throws(TransportError) -> NetworkAddress {
    if let numeric = (try? SocketAddress(ipAddress: host, port: Int(port))).flatMap(NetworkAddress.init) {
        return numeric
    }
    do {
        let address = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: Int(port))
        }
        guard let resolved = NetworkAddress(address) else { throw TransportError.unknownHost(host) }
        return resolved
    } catch {
        throw .unknownHost(host)
    }
}
