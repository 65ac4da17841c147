import Foundation

/// How many files, pipes and sockets this process may have open.
package enum OpenFiles {
    /// The most that there is a use for: a swarm of a few hundred processes.
    private static let enough = 16_384

    /// Lets the process open as many as the system allows it, up to what there is a use for, and gives the number.
    @discardableResult
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        let wanted = min(limit.rlim_max, rlim_t(enough))
        if wanted > limit.rlim_cur {
            var raised = limit
            raised.rlim_cur = wanted
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Refuses work that needs `count` open files where the process may not have as many; `work` begins the sentence. What
    /// fails for want of one later says less, or nothing.
    package static func require(_ count: Int, for work: String) throws {
        let allowed = raiseLimit()
        guard count > allowed else { return }
        throw CommandFailure(
            "\(work) about \(count) open files, and this process may have \(allowed); let it have more: ulimit -n \(count)"
        )
    }
}
