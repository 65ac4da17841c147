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

extension NetworkAddress {
    /// Reads `127.0.0.1:9100` or `[::1]:9100`; nil for anything else, names of hosts included.
    ///
    /// The host comes out in the one form that sockets give (RFC 5952 for IPv6), so that equal addresses are equal.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        let bracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        if bracketed { host = host.dropFirst().dropLast() }
        guard bracketed == host.contains(":"), let canonical = Self.canonicalHost(String(host)) else { return nil }
        self.init(host: canonical, port: port)
    }

    /// The canonical form of a numeric IPv4 or IPv6 address; nil for anything else.
    package static func canonicalHost(_ text: String) -> String? {
        if let octets = octets(of: text) { return octets.map { String($0) }.joined(separator: ".") }
        return groups(of: text).map(canonicalText)
    }

    /// The IPv4 address that an IPv6 one maps (`::ffff:192.0.2.7`), or the address itself: one machine has one name.
    package static func unmapped(_ host: String) -> String {
        guard let groups = groups(of: host), groups[..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xffff else {
            return host
        }
        return groups[6...].flatMap { ["\($0 >> 8)", "\($0 & 0xff)"] }.joined(separator: ".")
    }

    /// Whether the host is an IPv6 address: a socket reaches those of its own kind only.
    package var isIPv6: Bool { host.contains(":") }

    /// Why no datagram that is sent to this address reaches one peer, in a sentence; nil where it may.
    package var unreachableReason: String? {
        if let octets = Self.octets(of: host) {
            if octets[0] == 0 { return "is where a socket listens, not an address that others reach" }
            if octets == [255, 255, 255, 255] { return "is the broadcast address, which is no single peer's" }
            if (224...239).contains(octets[0]) { return "is a multicast address, which is no single peer's" }
            return octets[0] >= 240 ? "is reserved and nobody's" : nil
        }
        guard let groups = Self.groups(of: host) else { return nil }
        if groups.allSatisfy({ $0 == 0 }) { return "is where a socket listens, not an address that others reach" }
        if groups[0] & 0xff00 == 0xff00 { return "is a multicast address, which is no single peer's" }
        if groups[0] & 0xffc0 == 0xfe80 { return "holds on one link only, and which one it does not say" }
        return nil
    }

    private static func octets(of text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            // A leading zero would be read as octal by some systems.
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
                part == "0" || !part.hasPrefix("0"), let octet = UInt8(part)
            else { return nil }
            octets.append(octet)
        }
        return octets
    }

    /// The eight groups of an IPv6 address, `::` and a dotted tail expanded.
    private static func groups(of text: String) -> [UInt16]? {
        guard text.utf8.count <= 45, text.contains(":"), !text.contains(":::") else { return nil }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        var parts: [[UInt16]] = []
        for (index, half) in halves.enumerated() {
            guard let part = groupList(half, mayEndDotted: index == halves.count - 1) else { return nil }
            parts.append(part)
        }
        if parts.count == 1 { return parts[0].count == 8 ? parts[0] : nil }
        let missing = 8 - parts[0].count - parts[1].count
        return missing < 1 ? nil : parts[0] + [UInt16](repeating: 0, count: missing) + parts[1]
    }

    private static func groupList(_ text: Substring, mayEndDotted: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndDotted, index == parts.count - 1, let octets = octets(of: part) {
                groups.append(UInt16(octets[0]) << 8 | UInt16(octets[1]))
                groups.append(UInt16(octets[2]) << 8 | UInt16(octets[3]))
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ $0 != 43 && $0 != 45 }),
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    /// RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::`, the first of equals.
    private static func canonicalText(_ groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count && groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}
