import Basics
import Foundation
package import InstructionTuning
package import Storage

/// Asks an endpoint, again where that is worthwhile, and reads its replies.
package struct JudgeClient: Sendable {
    /// What a request is allowed.
    package struct Limits: Sendable, Hashable {
        /// How long one try may take.
        package var time: Duration = .seconds(300)
        /// The most bytes of a response.
        package var size = 4 << 20

        package init() {}
    }

    /// Why a request has no reply.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        /// What the last try met.
        package let description: String
        /// How often it was sent.
        package let tries: Int
        /// Whether no other request will fare better: the key is refused, or there is no such model or path, or the form
        /// of the reply.
        package let isForAll: Bool
        /// Whether it is the form of the reply that is refused.
        package let isOfFormat: Bool
        /// Whether the endpoint did not answer as it should, which the next request may meet as well.
        package let isOfEndpoint: Bool
    }

    /// The member of a request that says what form the reply has.
    static let formatMember = "response_format"

    package let endpoint: JudgeEndpoint
    private let policy: RetryPolicy
    private let limits: Limits
    private let exchange: HTTPExchange
    private let seed: UInt64
    private let pause: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - seed: what the lengths of pauses are drawn from.
    ///   - pause: waits; given by tests that do not.
    package init(
        _ endpoint: JudgeEndpoint, policy: RetryPolicy = RetryPolicy(), limits: Limits = Limits(), seed: UInt64,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.endpoint = endpoint
        self.policy = policy
        self.limits = limits
        self.seed = seed
        self.pause = pause
        exchange = HTTPExchange(time: limits.time, size: limits.size)
    }

    /// The reply to `body`, and how many tries it took. `number` tells requests apart, for their pauses.
    ///
    /// - Throws: `Failure`, or `CancellationError`.
    package func reply(to body: JSONValue, number: Int) async throws -> (reply: JudgeReply, tries: Int) {
        let (bytes, hasFormat) = (body.encoded(), body[Self.formatMember] != nil)
        var generator = SeededGenerator(seed: seed, label: "judge", index: UInt64(number))
        var attempt = 0
        while true {
            attempt += 1
            let outcome = await exchange.post(bytes, to: endpoint.url, key: endpoint.key)
            try Task.checkCancellation()
            let (met, words): (RetryPolicy.Outcome, String)
            switch outcome {
            case .response(200, _, let body):
                if let reply = JudgeReply(body: body) { return (reply, attempt) }
                (met, words) = (.garbage, "a response that is none of a chat completion's form")
            case .response(let status, let retryAfter, let body):
                let asked = retryAfter.flatMap { RetryPolicy.pause(asked: $0, now: Date()) }
                let complaint = JudgeReply.complaint(in: body)
                // Whatever the status: llama-cpp-python's own is 500, which asking again does not change.
                if hasFormat, (400...599).contains(status), complaint.contains(Self.formatMember) {
                    throw Failure(
                        description: "status \(status): \(complaint)", tries: attempt, isForAll: true, isOfFormat: true,
                        isOfEndpoint: false)
                }
                (met, words) = (
                    .status(status, retryAfter: asked), "status \(status)" + (complaint.isEmpty ? "" : ": \(complaint)")
                )
            case .unreachable(let reason): (met, words) = (.unreachable, "no response: \(reason)")
            case .late: (met, words) = (.late, "no response within \(Int(limits.time.inSeconds.rounded(.up))) s")
            case .tooLarge: (met, words) = (.tooLarge, "a response of more than \(limits.size) bytes")
            }
            switch policy.decision(after: met, attempt: attempt, using: &generator) {
            case .again(let duration): try await pause(duration)
            case .giveUp: throw Self.failure(words, after: met, tries: attempt)
            }
        }
    }

    private static func failure(_ words: String, after met: RetryPolicy.Outcome, tries: Int) -> Failure {
        guard case .status(let code, _) = met else {
            return Failure(description: words, tries: tries, isForAll: false, isOfFormat: false, isOfEndpoint: true)
        }
        return Failure(
            description: words, tries: tries, isForAll: [401, 402, 403, 404, 405].contains(code), isOfFormat: false,
            isOfEndpoint: code == 429 || code >= 500 || (300...399).contains(code))
    }
}
