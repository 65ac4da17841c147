internal import Foundation

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
