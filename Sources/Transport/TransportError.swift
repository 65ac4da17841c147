package import Basics
import Foundation
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
    /// The name has addresses, and none of the family that is asked for.
    case otherFamily(String, isIPv6: Bool)

    package var description: String {
        switch self {
        case .addressInUse(let address):
            "\(address) is in use by another process: stop it, or give this peer another port in the topology file"
        case .addressNotAvailable(let address):
            "\(address) is not an address of this machine: check the peer's address in the topology file, or say where to listen "
                + "with --listen"
        case .permissionDenied(let address):
            "\(address) may not be used by this process: choose a port of 1024 or more"
        case .notNumeric(let address):
            "\(address.host) is not a numeric address: resolve the name first"
        case .cannotBind(let address, let reason):
            "\(address) cannot be used: \(reason)"
        case .unknownHost(let name):
            "no address is known for the name \(name): check its spelling and the network's name service"
        case .otherFamily(let name, let isIPv6):
            "the name \(name) has no \(isIPv6 ? "IPv6" : "IPv4") address, which the socket of this peer needs"
        }
    }
}

/// A numeric address of a host's name, or of a numeric address written as text. The system's resolver is asked, on a thread
/// that has nothing else to do.
///
/// - Parameter isIPv6: the family that is asked for, since a socket reaches its own only; nil for either, IPv4 where there
///   are both.
/// - Throws: `TransportError.unknownHost` or `TransportError.otherFamily`.
package func resolve(
    host: String, port: UInt16, isIPv6: Bool? = nil
) async throws(TransportError) -> NetworkAddress {
    if let numeric = NetworkAddress.canonicalHost(host) { return NetworkAddress(host: numeric, port: port) }
    let found: [NetworkAddress]
    do {
        found = try await NIOThreadPool.singleton.runIfActive {
            Host(name: host).addresses.compactMap { NetworkAddress.canonicalHost($0) }
                .map { NetworkAddress(host: NetworkAddress.unmapped($0), port: port) }
        }
    } catch {
        throw .unknownHost(host)
    }
    guard !found.isEmpty else { throw .unknownHost(host) }
    guard let address = found.first(where: { $0.isIPv6 == isIPv6 ?? false }) ?? (isIPv6 == nil ? found[0] : nil) else {
        throw .otherFamily(host, isIPv6: isIPv6 == true)
    }
    return address
}
