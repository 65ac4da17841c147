package import Foundation
import Storage

/// Where a judge answers: an endpoint in the form of OpenAI's API.
package struct JudgeEndpoint: Sendable, CustomStringConvertible {
    /// The address that requests go to, with `/chat/completions` at its end.
    package let url: URL
    /// As it was given, without what comes after its path: what is printed and kept.
    package let description: String
    /// What is sent as `Authorization: Bearer …`; nil for nothing. It is in no message and in no file.
    let key: String?

    /// - Parameters:
    ///   - address: the base of the API, such as `http://127.0.0.1:8080/v1`.
    ///   - key: the key, from the environment; an empty one is none.
    /// - Throws: `CommandFailure` for what is no such address, and for a key that would travel in the clear.
    package init(_ address: String, key: String?) throws {
        let base = address.hasSuffix("/") ? String(address.dropLast()) : address
        guard let parts = URLComponents(string: base), let host = parts.host, !host.isEmpty, parts.query == nil,
            parts.fragment == nil, parts.user == nil, parts.password == nil,
            ["http", "https"].contains(parts.scheme?.lowercased()), let url = URL(string: base + "/chat/completions")
        else {
            throw CommandFailure(
                "the endpoint is an address such as http://127.0.0.1:8080/v1, without a name, key or query in it")
        }
        let key = key.flatMap { $0.isEmpty ? nil : $0 }
        guard key?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) ?? true else {
            throw CommandFailure("the key has characters that no key has: spaces, line breaks or others beyond ASCII")
        }
        guard key == nil || parts.scheme?.lowercased() == "https" || Self.isLoopback(host) else {
            throw CommandFailure(
                "the key would travel to \(host) unencrypted: use https, or a variable that is empty (--key-variable NONE)"
            )
        }
        self.url = url
        self.key = key
        description = base
    }

    /// Whether `host` is a name or address of this machine's loopback.
    static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased()
        if ["localhost", "::1", "[::1]"].contains(host) { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// How often and how long a request is tried.
package struct RetryPolicy: Sendable, Hashable {
    /// How often a request is sent at most.
    package var attempts = 6
    /// The pause after the first try that failed, about; it doubles from try to try.
    package var firstPause: Duration = .seconds(1)
    /// The longest pause that is taken unasked.
    package var longestPause: Duration = .seconds(60)
    /// The longest pause that an endpoint may ask for (`Retry-After`).
    package var longestAskedPause: Duration = .seconds(300)

    package init() {}

    /// What became of a try.
    package enum Outcome: Sendable, Hashable {
        /// A response with a status other than 200; `retryAfter` is what its header asks for.
        case status(Int, retryAfter: Duration? = nil)
        /// No response came, or not all of it.
        case unreachable
        /// The time was over.
        case late
        /// The response is larger than allowed.
        case tooLarge
        /// The response is none of the API's form.
        case garbage
    }

    package enum Decision: Sendable, Hashable {
        case again(after: Duration)
        case giveUp
    }

    /// What is done after try number `attempt`, counted from one. Pauses are drawn between the half and the whole, so that
    /// requests that failed together do not come again together.
    package func decision(
        after outcome: Outcome, attempt: Int, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        guard attempt < attempts, Self.isWorthwhile(outcome) else { return .giveUp }
        let doublings = 1 << min(max(attempt - 1, 0), 20)
        let pause = min(firstPause * doublings, longestPause) * (0.5 + Double.random(in: 0..<0.5, using: &generator))
        if case .status(_, let asked?) = outcome {
            guard asked <= longestAskedPause else { return .giveUp }
            return .again(after: max(asked, pause))
        }
        return .again(after: pause)
    }

    /// Whether another try may end otherwise.
    private static func isWorthwhile(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .status(let code, _): [408, 409, 425, 429].contains(code) || (500...599).contains(code)
        case .unreachable, .late, .garbage: true
        case .tooLarge: false
        }
    }

    /// What a `Retry-After` header asks for at the time `now`: seconds, or a date as HTTP has it. Nil for anything else.
    package static func pause(asked text: String, now: Date) -> Duration? {
        let text = text.trimmingCharacters(in: .whitespaces)
        if !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return Int(text).map { .seconds($0) }
        }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard text.utf8.count <= 40, let date = format.date(from: text) else { return nil }
        return .milliseconds(Int64((max(0, min(date.timeIntervalSince(now), 1e6)) * 1000).rounded(.up)))
    }
}
