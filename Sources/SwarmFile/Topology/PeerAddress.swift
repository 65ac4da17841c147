package import Basics

/// Where a peer receives, as a topology file says it: a numeric address or the name of a host, and a UDP port. Names are
/// looked up by whoever has the network; nothing here does.
package struct PeerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A numeric address in its one form, or a host's name in lower case.
    package let host: String
    package let port: UInt16

    package init(_ address: NetworkAddress) {
        self.init(known: address.host, port: address.port)
    }

    /// A host by its number or its name; nil for what is neither.
    package init?(host: String, port: UInt16) {
        guard let known = NetworkAddress.canonicalHost(host) ?? Self.name(host) else { return nil }
        self.init(known: known, port: port)
    }

    private init(known host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `192.0.2.7:9100`, `[2001:db8::7]:9100` or `ada.example.org:9100`; nil for anything else.
    package init?(_ text: String) {
        if let address = NetworkAddress(text) {
            self.init(address)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits),
            let name = Self.name(String(text[..<colon]))
        else { return nil }
        self.init(known: name, port: port)
    }

    /// The address, where the file has it in numbers.
    package var numeric: NetworkAddress? {
        NetworkAddress.canonicalHost(host).map { NetworkAddress(host: $0, port: port) }
    }

    /// As the file has it.
    package var description: String { NetworkAddress(host: host, port: port).description }

    /// The name of a host (RFC 1123; underscores, which some networks use, are let through) in lower case; nil for anything
    /// else. What ends with a number is a mistyped numeric address and no name.
    package static func name(_ text: String) -> String? {
        let name = text.hasSuffix(".") ? text.dropLast() : text[...]
        guard (1...253).contains(name.utf8.count) else { return nil }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        for label in labels {
            guard (1...63).contains(label.utf8.count), !label.hasPrefix("-"), !label.hasSuffix("-"),
                label.utf8.allSatisfy({ byte in
                    switch byte {
                    case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                })
            else { return nil }
        }
        guard let last = labels.last, !last.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return name.lowercased()
    }
}
