package import Basics
import NIOCore
import NIOPosix

/// Why a socket could not be had, or a name not be found.
package enum TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another process holds the address.
    case addressInUse(NetworkAddress)
    /// The address is none of this machine's.
    case addressNotAvailable(NetworkAddress)
    /// The system does not let this process have the address.
    case permissionDenied(NetworkAddress)
    /// The text is not a numeric address.
    case notNumeric(NetworkAddress)
    /// The system refused for another reason.
    case cannotBind(NetworkAddress, reason: String)
    /// The name has no address.
    case unknownHost(String)

    package var description: String {
        switch self {
        case .addressInUse(let address):
            "\(address) is in use by another process: stop it, or give this peer another port in the topology file"
        case .addressNotAvailable(let address):
            "\(address) is not an address of this machine: check the peer's address in the topology file"
        case .permissionDenied(let address):
            "\(address) may not be used by this process: choose a port of 1024 or more"
        case .notNumeric(let address):
            "\(address.host) is not a numeric address: resolve the name first"
        case .cannotBind(let address, let reason):
            "\(address) cannot be used: \(reason)"
        case .unknownHost(let name):
            "no address is known for the name \(name): check its spelling and the network's name service"
        }
    }
}

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
