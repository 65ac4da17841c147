import Synchronization

/// Counts steps of work that several tasks do, and tells the sum each time.
final class Counter: Sendable {
    private let count = Mutex(0)
    private let told: @Sendable (Int) -> Void

    /// A counter at zero that calls `told` with every new sum.
    init(_ told: @escaping @Sendable (Int) -> Void) {
        self.told = told
    }

    /// Adds `steps`.
    func add(_ steps: Int) {
        told(
            count.withLock { count in
                count += steps
                return count
            })
    }
}
