internal import Foundation

/// A thread of its own that runs long computations one after another, off the cooperative pool, so that neither timers
/// nor sockets wait for a matrix product.
package final class ComputeLane: Sendable {
    private let mailbox: LaneMailbox

    /// Starts a lane whose queue holds at most `limit` pieces of work.
    package init(limit: Int = 1024) {
        let mailbox = LaneMailbox(limit: limit)
        self.mailbox = mailbox
        LaneThread.start(mailbox)
    }

    deinit {
        mailbox.close()
    }

    /// Runs `body` on the lane after what is already queued, and returns its result.
    ///
    /// Throws what `body` throws, or `LaneError.full`. Work that has begun is not cancelled.
    package func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = mailbox.put {
                do {
                    continuation.resume(returning: try body())
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            if !isTaken { continuation.resume(throwing: LaneError.full(limit: mailbox.limit)) }
        }
    }

    /// One lane for each processor that this process may use.
    package static let all: [ComputeLane] = (0..<processorCount).map { _ in ComputeLane() }

    /// The lane that owner number `index` (for example a peer) uses: owners are dealt out evenly.
    package static func shared(for index: Int) -> ComputeLane {
        all[((index % all.count) + all.count) % all.count]
    }

    private static var processorCount: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
