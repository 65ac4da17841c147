import Foundation

/// What the system lets this process have. What fails for want of it later says less, or nothing.
package enum ProcessLimits {
    /// The least address space (`ulimit -v`) that a process works with, in bytes: OpenBLAS takes 128 MiB for each of its
    /// threads as soon as it is loaded, and waits for it for ever, at the end of the process too.
    package static let leastAddressSpace = 400 << 20

    /// The most open files that there is a use for: those of a swarm of two thousand processes.
    private static let enoughFiles = 16_384

    /// Ends the process with a line where its address space is too small for anything.
    package static func requireAddressSpace() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { return }
        guard let fault = addressSpaceFault(limit: UInt64(limit.rlim_cur)) else { return }
        Terminal.note("murmur: \(fault)")
        // Not by `exit`: what libraries do at the end of a process needs the memory that is not there.
        _exit(ExitStatus.failure.rawValue)
    }

    /// What is said of an address space of `limit` bytes; nil where it is enough.
    package static func addressSpaceFault(limit: UInt64) -> String? {
        guard limit < leastAddressSpace else { return nil }
        return
            "this process may have \(limit >> 20) MiB of address space, and \(leastAddressSpace >> 20) MiB are the least that "
            + "it works with; let it have more: ulimit -v \(leastAddressSpace >> 10)"
    }

    /// Refuses work that needs `count` open files where the process may not have as many, though it takes all that the system
    /// allows; `work` begins the sentence.
    package static func requireOpenFiles(_ count: Int, for work: String) throws {
        let allowed = raisedFileLimit()
        guard count > allowed else { return }
        throw CommandFailure(
            "\(work) about \(count) open files, and this process may have \(allowed); let it have more: ulimit -n \(count)"
        )
    }

    /// Raises the limit of open files as far as the system allows and there is a use for it, and gives it.
    private static func raisedFileLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        let wanted = min(limit.rlim_max, rlim_t(enoughFiles))
        if wanted > limit.rlim_cur {
            var raised = limit
            raised.rlim_cur = wanted
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
