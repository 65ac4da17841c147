/// An IPv4 or IPv6 address and a UDP port, in the form that sockets give: numeric, never a name to be resolved.
package struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address in text, as `inet_ntop` writes it: `127.0.0.1`, `::1`.
    package var host: String
    /// The UDP port.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `127.0.0.1:9100`, `[::1]:9100`.
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
