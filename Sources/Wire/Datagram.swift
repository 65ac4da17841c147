package import Overlay

/// A UDP payload with the address it comes from or goes to.
package struct Datagram: Sendable, Hashable {
    /// The other side's address: the source of what is received, the destination of what is sent.
    package var address: NetworkAddress
    /// The payload.
    package var bytes: [UInt8]

    package init(address: NetworkAddress, bytes: [UInt8]) {
        self.address = address
        self.bytes = bytes
    }
}
