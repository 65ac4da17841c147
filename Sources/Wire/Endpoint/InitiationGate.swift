import Basics
import Cryptography

/// Decides which initiations are worth a key agreement. While there are few, all are; when there are many, only those
/// whose second code shows that their sender receives at its address, and of one address only a few a second.
struct InitiationGate: Sendable {
    /// What is to be done with an initiation whose first code is right.
    enum Verdict: Equatable {
        /// It is to be looked at.
        case admit
        /// Its sender is to be given this cookie.
        case ask(cookie: [UInt8])
        /// There are too many.
        case drop
    }

    private var second: Int64 = .min
    private var seen = 0
    private var arrived = 0
    private var proven = 0
    private var provenOfAddress: [NetworkAddress: Int] = [:]
    private var secret: [UInt8] = []
    private var previousSecret: [UInt8] = []
    private var secretTime = MonotonicTime.zero

    /// Whether an initiation is worth the check of its codes: of more than so many in a second, those from where no peer is
    /// known are picked at random, so that a flood costs little more than its reception.
    mutating func isWorthChecking(
        isKnownAddress: Bool, configuration: WireConfiguration, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) -> Bool {
        beginSecond(time)
        arrived += 1
        return isKnownAddress || arrived <= configuration.initiationsChecked || generator.next() & 7 == 0
    }

    private mutating func beginSecond(_ time: MonotonicTime) {
        guard time.nanoseconds / 1_000_000_000 != second else { return }
        second = time.nanoseconds / 1_000_000_000
        seen = 0
        arrived = 0
        proven = 0
        provenOfAddress.removeAll(keepingCapacity: true)
    }

    /// Judges the initiation `bytes` from `address`.
    mutating func judge(
        _ bytes: [UInt8], from address: NetworkAddress, configuration: WireConfiguration, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) -> Verdict {
        beginSecond(time)
        seen += 1
        guard seen > configuration.initiationsWithoutCookie else { return .admit }
        renewSecret(at: time, using: &generator)
        let place = Array(address.description.utf8)
        let cookie = Self.cookie(place, secret: secret)
        let isProven =
            HandshakePacket.hasValidSecondCode(bytes, cookie: cookie)
            || (!previousSecret.isEmpty
                && HandshakePacket.hasValidSecondCode(bytes, cookie: Self.cookie(place, secret: previousSecret)))
        guard isProven else { return .ask(cookie: cookie) }
        proven += 1
        provenOfAddress[address, default: 0] += 1
        guard proven <= configuration.initiationsPerSecond,
            provenOfAddress[address, default: 0] <= configuration.initiationsPerAddress
        else { return .drop }
        return .admit
    }

    private mutating func renewSecret(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard secret.isEmpty || secretTime + CookieReply.cookieLife <= time else { return }
        // A secret older than that has made no cookie that still holds.
        previousSecret = secretTime + CookieReply.cookieLife * 2 > time ? secret : []
        secret = generator.bytes(count: 32)
        secretTime = time
    }

    private static func cookie(_ place: [UInt8], secret: [UInt8]) -> [UInt8] {
        Digest.code(place, count: place.count, key: secret)
    }
}
