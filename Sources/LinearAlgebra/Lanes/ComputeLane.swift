import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

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

/// The queue of a compute lane: bounded, first in first out, waited on by one thread.
// @unchecked: `waiting`, `isClosed` and the ring's position are only touched between lock and unlock of the mutex.
final class LaneMailbox: @unchecked Sendable {
    let limit: Int
    private var waiting: [@Sendable () -> Void] = []
    private var taken = 0
    private var isClosed = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(limit: Int) {
        precondition(limit > 0, "a lane's queue holds something")
        self.limit = limit
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Queues `work`; false when the queue is full.
    func put(_ work: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !isClosed, waiting.count - taken < limit else { return false }
        waiting.append(work)
        pthread_cond_signal(condition)
        return true
    }

    /// The next piece of work, waited for; nil once the mailbox is closed and empty.
    func take() -> (@Sendable () -> Void)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while taken == waiting.count {
            if isClosed { return nil }
            waiting.removeAll(keepingCapacity: true)
            taken = 0
            pthread_cond_wait(condition, mutex)
        }
        let work = waiting[taken]
        // Else the queue would hold on to what the work holds, perhaps a model, until the place is cut off.
        waiting[taken] = {}
        taken += 1
        // What was taken is cut off half a queue at a time, so that taking costs the same however long the queue is.
        if taken > 64 && taken * 2 > waiting.count {
            waiting.removeFirst(taken)
            taken = 0
        }
        return work
    }

    /// Ends the lane once its queue is empty.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }
}

/// The thread of a compute lane.
enum LaneThread {
    // OpenBLAS keeps small matrices on the stack, more than a secondary thread's usual 512 KiB.
    private static let stackSize = 16 << 20

    /// Starts a thread that runs what comes into `mailbox` until that is closed.
    static func start(_ mailbox: LaneMailbox) {
        let thread = Thread {
            while let work = mailbox.take() { work() }
        }
        thread.stackSize = stackSize
        thread.name = "murmur-lane"
        thread.start()
    }
}

/// Why a compute lane did not take a piece of work.
package enum LaneError: Error, Equatable, CustomStringConvertible {
    /// The lane's queue is full.
    case full(limit: Int)

    package var description: String {
        switch self {
        case .full(let limit):
            "the compute lane already has \(limit) pieces of work waiting; run fewer peers in one process"
        }
    }
}
