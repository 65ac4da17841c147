internal import Glibc

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
        waiting[taken] = {}
        taken += 1
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
