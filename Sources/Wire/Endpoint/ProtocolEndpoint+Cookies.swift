import Basics
import Cryptography

extension ProtocolEndpoint {
    /// Whether an initiation whose first code is right is to be looked at. Under load its sender may be given a cookie
    /// instead, which is shorter than the initiation.
    mutating func admits(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Bool {
        let bytes = datagram.bytes
        switch gate.judge(bytes, from: datagram.address, configuration: configuration, at: time, using: &generator) {
        case .admit:
            return true
        case .drop:
            statistics.drop(.initiationRate)
        case .ask(let cookie):
            statistics.drop(.cookieAsked)
            var reader = ByteReader(bytes, range: 4..<bytes.count)
            guard let senderIndex = reader.integer(UInt32.self), cookies.count < Self.cookieQueueLimit else { break }
            let reply = CookieReply.packet(
                receiverIndex: senderIndex, cookie: cookie,
                nonce: generator.bytes(count: CookieReply.nonceByteCount), code: HandshakePacket.firstCode(bytes),
                key: cookieKey)
            cookies.append(Datagram(address: datagram.address, bytes: reply))
        }
        return false
    }

    /// Keeps the cookie that answers our initiation: the next one shows it.
    mutating func receiveCookie(_ datagram: Datagram, at time: MonotonicTime) {
        var reader = ByteReader(datagram.bytes)
        guard reader.range(count: 4) != nil, let receiverIndex = reader.integer(UInt32.self),
            let index = neighbourOfIndex[receiverIndex], let handshake = neighbours[index].handshake,
            handshake.localIndex == receiverIndex,
            let cookie = CookieReply.open(
                datagram.bytes, code: handshake.code,
                key: CookieReply.key(for: neighbours[index].remote.exchangeKey))
        else { return statistics.drop(.unexpectedCookie) }
        // A copy, or the same cookie once more: it ages from when it first came, whoever repeats it.
        guard neighbours[index].cookie?.bytes != cookie else { return statistics.drop(.unexpectedCookie) }
        neighbours[index].cookie = (cookie, time)
    }

    /// The cookie to show the neighbour, if it gave us one that still holds.
    func freshCookie(of index: Int, at time: MonotonicTime) -> [UInt8]? {
        guard let cookie = neighbours[index].cookie, time < cookie.time + InitiationGate.cookieLife else { return nil }
        return cookie.bytes
    }

    private static let cookieQueueLimit = 256
}
