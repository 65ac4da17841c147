import Basics
import Foundation
import MurmurKit
import Testing

@Suite struct RetryPolicyTests {
    private func decision(
        _ outcome: RetryPolicy.Outcome, attempt: Int = 1, seed: UInt64 = 1, _ policy: RetryPolicy = RetryPolicy()
    ) -> RetryPolicy.Decision {
        var generator = SeededGenerator(seed: seed)
        return policy.decision(after: outcome, attempt: attempt, using: &generator)
    }

    private func pause(_ decision: RetryPolicy.Decision) -> Duration? {
        if case .again(let pause) = decision { pause } else { nil }
    }

    @Test(arguments: [408, 409, 425, 429, 500, 502, 503, 504, 529, 599])
    func whatMayPassIsTriedAgain(status: Int) { #expect(pause(decision(.status(status))) != nil) }

    @Test(arguments: [201, 204, 301, 302, 307, 400, 401, 402, 403, 404, 413, 422, 600, 0])
    func whatWillNotPassIsNot(status: Int) { #expect(decision(.status(status)) == .giveUp) }

    @Test func pausesDoubleWithinTheirBounds() throws {
        for attempt in 1...5 {
            for seed in 0..<50 as Range<UInt64> {
                let drawn = try #require(pause(decision(.unreachable, attempt: attempt, seed: seed)))
                let whole = Duration.seconds(1 << (attempt - 1))
                #expect(drawn >= whole / 2 && drawn < whole, "\(attempt): \(drawn)")
            }
        }
        #expect(decision(.unreachable, attempt: 6) == .giveUp && decision(.unreachable, attempt: 7) == .giveUp)
        var long = RetryPolicy()
        long.attempts = .max
        for attempt in [10, 63, 64, 1000, Int.max - 1] {
            let drawn = try #require(pause(decision(.late, attempt: attempt, long)))
            #expect(drawn >= .seconds(30) && drawn < .seconds(60))
        }
        #expect(decision(.late, seed: 5) == decision(.late, seed: 5))
        #expect(decision(.late, seed: 5) != decision(.late, seed: 6))
    }

    @Test func whatTheEndpointAsksForIsGranted() throws {
        #expect(pause(decision(.status(429, retryAfter: .seconds(17)))) == .seconds(17))
        #expect(pause(decision(.status(503, retryAfter: .seconds(300)))) == .seconds(300))
        #expect(decision(.status(429, retryAfter: .seconds(301))) == .giveUp)
        // No less than without its asking.
        #expect(try #require(pause(decision(.status(429, retryAfter: .zero)))) >= .milliseconds(500))
        #expect(decision(.status(400, retryAfter: .seconds(1))) == .giveUp)
    }

    @Test func aResponseWithoutEndIsNotAskedForAgain() {
        #expect(decision(.tooLarge) == .giveUp)
        #expect(pause(decision(.garbage)) != nil && pause(decision(.late)) != nil)
    }

    @Test func retryAfterIsSecondsOrADate() {
        let now = Date(timeIntervalSince1970: 784_111_777)
        func pause(_ text: String) -> Duration? { RetryPolicy.pause(asked: text, now: now) }
        #expect(pause("0") == .zero && pause(" 120 ") == .seconds(120))
        // One that asks for ever is believed as far as a number goes.
        #expect(pause("999999999") == .seconds(999_999_999) && pause("9999999999") == nil)
        #expect(pause("Sun, 06 Nov 1994 08:49:47 GMT") == .seconds(10))
        #expect(pause("Sun, 06 Nov 1994 08:49:27 GMT") == .zero)
        #expect(pause("Sun, 06 Nov 9994 08:49:27 GMT") == .seconds(1_000_000))
        for text in ["", "-1", "1.5", "soon", "1e9", "٣", String(repeating: "9", count: 5000)] {
            #expect(pause(text) == nil, "\(text.prefix(20))")
        }
    }
}

@Suite struct JudgeEndpointTests {
    @Test func requestsGoToTheChat() throws {
        for address in ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/"] {
            let endpoint = try JudgeEndpoint(address, key: nil)
            #expect(endpoint.url.absoluteString == "http://127.0.0.1:8080/v1/chat/completions")
            #expect("\(endpoint)" == "http://127.0.0.1:8080/v1")
        }
    }

    @Test(
        arguments: [
            "", "127.0.0.1:8080", "ftp://example.org/v1", "http://", "http:///v1", "https://name:word@example.org/v1",
            "https://example.org/v1?key=abc", "https://example.org/v1#a", "file:///etc/passwd",
        ])
    func otherAddressesAreRefusedWithoutBeingRepeated(address: String) throws {
        let failure = #expect(throws: CommandFailure.self) { try JudgeEndpoint(address, key: "sk-1") }
        #expect(failure?.description.contains("word") == false && failure?.description.contains("abc") == false)
    }

    @Test func aKeyStaysOutOfTheClear() throws {
        for host in ["example.org", "192.168.0.7:8000", "127.0.0.1.example.org", "0.0.0.0"] {
            let failure = #expect(throws: CommandFailure.self) { try JudgeEndpoint("http://\(host)/v1", key: "sk-1") }
            #expect(failure?.description.contains("unencrypted") == true)
            #expect(failure?.description.contains("sk-1") == false)
            _ = try JudgeEndpoint("http://\(host)/v1", key: "")
            _ = try JudgeEndpoint("https://\(host)/v1", key: "sk-1")
        }
        for host in ["localhost", "127.0.0.1:9", "[::1]:9", "127.9.9.9"] {
            _ = try JudgeEndpoint("http://\(host)/v1", key: "sk-1")
        }
        for key in ["sk 1", "sk-1\r\nX: y", "sk-1\n", "schlüssel"] {
            let failure = #expect(throws: CommandFailure.self) { try JudgeEndpoint("https://example.org/v1", key: key) }
            #expect(failure?.description.contains(key) == false)
        }
        // What is printed of an endpoint, by whatever way, has no key in it.
        let endpoint = try JudgeEndpoint("https://example.org/v1", key: "sk-secret")
        #expect(!"\(endpoint)".contains("secret"))
    }
}
