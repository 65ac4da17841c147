import CSocketFilter
import NIOCore

/// Asks the system to drop most initiations of a flood before they reach a socket's buffer (a socket filter, Linux only):
/// then a flood costs who sends it, and hardly the process that it is meant for.
enum SocketFilter {
    /// Attaches a filter to the channel's socket that lets all initiations from `partners` pass.
    static func attach(to channel: any Channel, partners: some Sequence<SocketAddress>) {
        guard let options = channel as? any SocketOptionProvider, let local = channel.localAddress else { return }
        var addresses: [UInt32] = []
        var ports: [UInt16] = []
        let isV6 = local.protocol == .inet6
        for partner in partners.prefix(Int(MURMUR_FILTER_SOURCES)) {
            guard let end = lastBits(of: partner), let port = partner.port.flatMap(UInt16.init(exactly:)) else {
                continue
            }
            addresses.append(end)
            ports.append(port)
        }
        let filter = murmur_make_filter(addresses, ports, Int32(addresses.count), isV6 ? 1 : 0)
        guard filter.count > 0 else { return }
        // `SO_ATTACH_FILTER`, 26. The option's value is two plain numbers, laid out as the system has them; it copies the
        // program.
        options.unsafeSetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: 26), value: filter)
            .whenComplete { _ in murmur_free_filter(filter) }
    }

    /// Detaches the filter from the channel's socket.
    static func detach(from channel: any Channel) {
        guard let options = channel as? any SocketOptionProvider else { return }
        // `SO_DETACH_FILTER`, 27.
        options.unsafeSetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: 27), value: Int32(0))
            .whenComplete { _ in }
    }

    /// The last 32 bits of an IP address.
    private static func lastBits(of address: SocketAddress) -> UInt32? {
        guard let text = address.ipAddress?.split(separator: "%").first else { return nil }
        let groups = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let last = groups.last else { return nil }
        if last.contains(".") {
            let bytes = last.split(separator: ".").compactMap { UInt8($0) }
            return bytes.count == 4 ? bytes.reduce(0) { $0 << 8 | UInt32($1) } : nil
        }
        // Groups that `::` leaves out are zeros.
        let two = groups.suffix(2).map { UInt32($0, radix: 16) ?? 0 }
        return two.count == 2 ? two[0] << 16 | two[1] : nil
    }
}
