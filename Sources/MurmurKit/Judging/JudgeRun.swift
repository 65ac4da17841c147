import Basics
import Foundation
import InstructionTuning
import Storage

/// A judging: asks what has not been answered yet, keeps every reply, and counts.
package struct JudgeRun: Sendable {
    package let plan: JudgePlan
    package let prices: JudgePrices?
    private let cache: JudgeCache
    private let client: JudgeClient
    private let concurrency: Int
    private let told: @Sendable (_ done: Int, _ total: Int) -> Void

    /// After so many requests in a row that the endpoint failed, nothing more is asked.
    static let failuresInARow = 5

    /// - Parameters:
    ///   - concurrency: how many requests are under way at a time.
    ///   - told: hears after each reply how many of how many there are.
    package init(
        _ plan: JudgePlan, cache: JudgeCache, client: JudgeClient, concurrency: Int, prices: JudgePrices? = nil,
        told: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) {
        precondition(concurrency > 0, "something is asked at a time")
        self.plan = plan
        self.cache = cache
        self.client = client
        self.concurrency = concurrency
        self.prices = prices
        self.told = told
    }

    /// What it will take.
    package var estimate: JudgeEstimate { JudgeEstimate(plan, known: cache.keys, prices: prices) }

    /// Asks, and counts. Throws `CommandFailure` where the endpoint refuses everything or the disk takes nothing more.
    package func run() async throws -> JudgeResult {
        let total = estimate.requests
        var waiting: [JudgePlan.Request] = []
        var seen = cache.keys
        for request in plan.requests where seen.insert(request.key).inserted { waiting.append(request) }
        var done = total - waiting.count
        var failures: [JudgeClient.Failure] = []
        var (next, inARow) = (0, 0)
        told(done, total)
        try await withThrowingTaskGroup(of: JudgeClient.Failure?.self) { group in
            func begin() {
                guard next < waiting.count, inARow < Self.failuresInARow else { return }
                let (number, request) = (next, waiting[next])
                next += 1
                group.addTask { try await ask(request, number: number) }
            }
            for _ in 0..<min(concurrency, waiting.count) { begin() }
            while let failure = try await group.next() {
                if let failure {
                    if failure.isForAll {
                        let advice = failure.isOfFormat ? plan.settings.form.wayOut.map { "; \($0)" } : nil
                        throw CommandFailure("\(client.endpoint) refuses: \(failure)\(advice ?? "")")
                    }
                    failures.append(failure)
                    inARow = failure.isOfEndpoint ? inARow + 1 : 0
                } else {
                    inARow = 0
                    done += 1
                    told(done, total)
                }
                begin()
            }
        }
        if let failure = failures.first, done == 0 {
            throw CommandFailure("no reply from \(client.endpoint): \(failure) (after \(failure.tries) tries)")
        }
        return result(failures: failures, hasGivenUp: next < waiting.count)
    }

    /// Asks and keeps the reply; gives why there is none.
    private func ask(_ request: JudgePlan.Request, number: Int) async throws -> JudgeClient.Failure? {
        let body = plan.body(of: request)
        do {
            let (reply, tries) = try await client.reply(to: body, number: number)
            try cache.keep(reply, to: body, key: request.key, tries: tries)
            return nil
        } catch let failure as JudgeClient.Failure {
            return failure
        }
    }

    /// What the replies that are there come to.
    package func result(failures: [JudgeClient.Failure] = [], hasGivenUp: Bool = false) -> JudgeResult {
        let tallies = plan.tallies { request in
            guard let reply = cache.reply(to: request.key) else { return .missing }
            do throws(JudgeVerdict.Fault) {
                return .verdict(try JudgeVerdict(reply: reply.content, form: plan.settings.form))
            } catch {
                return .malformed(error)
            }
        }
        let replies = Set(plan.requests.map(\.key)).compactMap { cache.reply(to: $0) }
        var reasons: [(reason: String, count: Int)] = []
        for failure in failures {
            if let place = reasons.firstIndex(where: { $0.reason == failure.description }) {
                reasons[place].count += 1
            } else {
                reasons.append((failure.description, 1))
            }
        }
        return JudgeResult(
            plan: plan, endpoint: "\(client.endpoint)", tallies: tallies,
            models: Set(replies.map(\.model)).subtracting([""]).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) },
            tokensIn: replies.reduce(0) { $0 + ($1.tokensIn ?? 0) },
            tokensOut: replies.reduce(0) { $0 + ($1.tokensOut ?? 0) },
            cutShort: replies.count { $0.finish == "length" }, prices: prices, failures: reasons,
            hasGivenUp: hasGivenUp, unreadable: cache.unreadable)
    }

    /// Runs until it is done, or until somebody asks it to stop. Throws `ExitStatus.stopped` after telling how to go on.
    package func runUntilStopped(by stops: AsyncStream<Int32>) async throws -> JudgeResult {
        try await withThrowingTaskGroup(of: JudgeResult?.self) { group in
            group.addTask { try await run() }
            group.addTask {
                for await _ in stops { throw ExitStatus.stopped }
                return nil
            }
            defer { group.cancelAll() }
            do {
                while let result = try await group.next() {
                    if let result { return result }
                }
                throw CancellationError()
            } catch ExitStatus.stopped {
                let kept = estimate
                Terminal.note(
                    "\nmurmur: stopped; \(kept.requests - kept.toAsk) of \(kept.requests) replies are kept. The same command "
                        + "goes on from there.")
                throw ExitStatus.stopped
            }
        }
    }
}
